/** A transaction of a run: its turn among other runs, settings that are ours, and a COMMIT whose answer may be lost. */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { type Blocker, watchBlockers } from "./blockers.ts";
import { rolledBack, withState } from "./failures.ts";
import { fateOf } from "./fate.ts";
import { refuseForeignCode } from "./foreign-code.ts";
import { APPLY_LOCK } from "./lock.ts";
import { type ApplyRequest, timeoutsOf } from "./request.ts";

/** 60 s: how long a run waits for another one on the same database, which is seconds long itself. */
const QUEUE_LIMIT_MS = 60_000;

/**
 * Opens the transaction and takes its turn. Settings that a database or role could have set to stop or mislead us are
 * ours for the transaction; read committed, because what others did while we waited must be seen.
 *
 * Throws ACCESS_LOCK_TIMEOUT and ACCESS_BLOCKED, with `state`.
 */
export async function begin(request: ApplyRequest, session: Session, state: string): Promise<void> {
  const { lock, statement } = timeoutsOf(request);
  const watch = watchBlockers({
    processId: session.processId,
    lockTimeoutMs: QUEUE_LIMIT_MS,
    open: () => request.open(session.target.database),
  });
  const onAbort = (): void => void session.cancel();
  request.signal.addEventListener("abort", onAbort, { once: true });
  try {
    await session.script(
      [
        "begin transaction isolation level read committed read write",
        "set local search_path = pg_catalog",
        "set local idle_in_transaction_session_timeout = 0",
        // The database's owner could set it, to end us at a moment of their choice.
        ...(session.serverVersion >= 170_000 ? ["set local transaction_timeout = 0"] : []),
        "set local statement_timeout = 0",
        "set local client_min_messages = notice",
        "set local standard_conforming_strings = on",
        `set local lock_timeout = ${QUEUE_LIMIT_MS}`,
        `select pg_catalog.pg_advisory_xact_lock(${APPLY_LOCK.join(", ")})`,
        `set local lock_timeout = ${lock}`,
        `set local statement_timeout = ${statement}`,
      ].join(";\n"),
    );
  } catch (error) {
    request.signal.throwIfAborted();
    if (!(error instanceof ServerError) || error.sqlstate !== "55P03") throw error;
    throw anotherRun(session.target.database, await watch.end(), state);
  } finally {
    request.signal.removeEventListener("abort", onAbort);
    await watch.end();
  }
  await refuseForeignCode(session, state);
}

function anotherRun(database: string, blockers: readonly Blocker[], state: string): PgkeepError {
  const [holder] = blockers;
  return new PgkeepError("ACCESS_LOCK_TIMEOUT", `another run is applying to database "${tameLine(database)}"`, {
    detail: holder
      ? `Held by process ${holder.processId}${holder.role === undefined ? "" : `, role "${tameLine(holder.role)}"`}, for more than ${QUEUE_LIMIT_MS / 1_000} s.`
      : `It took longer than ${QUEUE_LIMIT_MS / 1_000} s.`,
    hint: "Wait for it to end, then run this again.",
    state,
  });
}

const TRANSACTION = "select pg_catalog.pg_current_xact_id_if_assigned()::text as id";

/** Commits. When the answer is lost, asks over another connection what became of it. */
export async function commit(request: ApplyRequest, session: Session, count: number): Promise<void> {
  const { plan, signal, open } = request;
  const [row] = await session.query(TRANSACTION);
  const id = row?.id ?? undefined;
  signal.throwIfAborted();
  try {
    await session.script("commit");
  } catch (error) {
    if (error instanceof ServerError) throw error;
    const fate = id === undefined ? undefined : await fateOf({ id, processId: session.processId, open });
    if (fate === "committed") return;
    const state =
      fate === "aborted"
        ? rolledBack(plan.database)
        : `unknown: the connection was lost during COMMIT; access plan shows whether the ${count} statements are done`;
    throw withState(error, state);
  }
}

export async function rollBack(session: Session): Promise<void> {
  // When the connection is gone, the server rolls back by itself.
  if (session.transactionStatus() !== "idle") await session.script("rollback").catch(() => undefined);
}
