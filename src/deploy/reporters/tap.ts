/**
 * TAP version 14: one test point per test and one for the deploy, diagnostics as YAML blocks.
 *
 * Strings inside the blocks are written as JSON strings, which YAML reads as they are, so no text of a server can
 * leave its line or end the block. In descriptions "#" starts a directive and is escaped.
 * Source: testanything.org, TAP 14 specification.
 */
import { tameJson } from "../../base/tame.ts";
import type { DeployReport } from "../run/report.ts";
import { casesOf, defineReporter, type ReportedCase } from "./reporter.ts";

export default defineReporter({
  summary: "TAP version 14",
  render: (report) => {
    const cases = casesOf(report);
    const points = cases.flatMap((item, index) => testPoint(item, index + 1, report));
    return `${["TAP version 14", `1..${cases.length}`, ...points].join("\n")}\n`;
  },
});

function testPoint(item: ReportedCase, number: number, report: DeployReport): string[] {
  const verdict = item.result === "failed" ? "not ok" : "ok";
  const skipped = item.result === "skipped" ? ` # SKIP ${description(item.message ?? "did not run")}` : "";
  return [`${verdict} ${number} - ${description(item.path)}${skipped}`, ...diagnostics(item, report)];
}

function diagnostics(item: ReportedCase, report: DeployReport): string[] {
  const fields: [string, string | number | undefined][] =
    item.result === "failed"
      ? [
          ["message", item.message ?? report.error],
          ["severity", "fail"],
          ["sqlstate", report.sqlstate],
          ["file", item.path],
          ["line", item.line],
          ["column", item.column],
          ["duration_ms", item.ms],
        ]
      : [["duration_ms", item.ms]];
  const known = fields.filter(([, value]) => value !== undefined);
  if (known.length === 0) return [];
  return ["  ---", ...known.map(([key, value]) => `  ${key}: ${yamlScalar(value)}`), "  ..."];
}

/** A JSON string is a YAML double-quoted scalar; the breaks of YAML 1.1 that JSON leaves alone are written as escapes. */
function yamlScalar(value: string | number | undefined): string {
  return tameJson(JSON.stringify(value));
}

function description(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a description is one line of plain text.
  return text.replace(/[\\#]/g, "\\$&").replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
}
