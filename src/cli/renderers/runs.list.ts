/** One line per deploy. */
import type operation from "../../operations/runs.list.ts";
import { tableLines } from "../generic-text.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ runs, total, unreadable }, view) => {
    if (total === 0) return "no deploy has left a record yet\n";
    const rows = runs.map((run) => ({
      id: run.id,
      result: run.result,
      database: run.database,
      files: run.files,
      tests: testsText(run),
      seconds: run.duration_ms === null ? "" : (run.duration_ms / 1000).toFixed(2),
      project: run.project,
    }));
    const notes = [
      ...(unreadable > 0 ? [`${unreadable} damaged or of a later version`] : []),
      ...(total > runs.length + unreadable ? [`${total - runs.length - unreadable} older (--limit)`] : []),
    ];
    return `${[...tableLines(rows, view), ...notes].join("\n")}\n`;
  },
});

function testsText({ tests_passed: passed, tests_failed: failed }: Output["runs"][number]): string {
  if (passed === null || failed === null) return "";
  return failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} passed`;
}
