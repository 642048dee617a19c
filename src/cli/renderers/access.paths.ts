/**
 * Paths as numbered steps, worst first, each with what closes it; as DOT and Mermaid for whoever would rather look.
 *
 * Evidence quotes names of the server, so every line is tamed.
 */
import { styleText } from "node:util";
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/access.paths.ts";
import { dotGraph, type GraphDrawing, mermaidGraph } from "../graph-text.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Path = Output["paths"][number];

/** 40 paths: more is a list to search with --json or --role, not to read. */
const MAX_SHOWN = 40;

export default defineRenderer<Output>({
  result: (output, view) => `${[...headLines(output), ...pathLines(output, view), ...tailLines(output)].join("\n")}\n`,
  formats: {
    dot: (output) => (output ? dotGraph(drawing(output)) : ""),
    mermaid: (output) => (output ? mermaidGraph(drawing(output)) : ""),
  },
});

function headLines({ database, roles, paths }: Output): string[] {
  const starts = new Set(paths.map(({ from }) => from)).size;
  const found = paths.length === 0 ? "no path" : `${paths.length} ${paths.length === 1 ? "path" : "paths"}`;
  const among = starts === 0 || starts === roles ? "" : `${starts} of `;
  return [`${tameLine(database)}: ${found} from ${among}${roles} ${roles === 1 ? "role" : "roles"} that can log in`];
}

function pathLines({ paths }: Output, view: View): string[] {
  const shown = view.verbose ? paths : paths.slice(0, MAX_SHOWN);
  const lines = shown.flatMap((path) => ["", ...onePath(path, view)]);
  const rest = paths.length - shown.length;
  return rest > 0 ? [...lines, "", `… ${rest} more (--verbose, or --role to see one role's)`] : lines;
}

function onePath(path: Path, view: View): string[] {
  const title = `${nameOf(path.from)} -> ${targetText(path)}`;
  const heading = view.colour ? styleText("bold", tameLine(title), { validateStream: false }) : tameLine(title);
  const steps = path.steps.flatMap(({ evidence, condition }, index) => [
    `  ${index + 1}  ${tameLine(evidence)}`,
    ...(condition === null ? [] : [`     when ${tameLine(condition)}`]),
  ]);
  return [`${heading}   ${STRENGTH_TEXT[path.strength]}`, ...steps, ...cutLines(path)];
}

const STRENGTH_TEXT: Readonly<Record<Path["strength"], string>> = {
  certain: "at any time",
  waiting: "when somebody else acts",
  conditional: "under a condition",
};

function cutLines({ cut }: Path): string[] {
  if (cut === null) return ["  closed by: no small set of statements; the owner of the objects has to change"];
  if (cut.length === 0) return [];
  return cut.map((statement, index) => `  ${index === 0 ? "closed by" : "      and"}: ${tameLine(statement)}`);
}

function tailLines({ unknown, other_databases }: Output): string[] {
  const lines = unknown.map(({ target, reason }) => `? ${target}: not all ways were looked at, ${tameLine(reason)}`);
  if (other_databases.length > 0) {
    const names = other_databases.map((name) => tameLine(name)).join(", ");
    lines.push(`objects of other databases were not looked at: ${names}`);
  }
  return lines.length === 0 ? [] : ["", ...lines];
}

const nameOf = (role: string | null): string => (role === null ? "anybody" : `"${role}"`);

const targetText = ({ target, target_kind }: Path): string =>
  target_kind === "owner" ? `the privileges of "${target}"` : target;

/** One arrow per path, named by its rules. */
function drawing({ paths }: Output): GraphDrawing {
  const labels: string[] = [];
  const numbers = new Map<string, number>();
  const number = (label: string): number => {
    const known = numbers.get(label) ?? labels.push(label) - 1;
    numbers.set(label, known);
    return known;
  };
  const edges = paths.map((path) => ({
    from: number(nameOf(path.from)),
    to: number(targetText(path)),
    label: path.steps.map(({ rule }) => rule).join(", "),
    isDashed: path.strength !== "certain",
  }));
  return { name: "paths", nodes: labels.map((label) => ({ label })), edges };
}
