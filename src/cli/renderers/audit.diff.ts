/** What changed between two audits: scores first, then findings by what became of them. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/audit.diff.ts";
import { tableLines } from "../generic-text.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Finding = Output["new"][number];

/** 40 findings of one kind: a screen; --verbose and --json show the rest. */
const MAX_FINDINGS = 40;

export default defineRenderer<Output>({
  result: (output, view) => `${lines(output, view).join("\n")}\n`,
});

function lines(output: Output, view: View): string[] {
  const { before, after, same_target, scores, at_or_above, fail_on } = output;
  const arrow = view.ascii ? "->" : "→";
  return [
    `${runText(before)} ${arrow} ${runText(after)}`,
    ...(same_target ? [] : ["! these are audits of two different targets"]),
    "",
    ...tableLines(
      scores.map((row) => ({ pillar: row.pillar, before: row.before, after: row.after, change: change(row) })),
      view,
    ),
    "",
    ...section("new", output.new, view),
    ...section("gone", output.gone, view),
    ...section("not looked for again, so nobody knows", output.not_looked_for, view),
    ...section("accepted since", output.waived, view),
    ...section(
      "other severity",
      output.severity_changed.map(({ from, ...finding }) => ({ ...finding, title: `${finding.title} (was ${from})` })),
      view,
    ),
    `${output.still} still there`,
    `${at_or_above} new at or above "${fail_on}" ${arrow} exit ${at_or_above > 0 ? 20 : 0}`,
  ];
}

const runText = ({ run, observed_at, target }: Output["before"]): string =>
  `${tameLine(run)} (${tameLine(target ?? "files")}, ${tameLine(observed_at)})`;

function change({ before, after }: Output["scores"][number]): string {
  if (before === null || after === null) return "?";
  const points = after - before;
  return points > 0 ? `+${points}` : String(points);
}

function section(name: string, findings: readonly Finding[], view: View): string[] {
  if (findings.length === 0) return [];
  const shown = view.verbose ? findings : findings.slice(0, MAX_FINDINGS);
  const rest = findings.length - shown.length;
  const rows = shown.map(({ severity, check, object, database, title }) => ({
    severity,
    check,
    object: database === null ? object : `${object} in database ${database}`,
    title,
  }));
  return [
    `${name}: ${findings.length}`,
    ...tableLines(rows, view, "  "),
    ...(rest > 0 ? [`  … ${rest} more (--verbose)`] : []),
    "",
  ];
}
