/**
 * A format of audit reports: one file per format, named as `-o FORMAT` names it.
 *
 * A reporter computes text from the finished report and nothing else: no clock, no environment, no file. Strings in the
 * report may come from anybody who can name an object, so each format escapes them for its own syntax.
 */
import type { AuditReport } from "../report.ts";

export interface AuditReporter {
  /** One line for help. */
  summary: string;
  /** The whole document, with a final line break. */
  render(report: AuditReport): string;
}

export function defineAuditReporter(reporter: AuditReporter): AuditReporter {
  return reporter;
}
