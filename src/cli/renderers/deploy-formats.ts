/**
 * The report formats of deploy and test runs, for `-o` and `--format`.
 *
 * Secrets leave the report before it is encoded: a password with an ampersand would not be recognised any more in XML.
 * The GitHub format also writes the step's summary page, where GitHub says that one exists.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { catalogueOf } from "../../base/catalogue.ts";
import { redactCredentials } from "../../base/credentials.ts";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { scrubDeep } from "../../base/secrets.ts";
import { captureEnvironment } from "../../config/environment.ts";
import { stepSummary } from "../../deploy/reporters/github.ts";
import { index } from "../../deploy/reporters/index.ts";
import type { DeployReporter } from "../../deploy/reporters/reporter.ts";
import { DeployFailure } from "../../deploy/run/failure.ts";
import type { DeployReport } from "../../deploy/run/report.ts";
import type { Renderer } from "../renderer.ts";

const reporters = catalogueOf<DeployReporter>(index, { kind: "report format", unknown: "USAGE_UNKNOWN_NAME" });

/** Formats for a run whose output is, or can be turned into, a deploy report. */
export function reportFormats<Output>(
  reportOf: (output: Output) => DeployReport,
): NonNullable<Renderer<Output>["formats"]> {
  const render = (name: string) => async (output: Output | undefined, error?: PgkeepError) => {
    const report = scrubDeep(output === undefined ? failedReport(error) : reportOf(output));
    if (name === "github") writeStepSummary(report);
    return (await reporters.load(name)).render(report);
  };
  return { tap: render("tap"), junit: render("junit"), github: render("github") };
}

/** What is known of a run that failed: all of it, or only why it could not begin. */
function failedReport(error: PgkeepError | undefined): DeployReport {
  if (error instanceof DeployFailure) return error.report;
  return {
    status: "failed",
    exitCode: error?.exit ?? 1,
    error: redactCredentials(error?.message ?? "failed"),
    ...(error ? { code: error.code } : {}),
    ...(error?.parts.state === undefined ? {} : { state: error.parts.state }),
  };
}

function writeStepSummary(report: DeployReport): void {
  const path = captureEnvironment().GITHUB_STEP_SUMMARY;
  if (path === undefined || path === "") return;
  try {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
    const file = openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
    try {
      writeSync(file, stepSummary(report));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new PgkeepError("FILE_WRITE_FAILED", "could not write the step summary", {
      detail: `The system reported ${errorCodeOf(error) ?? "an error"} for the file that GITHUB_STEP_SUMMARY names.`,
      cause: error,
    });
  }
}
