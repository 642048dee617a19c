/**
 * GitHub Actions annotations, and the table for the step's summary page.
 *
 * An annotation is one line; `%`, carriage return and line feed are escaped in the text, `:` and `,` also in
 * properties, so no text of a server can end the line, start another command or add a property. At most ten
 * annotations per level are written, because GitHub shows no more of one step; the table holds all.
 * Source: GitHub Docs, "Workflow commands for GitHub Actions"; actions/toolkit, command.ts.
 */
import { githubData, githubProperty } from "../../base/github-command.ts";
import { markdownCell } from "../../base/markdown-text.ts";
import type { DeployReport } from "../run/report.ts";
import { countTests } from "../run/report.ts";
import { casesOf, defineReporter, type ReportedCase } from "./reporter.ts";

/** 10: what GitHub shows per level and step; more are dropped there without a word. */
const MAX_ANNOTATIONS = 10;

/** 1,000 rows: the summary page takes 1 MiB. */
const MAX_ROWS = 1_000;

export default defineReporter({
  summary: "GitHub Actions annotations",
  render: (report) => {
    const failed = casesOf(report).filter(({ result }) => result === "failed");
    const errors = failed.slice(0, MAX_ANNOTATIONS).map((item) => errorAnnotation(item, report));
    const warnings = (report.warnings ?? [])
      .slice(0, MAX_ANNOTATIONS)
      .map(
        ({ id, message, remedy }) => `::warning title=${githubProperty(id)}::${githubData(`${message}. ${remedy}`)}`,
      );
    const lines = [...errors, ...warnings];
    if (failed.length > MAX_ANNOTATIONS) lines.push(`${failed.length - MAX_ANNOTATIONS} more failures in the summary`);
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  },
});

function errorAnnotation(item: ReportedCase, report: DeployReport): string {
  const place: [string, string | number | undefined][] = [
    ["file", item.path.replace(/^\.\//, "")],
    ["line", item.line],
    ["col", item.column],
    ["title", report.code ?? "DEPLOY_TESTS_FAILED"],
  ];
  const properties = place.flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${githubProperty(String(value))}`],
  );
  return `::error ${properties.join(",")}::${githubData(item.message ?? report.error ?? "failed")}`;
}

/** The Markdown for `$GITHUB_STEP_SUMMARY`: what happened, one row per test, and the state of the database. */
export function stepSummary(report: DeployReport): string {
  const cases = casesOf(report);
  const { passed, failed, skipped } = countTests(report.tests);
  const rows = cases.slice(0, MAX_ROWS).map(summaryRow);
  if (cases.length > MAX_ROWS) rows.push(`| | ${cases.length - MAX_ROWS} more | | |`);
  return [
    `### pgkeep: ${markdownCell(report.database ?? "deploy")} ${report.status === "success" ? "✓ ok" : "✗ failed"}`,
    "",
    `${passed} passed, ${failed} failed, ${skipped} skipped${report.state ? `; ${markdownCell(report.state)}` : ""}`,
    "",
    "| | test | ms | message |",
    "|---|---|---:|---|",
    ...rows,
    "",
  ].join("\n");
}

function summaryRow(item: ReportedCase): string {
  const signs = { passed: "✓ passed", failed: "✗ failed", skipped: "? skipped" };
  return `| ${signs[item.result]} | ${markdownCell(item.path)} | ${item.ms ?? ""} | ${markdownCell(item.message ?? "")} |`;
}
