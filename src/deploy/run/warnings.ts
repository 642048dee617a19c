/** What becomes of exposures: lines for the person, or a refusal. */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { Warning } from "./report.ts";

/** One line each. */
export function reportWarnings(warnings: readonly Warning[], { report }: Pick<OperationContext, "report">): void {
  for (const { id, message, remedy } of warnings) report({ type: "warning", id, message: `${message}. ${remedy}` });
}

/** Throws DEPLOY_EXPOSURE_REFUSED, naming each exposure with its remedy, when there is any. */
export function refuseExposures(exposures: readonly Warning[]): void {
  if (exposures.length === 0) return;
  throw new PgkeepError("DEPLOY_EXPOSURE_REFUSED", "a secret could be seen by others, so nothing was run", {
    detail: exposures.map(({ message, remedy }) => `${message}. ${remedy}`).join("\n"),
    hint: "Remove the cause, or run without --strict-secrets.",
  });
}
