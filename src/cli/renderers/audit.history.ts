/** Audits as a table, newest first, and under it one line per pillar that draws how its score went. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/audit.history.ts";
import { tableLines } from "../generic-text.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Audit = Output["audits"][number];

const STEPS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_STEPS = [".", ":", "-", "=", "+", "*", "#", "@"];

const LINES = ["network", "transport", "database", "practices", "score"] as const;

export default defineRenderer<Output>({
  result: ({ audits, total, unreadable }, view) => {
    if (audits.length === 0) return total === 0 ? "no audit has left a record yet\n" : "no such audit is kept\n";
    const shown = [
      ...tableLines(audits.map(row), view),
      "",
      ...trends(audits, view),
      ...(unreadable > 0 ? [`${unreadable} damaged or of a later version`] : []),
    ];
    return `${shown.join("\n")}\n`;
  },
});

function row({ id, target, score, grade, critical, high, medium, low, waived, unknown }: Audit) {
  return { id, target: target ?? "files", score: score ?? "?", grade, critical, high, medium, low, waived, unknown };
}

/** One set of lines per target: scores of two servers are no trend. */
function trends(audits: readonly Audit[], view: View): string[] {
  const targets = [...new Set(audits.map(({ target }) => target))];
  return targets.flatMap((target) => {
    const own = audits.filter((audit) => audit.target === target).reverse();
    if (own.length < 2) return [];
    return [
      `trend of ${tameLine(target ?? "files")}, oldest first`,
      ...LINES.map((name) => `  ${(name === "score" ? "all" : name).padEnd(10)} ${trend(own, name, view)}`),
    ];
  });
}

/** A step per audit, `?` where there was no score, then the first and the last in numbers. */
function trend(own: readonly Audit[], name: (typeof LINES)[number], view: View): string {
  const steps = view.ascii ? ASCII_STEPS : STEPS;
  const drawn = own.map((audit) => stepOf(audit[name], steps)).join("");
  const [first, last] = [own[0]?.[name] ?? "?", own.at(-1)?.[name] ?? "?"];
  return `${drawn}  ${first} ${view.ascii ? "->" : "→"} ${last}`;
}

function stepOf(score: number | null, steps: readonly string[]): string {
  if (score === null) return "?";
  return steps[Math.min(steps.length - 1, Math.floor((score * steps.length) / 100))] ?? "";
}
