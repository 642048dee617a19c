/** When a transaction is worth starting again: another session got in its way, and nothing of it is there any more. */
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import { type RetryPolicy, retryDelayMs } from "../../base/retry.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError } from "../../pg/session.ts";
import { withState } from "./failures.ts";
import type { ApplyRequest } from "./request.ts";
import { StatementFailure } from "./send.ts";

/** 5 more attempts: roles belong to the cluster, and runs on other databases do not see our lock. */
export const MAX_RETRIES = 5;
export const RETRY_POLICY: RetryPolicy = { firstMs: 100, maxMs: 2_000, jitter: 0.5 };

/**
 * Starts a transaction again that another session got in the way of. Nothing of it is there any more, so `work` is the
 * whole of it, from BEGIN to COMMIT; `state` says what there is when it fails.
 *
 * Throws ACCESS_SQL_FAILED for what the server refused and the reason of the signal, both with `state`; passes on the rest.
 */
export async function withRetries<T>(
  { signal, report }: ApplyRequest,
  { state, work }: { state: string; work: () => Promise<T> },
): Promise<{ done: T; retries: number }> {
  for (let retries = 0; ; retries++) {
    try {
      return { done: await work(), retries };
    } catch (error) {
      if (error === signal.reason) throw withState(error, state);
      const cause = error instanceof StatementFailure ? error.error : error;
      if (!isTransient(cause)) throw cause instanceof ServerError ? withState(cause, state) : cause;
      const statement = error instanceof StatementFailure ? error.statement.sql : undefined;
      if (retries === MAX_RETRIES) throw gaveUp(cause, { statement, state });
      report({ type: "access.retry", attempt: retries + 1, sqlstate: cause.sqlstate });
      await sleep(retryDelayMs(retries, RETRY_POLICY), signal).catch((reason: unknown) => {
        throw withState(reason, state);
      });
    }
  }
}

/**
 * serialization failure, deadlock; "tuple concurrently updated" and its like, which have no code of their own and a
 * message in the server's language; a role that somebody else made in the same moment.
 */
const TRANSIENT = new Set(["40001", "40P01", "XX000", "23505", "42710"]);

export function isTransient(error: unknown): error is ServerError {
  return error instanceof ServerError && TRANSIENT.has(error.sqlstate);
}

function gaveUp(
  error: ServerError,
  { statement, state }: { statement: string | undefined; state: string },
): PgkeepError {
  const last = statement === undefined ? "" : `\nThe statement is: ${tameLine(statement)}`;
  return new PgkeepError("ACCESS_SQL_FAILED", "other sessions change the same roles or objects all the time", {
    detail: `The transaction was started ${MAX_RETRIES + 1} times. The server last said: ${tameLine(error.message)}${last}`,
    hint: "Let one run at a time change the roles of this server, then run this again.",
    state,
    sqlstate: error.sqlstate,
  });
}
