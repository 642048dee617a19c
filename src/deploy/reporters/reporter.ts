/**
 * A report format of deploy and test runs: one file per format, named as `-o FORMAT` names it.
 *
 * A reporter computes text from the finished report and nothing else: no clock, no environment, no file. Strings in
 * the report may come from anybody's SQL, so each format escapes them for its own syntax; secrets are already gone.
 */
import type { DeployReport, TestOutcome } from "../run/report.ts";
import { testName } from "../run/report.ts";

export interface DeployReporter {
  /** One line for help. */
  summary: string;
  /** The whole document, with a final line break. */
  render(report: DeployReport): string;
}

export function defineReporter(reporter: DeployReporter): DeployReporter {
  return reporter;
}

/** One line of a test report: the tests, and the deploy itself, which can fail without any test being wrong. */
export interface ReportedCase extends TestOutcome {
  /** "./__test__/", or "./" for the deploy itself. */
  directory: string;
  /** 1-based place in `path`, when the server gave one. */
  line?: number;
  column?: number;
}

/** The path that stands for the run as a whole. */
export const WHOLE_RUN = "./deploy.sql";

/**
 * Every case of a report, at least one: a report without a case reads as "all green" to most programs, and a run that
 * failed before its first test must not.
 */
export function casesOf(report: DeployReport): ReportedCase[] {
  const place = placeOf(report);
  const cases = (report.tests ?? []).map((test) => ({
    ...test,
    directory: directoryOf(test.path),
    ...(test.result === "failed" && place?.path === test.path ? place.position : {}),
  }));
  const explained = cases.some(({ result }) => result === "failed");
  // A run of tests alone has no units of deploy.sql: there is nothing beside the tests that could pass.
  const isAllTests = report.status === "success" && report.executionUnits === undefined && cases.length > 0;
  if (!explained && !isAllTests) cases.push(wholeRun(report, place));
  return cases;
}

function wholeRun(report: DeployReport, place: Place | undefined): ReportedCase {
  const path = report.failedFile ?? place?.path ?? WHOLE_RUN;
  return {
    path,
    name: path === WHOLE_RUN ? "deploy" : testName(path),
    directory: directoryOf(path),
    result: report.status === "success" ? "passed" : "failed",
    ...(report.durationMs === undefined ? {} : { ms: report.durationMs }),
    ...(report.error === undefined ? {} : { message: report.error }),
    ...(place?.path === path ? place.position : {}),
  };
}

interface Place {
  path: string;
  position: { line?: number; column?: number };
}

function placeOf({ script, line, column }: DeployReport): Place | undefined {
  if (script === undefined) return undefined;
  const position = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
  return { path: script.startsWith("./") ? script : `./${script}`, position };
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
