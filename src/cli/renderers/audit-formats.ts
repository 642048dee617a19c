/**
 * The report formats of audits, for `-o` and `--format`: all of them from the one document that `--json` prints.
 *
 * Secrets leave the document before it is encoded: a password with an ampersand would not be recognised any more in XML. The
 * GitHub format also writes the step's summary page, where GitHub says that one exists.
 */
import type { AuditDocument } from "../../audit/report/document.ts";
import { index } from "../../audit/reporters/index.ts";
import type { AuditFailure, AuditReporter } from "../../audit/reporters/reporter.ts";
import { catalogueOf } from "../../base/catalogue.ts";
import { redactCredentials } from "../../base/credentials.ts";
import type { PgkeepError } from "../../base/errors.ts";
import { scrubDeep } from "../../base/secrets.ts";
import type { Renderer } from "../renderer.ts";
import { writeStepSummary } from "../step-summary.ts";

const reporters = catalogueOf<AuditReporter>(index, { kind: "report format", unknown: "USAGE_UNKNOWN_NAME" });

/** Formats for an operation whose output holds an audit. */
export function auditFormats<Output>(
  documentOf: (output: Output) => AuditDocument,
): NonNullable<Renderer<Output>["formats"]> {
  const render = (name: string) => async (output: Output | undefined, error?: PgkeepError) => {
    const reporter = await reporters.load(name);
    if (output === undefined) return reporter.renderFailure(scrubDeep(failureOf(error)));
    const document = scrubDeep(documentOf(output));
    if (name === "github") {
      const { auditStepSummary } = await import("../../audit/reporters/github.ts");
      writeStepSummary(auditStepSummary(document));
    }
    return reporter.render(document);
  };
  return Object.fromEntries(reporters.names().map((name) => [name, render(name)]));
}

function failureOf(error: PgkeepError | undefined): AuditFailure {
  const text = (value: string | undefined): string | undefined =>
    value === undefined || value === "" ? undefined : redactCredentials(value);
  return {
    code: error?.code ?? "INTERNAL_BUG",
    message: redactCredentials(error?.message ?? "the audit was not done"),
    detail: text(error?.parts.detail),
    hint: text(error?.parts.hint),
    exitCode: error?.exit ?? 1,
  };
}
