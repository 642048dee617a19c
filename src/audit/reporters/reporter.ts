/**
 * A format of audit reports: one file per format, named as `-o FORMAT` names it.
 *
 * A reporter computes text from the finished document and nothing else: no clock, no environment, no file. So a run that was
 * saved as JSON can be given any other format later. Strings in the document may come from anybody who can name an object, so
 * each format escapes them for its own syntax; secrets are already gone.
 */
import type { AuditDocument } from "../report/document.ts";

/** Why there is no report. */
export interface AuditFailure {
  code: string;
  /** What happened, one line. */
  message: string;
  detail: string | undefined;
  hint: string | undefined;
  exitCode: number;
}

export interface AuditReporter {
  /** One line for help. */
  summary: string;
  /** The whole document, with a final line break. */
  render(document: AuditDocument): string;
  /** What stands in its place when the audit could not be made: never something that reads as "all good". */
  renderFailure(failure: AuditFailure): string;
}

export function defineAuditReporter(reporter: AuditReporter): AuditReporter {
  return reporter;
}
