/**
 * A statement of a plan that the server refused, said so that a person can act: which one, why, who can run it.
 */
import { type ErrorCode, type ErrorParts, PgkeepError } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { tameLine, tameText } from "../../base/tame.ts";
import { ServerError } from "../../pg/session.ts";
import type { PlannedStatement } from "../plan/plan.ts";
import type { Blocker } from "./blockers.ts";

const INSUFFICIENT_PRIVILEGE = "42501";
const LOCK_NOT_AVAILABLE = "55P03";
const DEPENDENT_OBJECTS = "2BP01";
const QUERY_CANCELED = "57014";

/** "rolled back; database "shop" is as before". */
export const rolledBack = (database: string): string =>
  `rolled back; database "${tameLine(database)}" is as before this run`;

export interface FailureContext {
  /** How many statements the plan has. */
  of: number;
  state: string;
  blockers: readonly Blocker[];
  lockTimeoutMs: number;
}

/** The failure of one planned statement. */
export function statementFailed(statement: PlannedStatement, error: ServerError, context: FailureContext): PgkeepError {
  const failing: Failing = {
    statement,
    error,
    place: `statement ${statement.n} of ${context.of}`,
    common: { state: context.state, sqlstate: error.sqlstate, where: undefined },
  };
  switch (error.sqlstate) {
    case LOCK_NOT_AVAILABLE:
      return waitedTooLong(failing, context);
    case INSUFFICIENT_PRIVILEGE:
      return rightMissing(failing);
    case DEPENDENT_OBJECTS:
      if (statement.kind === "drop") return ownsObjects(failing);
      break;
    case QUERY_CANCELED:
      return endedByServer(failing);
  }
  if (statement.passwordOf !== undefined) return passwordRejected(statement.passwordOf, error, failing.common);
  return refused(failing);
}

interface Failing {
  statement: PlannedStatement;
  error: ServerError;
  /** "statement 3 of 9". */
  place: string;
  common: ErrorParts;
}

function waitedTooLong(
  { statement, place, common }: Failing,
  { blockers, lockTimeoutMs }: FailureContext,
): PgkeepError {
  return new PgkeepError("ACCESS_LOCK_TIMEOUT", `${place} waited too long for a lock`, {
    ...common,
    detail: `${blockedBy(blockers, lockTimeoutMs)}\nThe statement is: ${statementText(statement)}`,
    hint: lockHint(blockers),
  });
}

function rightMissing({ statement, error, place, common }: Failing): PgkeepError {
  return new PgkeepError("ACCESS_RIGHT_MISSING", `${place} needs a right that this role does not have`, {
    ...common,
    detail: `${serverWords(error)}\nIt needs: ${tameLine(statement.requires)}.`,
    hint: `Have somebody with that right run: ${statementText(statement)};`,
  });
}

function ownsObjects({ statement, error, common }: Failing): PgkeepError {
  return new PgkeepError("ACCESS_ROLE_OWNS_OBJECTS", `cannot drop ${tameLine(statement.object)} yet`, {
    ...common,
    detail: serverWords(error),
    hint: "Say in the model who gets its objects (reassign_to) or that they go with it (drop_owned: true).",
  });
}

function endedByServer({ statement, error, place, common }: Failing): PgkeepError {
  return new PgkeepError("ACCESS_SQL_FAILED", `${place} was ended by the server`, {
    ...common,
    detail: `${serverWords(error)}\nThe statement is: ${statementText(statement)}`,
    hint: "Give it more time with --statement-timeout.",
  });
}

function refused({ statement, error, place, common }: Failing): PgkeepError {
  return new PgkeepError("ACCESS_SQL_FAILED", `${place} failed`, {
    ...common,
    detail: `${serverWords(error)}\nThe statement is: ${statementText(statement)}`,
    hint: error.hint === undefined ? undefined : scrub(tameText(error.hint)),
  });
}

/** A module of the server did not take the verifier. Nothing weaker is ever tried by itself. */
export function passwordRejected(role: string, error: ServerError, parts: ErrorParts = {}): PgkeepError {
  const code: ErrorCode =
    error.sqlstate === INSUFFICIENT_PRIVILEGE ? "ACCESS_RIGHT_MISSING" : "ACCESS_PASSWORD_REJECTED";
  return new PgkeepError(code, `the server did not take the password of role "${tameLine(role)}"`, {
    sqlstate: error.sqlstate,
    detail: `${serverWords(error)}\nA verifier was sent, never the password: modules that look at passwords (credcheck, passwordcheck) cannot judge one and may refuse it.`,
    hint: "Let the module take verifiers (credcheck: set credcheck.encrypted_password_allowed = on), or set this password by hand with psql's \\password.",
    ...parts,
  });
}

/** The server refused something that is no statement of the plan: a setting of ours, a look at the catalog. */
function refusedAround(error: ServerError, state: string): PgkeepError {
  return new PgkeepError("ACCESS_SQL_FAILED", "the server refused a statement around the plan", {
    detail: serverWords(error),
    sqlstate: error.sqlstate,
    state,
  });
}

/** An interrupt, a lost connection, a refusal around the plan: with what is known of the databases. */
export function withState(error: unknown, state: string): unknown {
  if (error instanceof ServerError) return refusedAround(error, state);
  if (error instanceof PgkeepError) return new PgkeepError(error.code, error.message, { ...error.parts, state });
  return error;
}

/** Message and detail of the server, harmless and without secrets. */
function serverWords(error: ServerError): string {
  return ["The server says:", error.message, ...(error.detail ? [error.detail] : [])]
    .map((text) => scrub(tameText(text)))
    .join(" ");
}

const statementText = ({ sql }: PlannedStatement): string => tameLine(sql);

function blockedBy(blockers: readonly Blocker[], lockTimeoutMs: number): string {
  const limit = `lock_timeout is ${lockTimeoutMs} ms.`;
  if (blockers.length === 0) return `Whoever holds it had let go before it could be asked. ${limit}`;
  const named = blockers.map(({ processId, role, application, activity }) =>
    [
      `process ${processId}`,
      ...(role === undefined ? [] : [`role "${tameLine(role)}"`]),
      ...(application === undefined ? [] : [`application "${tameLine(application)}"`]),
      ...(activity === undefined ? [] : [tameLine(activity)]),
    ].join(", "),
  );
  return `It is held by ${named.join("; ")}. ${limit}`;
}

function lockHint(blockers: readonly Blocker[]): string {
  const [first] = blockers;
  const again = "Run it again later, or allow more time with --lock-timeout";
  return first ? `${again}; or end the blocker: select pg_terminate_backend(${first.processId});` : `${again}.`;
}
