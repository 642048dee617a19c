/** How a test run looks: one line per test that is not simply green, then the counts. */
import { styleText } from "node:util";
import { tameLine } from "../../base/tame.ts";
import type { TestOutcome } from "../../deploy/run/report.ts";
import { reportOfTests, type TestRunResult } from "../../deploy/run/tests.ts";
import { defineRenderer, type View } from "../renderer.ts";
import { deployProgress } from "./deploy.run.ts";
import { reportFormats } from "./deploy-formats.ts";

export default defineRenderer<TestRunResult>({
  progress: (event, view) => deployProgress(event, view),
  result: (result, view) =>
    `${[...result.tests.map((test) => testLine(test, view)), countsLine(result, view)].join("\n")}\n`,
  formats: reportFormats(reportOfTests),
});

const SIGNS = { passed: ["✓", "ok", "green"], failed: ["✗", "FAILED", "red"], skipped: ["?", "?", "yellow"] } as const;

function testLine(test: TestOutcome, view: View): string {
  const path = tameLine(test.path.replace(/^\.\//, ""));
  const time = test.ms === undefined ? "" : `  ${Math.round(test.ms).toLocaleString("en-US")} ms`;
  const reason = test.message === undefined ? "" : `\n    ${tameLine(test.message)}`;
  return `${sign(test.result, view)} ${path}${time}${reason}`;
}

function countsLine({ database, passed, failed, skipped, duration_ms }: TestRunResult, view: View): string {
  const skippedText = skipped > 0 ? `, ${skipped} skipped` : "";
  const seconds = (duration_ms / 1000).toFixed(2);
  const text = `${tameLine(database)}: ${passed} passed, ${failed} failed${skippedText} in ${seconds}s, rolled back`;
  return `${sign(failed > 0 ? "failed" : "passed", view)} ${text}`;
}

function sign(result: TestOutcome["result"], view: View): string {
  const [mark, word, colour] = SIGNS[result];
  if (view.ascii) return word;
  return view.colour ? styleText(colour, mark, { validateStream: false }) : mark;
}
