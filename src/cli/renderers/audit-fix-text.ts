/** A fix plan as people read it: groups in the order in which they are done, each step with risk and what it takes. */
import { tameLine } from "../../base/tame.ts";
import type { FixDocument } from "../../operations/audit/fixing.ts";
import type { View } from "../renderer.ts";

type Step = FixDocument["steps"][number];

/** 40 lines of steps fill a screen twice; the rest is in the other formats. */
const MOST_STEPS = 40;
/** A step that cures more objects names the first of them. */
const MOST_OBJECTS = 3;

const TITLES: Readonly<Record<Step["group"], string>> = {
  settings: "settings of the server",
  roles: "roles",
  ownership: "owners",
  revokes: "privileges that go",
  statements: "statements in databases",
  files: "files of the server (lines are numbered as they were audited: edit with a copy beside you)",
  host: "the server's machine",
  decisions: "to decide",
};

export function fixPlanLines(document: FixDocument, view: View): string[] {
  const { steps, summary } = document;
  if (steps.length === 0) return ["nothing to fix"];
  const shown = steps.slice(0, view.verbose ? steps.length : MOST_STEPS);
  const lines = [
    `fix plan: ${counted(summary.findings, "finding")} in ${counted(summary.steps, "step")}, ${summary.safe} for --apply, ${summary.by_hand} by hand${summary.needs_restart ? ", a restart among them" : ""}`,
  ];
  let group: string | undefined;
  for (const step of shown) {
    if (step.group !== group) lines.push("", TITLES[step.group]);
    group = step.group;
    lines.push(...stepLines(step));
  }
  if (shown.length < steps.length) lines.push("", `... ${steps.length - shown.length} more (-v, or -o sql=fix.sql)`);
  return lines;
}

function stepLines(step: Step): string[] {
  const { n, cures, sql, lines, database, file, how, is_safe, by_hand } = step;
  const [first] = cures;
  const all = [...new Set(cures.map(({ object }) => tameLine(object)))];
  const objects = all.slice(0, MOST_OBJECTS);
  const more = all.length > MOST_OBJECTS ? ` and ${all.length - MOST_OBJECTS} more` : "";
  const checks = [...new Set(cures.map(({ check }) => check))].join(", ");
  const where = database === null ? "" : `  in ${tameLine(database)}`;
  const place = file === null ? [] : [`${tameLine(file)}: ${tameLine(how ?? "")}`];
  return [
    `${String(n).padStart(3)}  ${is_safe ? "--apply" : "by hand"}  ${checks}  ${first?.severity.toUpperCase()}  ${objects.join(", ")}${more}${where}`,
    ...sql.map((statement) => `       ${tameLine(statement)};`),
    ...[...place, ...lines].map((line) => `       ${tameLine(line)}`),
    `       ${[riskOf(step), takes(step), by_hand === null ? undefined : `not by --apply: ${tameLine(by_hand)}`].filter((part) => part !== undefined).join("; ")}`,
  ].filter((line) => line.trim() !== "");
}

function riskOf({ risk, risk_reason }: Step): string | undefined {
  if (risk === null) return undefined;
  return `risk ${risk}${risk_reason === null ? "" : ` (${tameLine(risk_reason)})`}`;
}

function takes({ effect }: Step): string | undefined {
  return effect === null || effect === "at once" ? undefined : `in force ${effect}`;
}

/** What was done, what it cured, and what is left. */
export function fixedLines(document: FixDocument, view: View): string[] {
  const { applied, failed, not_cured, appeared, steps } = document;
  const mark = view.ascii ? "ok" : "✓";
  const cross = view.ascii ? "FAILED" : "✗";
  const titleOf = (n: number): string => {
    const step = steps.find((each) => each.n === n);
    const [statement = ""] = step?.sql.filter((sql) => !/^(?:set|reset) role/.test(sql)) ?? [];
    return `${[...new Set(step?.cures.map(({ check }) => check))].join(", ")}  ${tameLine(statement)}`;
  };
  return [
    ...applied.map((n) => `${mark} ${titleOf(n)}`),
    ...failed.map(({ n, reason }) => `${cross} ${titleOf(n)}: ${tameLine(reason)}`),
    ...not_cured.map(
      ({ check, object }) => `${cross} ${check}  ${tameLine(object)} is still found, or cannot be seen any more`,
    ),
    ...appeared.map(({ check, object }) => `! ${check}  ${tameLine(object)} is found now and was not before`),
    ...undoLines(document),
  ];
}

/** 30 lines: a longer script belongs into a file. */
const MOST_UNDO_LINES = 30;

/** The way back, for whoever did not ask for a file. */
function undoLines({ undo, undo_file }: FixDocument): string[] {
  if (undo === null || undo_file !== null) return [];
  const lines = undo.trimEnd().split("\n");
  if (lines.length > MOST_UNDO_LINES)
    return ["", `what undoes it has ${lines.length} lines: --json, or --save-undo FILE`];
  return ["", "what undoes it, for psql:", ...lines.map((line) => `  ${tameLine(line)}`)];
}

export function fixSummary({ outcome, summary, before, after, undo_file, applied }: FixDocument): string {
  const score = (of: FixDocument["before"]): string =>
    of.score === null ? "too little checked" : `${of.grade} ${of.score}`;
  switch (outcome) {
    case "nothing to do":
      return "nothing to fix";
    case "planned":
      return summary.safe > 0
        ? "nothing was changed; next: the same command with --apply        or  -o sql=fix.sql"
        : "nothing was changed, and nothing of it is for --apply; scripts: -o sql=fix.sql -o conf=fix.conf";
    case "not applied":
      return `nothing was changed (${summary.safe > 0 ? "--dry-run" : "all of it is left to a person"})`;
    default: {
      const to =
        after === null
          ? ""
          : `: ${score(before)} -> ${score(after)}, ${counted(before.findings, "finding")} -> ${after.findings}`;
      const undo = undo_file === null ? "" : `; undo: ${tameLine(undo_file)}`;
      return `${counted(applied.length, "step")} applied and audited again${to}${undo}`;
    }
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
