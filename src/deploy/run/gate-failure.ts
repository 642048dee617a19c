/**
 * What the gate threw, as the failure of a deploy: a refusal, or a question of the gate that the server did not answer.
 *
 * A gate sends statements of its own inside the project's transaction, under whatever settings the project made there.
 * When the server refuses one of those, neither deploy.sql nor this program has a bug, and the failure says so.
 */
import { redactCredentials } from "../../base/credentials.ts";
import { PgkeepError } from "../../base/errors.ts";
import { ServerError } from "../../pg/session.ts";

const BESIDE_THE_SCRIPT = "The statement is the gate's own; deploy.sql did not fail.";

const OUTLIVES_THE_GATE = "What follows the first COMMIT commits by itself, so it stays.";

/** Before the first COMMIT. undefined: a crash of the gate, which is nobody's refusal. */
export function refusalAtHead(error: unknown): PgkeepError | undefined {
  if (error instanceof ServerError) {
    return unanswered(error, {
      message: "the gate before the commit failed",
      hint: "Settings that deploy.sql makes hold for the gate too, statement_timeout among them: reset them before the COMMIT.",
    });
  }
  return error instanceof PgkeepError ? error : undefined;
}

/** After the last statement, when everything is committed. undefined: a crash of the gate. */
export function refusalAtTail(error: unknown): PgkeepError | undefined {
  if (error instanceof ServerError) {
    return unanswered(error, {
      message: "the gate after the last statement failed",
      hint: `${OUTLIVES_THE_GATE} See what became of it: pgkeep access verify`,
    });
  }
  if (!(error instanceof PgkeepError)) return undefined;
  if (error.code !== "ACCESS_VERIFY_FAILED") return error;
  // The gate speaks of a commit to come.
  return new PgkeepError(error.code, "access is not as the model says after the last statement", {
    ...error.parts,
    hint: `${OUTLIVES_THE_GATE} Put it right: pgkeep access apply`,
  });
}

/** Secrets leave the server's texts here, because what shows them later may cut one in half. */
function unanswered(
  { severity, message: said, sqlstate, detail, hint: advice }: ServerError,
  { message, hint }: { message: string; hint: string },
): PgkeepError {
  return new PgkeepError(
    "DEPLOY_SQL_FAILED",
    redactCredentials(`${message}: ${severity}: ${said} (SQLSTATE ${sqlstate})`),
    {
      sqlstate,
      detail: redactCredentials(detail ? `${detail} ${BESIDE_THE_SCRIPT}` : BESIDE_THE_SCRIPT),
      hint: redactCredentials(advice || hint),
    },
  );
}
