/** When a transaction is worth starting again: another session got in its way, and nothing of it is there any more. */
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import { type RetryPolicy, retryDelayMs } from "../../base/retry.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError } from "../../pg/session.ts";
import { rolledBack } from "./failures.ts";
import type { ApplyRequest, Done } from "./request.ts";
import { StatementFailure } from "./send.ts";

/** 5 more attempts: roles belong to the cluster, and runs on other databases do not see our lock. */
export const MAX_RETRIES = 5;
export const RETRY_POLICY: RetryPolicy = { firstMs: 100, maxMs: 2_000, jitter: 0.5 };

/** duplicate_database, and what its unique index says when two make it in one moment. */
export const ALREADY_MADE = new Set(["42P04", "23505"]);
/** object_in_use: another CREATE DATABASE copies the same template right now. */
export const TEMPLATE_IN_USE = "55006";

/**
 * Starts a transaction again that another session got in the way of. Nothing of it is there any more, so the work is
 * the whole of it: lock, look, compare, run.
 */
export async function withRetries(
  request: ApplyRequest,
  work: () => Promise<Done>,
): Promise<{ done: Done; retries: number }> {
  for (let retries = 0; ; retries++) {
    try {
      return { done: await work(), retries };
    } catch (error) {
      const cause = error instanceof StatementFailure ? error.error : error;
      if (!isTransient(cause)) throw cause;
      const statement = error instanceof StatementFailure ? error.statement.sql : undefined;
      if (retries === MAX_RETRIES) throw gaveUp(request, cause, statement);
      request.report({ type: "access.retry", attempt: retries + 1, sqlstate: cause.sqlstate });
      await sleep(retryDelayMs(retries, RETRY_POLICY), request.signal);
    }
  }
}

/**
 * serialization failure, deadlock; "tuple concurrently updated" and its like, which have no code of their own and a
 * message in the server's language; a role that somebody else made in the same moment.
 */
const TRANSIENT = new Set(["40001", "40P01", "XX000", "23505", "42710"]);

/** What the caller of a statement handles itself, by trying again or by being content. */
export function isPassing({ sqlstate }: ServerError): boolean {
  return TRANSIENT.has(sqlstate) || ALREADY_MADE.has(sqlstate) || sqlstate === TEMPLATE_IN_USE;
}

function isTransient(error: unknown): error is ServerError {
  return error instanceof ServerError && TRANSIENT.has(error.sqlstate);
}

function gaveUp({ plan }: ApplyRequest, error: ServerError, statement: string | undefined): PgkeepError {
  const last = statement === undefined ? "" : `\nThe statement is: ${tameLine(statement)}`;
  return new PgkeepError("ACCESS_SQL_FAILED", "other sessions change the same roles or objects all the time", {
    detail: `The transaction was started ${MAX_RETRIES + 1} times. The server last said: ${tameLine(error.message)}${last}`,
    hint: "Let one run at a time change the roles of this server, then run this again.",
    state: rolledBack(plan.database),
    sqlstate: error.sqlstate,
  });
}
