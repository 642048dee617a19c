/**
 * The report formats of deploy and test runs, for `-o` and `--format`.
 *
 * Secrets leave the report before it is encoded: a password with an ampersand would not be recognised any more in XML.
 * The GitHub format also writes the step's summary page, where GitHub says that one exists.
 */
import { catalogueOf } from "../../base/catalogue.ts";
import { redactCredentials } from "../../base/credentials.ts";
import type { PgkeepError } from "../../base/errors.ts";
import { scrubDeep } from "../../base/secrets.ts";
import { stepSummary } from "../../deploy/reporters/github.ts";
import { index } from "../../deploy/reporters/index.ts";
import type { DeployReporter } from "../../deploy/reporters/reporter.ts";
import { DeployFailure } from "../../deploy/run/failure.ts";
import type { DeployReport } from "../../deploy/run/report.ts";
import type { Renderer } from "../renderer.ts";
import { writeStepSummary } from "../step-summary.ts";

const reporters = catalogueOf<DeployReporter>(index, { kind: "report format", unknown: "USAGE_UNKNOWN_NAME" });

/** Formats for a run whose output is, or can be turned into, a deploy report. */
export function reportFormats<Output>(
  reportOf: (output: Output) => DeployReport,
): NonNullable<Renderer<Output>["formats"]> {
  const render = (name: string) => async (output: Output | undefined, error?: PgkeepError) => {
    const report = scrubDeep(output === undefined ? failedReport(error) : reportOf(output));
    if (name === "github") writeStepSummary(stepSummary(report));
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
