/** The exposures of a run and what becomes of them: lines for the person, or a refusal. */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { Session } from "../../pg/session.ts";
import type { Prepared } from "../session/prepare.ts";
import { exposuresOf, staysOnThisMachine } from "./exposure.ts";
import type { OfflineRun } from "./offline.ts";
import type { Warning } from "./report.ts";

/** What a session is like once it is prepared, and whom to tell. */
export interface PreparedRun {
  facts: Prepared["facts"];
  session: Session;
  context: OperationContext;
}

/** The exposures of a prepared run: refused when it is strict, otherwise told and returned. */
export async function weighExposures(
  { project, parameters, server, strictSecrets }: OfflineRun,
  { facts, session: { target }, context }: PreparedRun,
): Promise<Warning[]> {
  const isSuperuserHere = facts.get("is_superuser") === "on" && staysOnThisMachine(target.host);
  const isEmbedded =
    server !== undefined || (isSuperuserHere && (await isOurs(target, [context.workingDirectory, project.root])));
  const warnings = exposuresOf({ target, facts, project, parameters, isEmbedded });
  if (strictSecrets) refuseExposures(warnings);
  reportWarnings(warnings, context);
  return warnings;
}

/** Loaded only for superusers on this machine. */
async function isOurs(target: Session["target"], directories: readonly string[]): Promise<boolean> {
  const { isEmbeddedServer } = await import("../../pg/embedded/recognise.ts");
  return await isEmbeddedServer(target, directories);
}

/** What is said at the end of a run whose lock was not there any more. */
export const LOCK_LOST: Warning = {
  id: "lock-lost",
  message: "the project gave the deploy lock away while it ran, so another deploy could run beside this one",
  remedy: "Remove DISCARD ALL and pg_advisory_unlock_all() from its SQL; RESET ALL and RESET ROLE keep the lock.",
};

/** One line each. */
export function reportWarnings(warnings: readonly Warning[], { report }: Pick<OperationContext, "report">): void {
  for (const { id, message, remedy } of warnings) report({ type: "warning", id, message: `${message}. ${remedy}` });
}

/** Throws DEPLOY_EXPOSURE_REFUSED, naming each exposure with its remedy, when there is any. */
function refuseExposures(exposures: readonly Warning[]): void {
  if (exposures.length === 0) return;
  throw new PgkeepError("DEPLOY_EXPOSURE_REFUSED", "a secret could be seen by others, so nothing was run", {
    detail: exposures.map(({ message, remedy }) => `${message}. ${remedy}`).join("\n"),
    hint: "Remove the cause, or run without --strict-secrets.",
  });
}
