/**
 * JUnit XML: one suite per directory, one case per test, and one case for the deploy itself.
 *
 * XML 1.0 has no way to write most control characters, not even as entities, so they appear as the text `\u{…}`.
 */
import { xmlText } from "../../base/xml-text.ts";
import type { DeployReport } from "../run/report.ts";
import { casesOf, defineReporter, type ReportedCase } from "./reporter.ts";

export default defineReporter({
  summary: "JUnit XML, one suite per directory",
  render: (report) => {
    const suites = byDirectory(casesOf(report));
    const cases = [...suites.values()].flat();
    return [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<testsuites name="pgkeep"${totals(cases)}>`,
      ...[...suites].flatMap(([directory, members]) => suite(directory, members, report)),
      "</testsuites>",
      "",
    ].join("\n");
  },
});

function suite(directory: string, cases: readonly ReportedCase[], report: DeployReport): string[] {
  return [
    `  <testsuite name="${xmlText(directory)}"${totals(cases)}>`,
    ...cases.flatMap((item) => testCase(item, report)),
    "  </testsuite>",
  ];
}

function testCase(item: ReportedCase, report: DeployReport): string[] {
  const line = item.line === undefined ? "" : ` line="${item.line}"`;
  const head = `    <testcase name="${xmlText(item.name)}" classname="${xmlText(item.directory)}" file="${xmlText(item.path)}"${line} time="${seconds(item.ms)}"`;
  const message = item.message ?? report.error ?? "failed";
  if (item.result === "passed") return [`${head}/>`];
  if (item.result === "skipped")
    return [`${head}>`, `      <skipped message="${xmlText(message)}"/>`, "    </testcase>"];
  return [
    `${head}>`,
    `      <failure message="${xmlText(message)}" type="${xmlText(report.sqlstate ?? report.code ?? "failure")}">${xmlText(failureText(item, report))}</failure>`,
    "    </testcase>",
  ];
}

function failureText(item: ReportedCase, report: DeployReport): string {
  const parts: [string, string | undefined][] = [
    ["", item.message ?? report.error],
    ["DETAIL: ", report.detail],
    ["HINT: ", report.hint],
    ["WHERE: ", report.where],
    ["STATE: ", report.state],
  ];
  return parts.flatMap(([label, text]) => (text ? [`${label}${text}`] : [])).join("\n");
}

function totals(cases: readonly ReportedCase[]): string {
  const count = (result: string): number => cases.filter((item) => item.result === result).length;
  const ms = cases.reduce((sum, item) => sum + (item.ms ?? 0), 0);
  return ` tests="${cases.length}" failures="${count("failed")}" errors="0" skipped="${count("skipped")}" time="${seconds(ms)}"`;
}

const seconds = (ms = 0): string => (ms / 1000).toFixed(3);

function byDirectory(cases: readonly ReportedCase[]): Map<string, ReportedCase[]> {
  const groups = new Map<string, ReportedCase[]>();
  for (const item of cases) groups.set(item.directory, [...(groups.get(item.directory) ?? []), item]);
  return groups;
}
