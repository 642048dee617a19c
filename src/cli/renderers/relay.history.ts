/**
 * Changes of a pipeline, newest first: who, when, and each value that differs. A change that a person has to compare two
 * objects for is a change that nobody looks at.
 */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.history.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Change = Output["changes"][number];

export default defineRenderer<Output>({
  result: ({ changes }) => {
    if (changes.length === 0) return "no change is recorded\n";
    return `${changes.flatMap(linesOf).join("\n")}\n`;
  },
});

function linesOf({ changed_at: at, changed_by: by, kind, old_config: before, new_config: after }: Change): string[] {
  const head = `${at.slice(0, 19)}Z  ${tameLine(by)}  ${kind}`;
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const gone = [...old]
    .filter(([place, value]) => now.get(place) !== value)
    .map(([place, value]) => [place, "-", value]);
  const came = [...now]
    .filter(([place, value]) => old.get(place) !== value)
    .map(([place, value]) => [place, "+", value]);
  const places = [...gone, ...came].sort(([one = ""], [other = ""]) => (one < other ? -1 : one > other ? 1 : 0));
  return [head, ...places.map(([place, sign, value]) => `  ${sign} ${tameLine(`${place}  ${value}`)}`)];
}

/** Dotted place -> JSON text of everything that is not an object with something in it. */
function leavesOf(value: unknown, place = ""): Map<string, string> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (place === "" && !isObject) return new Map();
  const entries = isObject ? Object.entries(value) : [];
  if (entries.length === 0) return place === "" ? new Map() : new Map([[place, JSON.stringify(value)]]);
  return new Map(entries.flatMap(([name, inner]) => [...leavesOf(inner, place === "" ? name : `${place}.${name}`)]));
}
