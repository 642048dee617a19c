/** The summary page of a step of GitHub Actions: Markdown that is added to a file that GitHub names. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
import { captureEnvironment } from "../config/environment.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

/** Adds `markdown` where GITHUB_STEP_SUMMARY says; does nothing without it. Throws FILE_WRITE_FAILED. */
export function writeStepSummary(markdown: string): void {
  const path = captureEnvironment().GITHUB_STEP_SUMMARY;
  if (path === undefined || path === "") return;
  try {
    const file = openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
    try {
      writeSync(file, markdown);
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
