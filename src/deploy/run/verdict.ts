/**
 * What the ending of a script amounts to: nothing to say, or a failure with one sentence about what the database is like.
 *
 * The server's word settles most endings. When the connection broke it is asked over another one, by the number of the
 * transaction, what became of it.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { Session } from "../../pg/session.ts";
import type { CommitGate } from "./commit-gate.ts";
import type { CommitLedger } from "./commit-ledger.ts";
import { type ConnectOptions, connect } from "./connect.ts";
import type { Ending } from "./execute.ts";
import { refusalAtHead, refusalAtTail } from "./gate-failure.ts";
import type { RunLimit } from "./limit.ts";
import { fateOf } from "./lost-commit.ts";
import type { OfflineRun, RunInput } from "./offline.ts";
import { scriptFailure } from "./script-failure.ts";
import type { ScriptPlan } from "./script-plan.ts";
import { afterFailure, type DatabaseOrigin, type Residue, unknownState } from "./state.ts";
import type { Trace } from "./trace.ts";

/** A run whose script was sent. */
export interface SentRun {
  input: RunInput;
  context: OperationContext;
  offline: OfflineRun;
  limit: RunLimit;
  session: Session;
  origin: DatabaseOrigin;
  plan: ScriptPlan;
  ledger: CommitLedger;
  trace: Trace;
  /** Oid of a temporary table that only the end of the session drops; undefined: the project may drop it. */
  ownTable: string | undefined;
}

/** Throws what the ending of the script amounts to, with the state of the database; returns when all went well. */
export async function judgeEnding(ending: Ending, run: SentRun): Promise<void> {
  const { session, plan, limit } = run;
  if (ending.kind === "completed") {
    if (session.transactionStatus() === "idle") return;
    throw failed(openTransaction(), run, { failedUnit: plan.units.length });
  }
  if (ending.kind === "lost") throw await lost(ending, run);
  if (ending.kind === "cancelled") {
    const failure = limit.failure() ?? new PgkeepError("DEPLOY_INTERRUPTED", "interrupted");
    throw failed(failure, run, { failedUnit: ending.unit, residue: ending.residue });
  }
  if (ending.kind === "refused") {
    const refusal = refusalAtHead(ending.error);
    if (!refusal) throw ending.error;
    throw failed(refusal, run, { failedUnit: ending.unit });
  }
  const { error, unit, residue } = ending;
  const { trace, input } = run;
  const failure = await scriptFailure({ session, plan, project: run.offline.project, trace, input, error, unit });
  throw failed(failure, run, { failedUnit: unit, residue });
}

/** What ran after the head could not be held. It is looked at now, so that what it broke is at least said. */
export async function judgeTail(run: SentRun, gate: CommitGate): Promise<void> {
  const { session, plan, limit } = run;
  if (plan.units.length < 2) return;
  try {
    await session.script("begin");
    await gate(session, limit.signal);
  } catch (error) {
    const failure = limit.failure() ?? refusalAtTail(error);
    if (!failure) throw error;
    throw failed(failure, run, { failedUnit: undefined });
  } finally {
    // A session that is gone has ended its transaction by itself, and must not hide what was thrown.
    if (session.transactionStatus() !== "idle") await session.script("rollback").catch(() => undefined);
  }
}

interface FailedUnit {
  /** 1-based; undefined when all that were sent completed. */
  failedUnit: number | undefined;
  residue?: Residue | undefined;
}

function failed(error: PgkeepError, run: SentRun, { failedUnit, residue }: FailedUnit): PgkeepError {
  const { offline, origin, plan, ledger } = run;
  const { database } = offline.connection;
  return withState(error, afterFailure({ database, origin, ledger, units: plan.units.length, failedUnit, residue }));
}

/** The connection broke: the transaction's number, if the server got to say it, settles what happened. */
async function lost(ending: Ending & { kind: "lost" }, run: SentRun): Promise<PgkeepError> {
  const { offline, context, session, limit, plan, ledger } = run;
  const { database } = offline.connection;
  const { transactionId } = run.trace;
  const error =
    limit.failure() ??
    new PgkeepError("CONNECT_LOST", "the connection to the server broke while deploy.sql ran", { cause: ending.error });
  const unit = { failedUnit: ending.unit, residue: ending.residue };
  if (ledger.completed >= ending.unit) return failed(error, run, unit);
  const fate = await fateOf({
    transactionId,
    traces: tracesOf(run),
    processId: session.processId,
    connect: () => connect(questionOptions(offline, context), database),
  });
  if (!ending.committable || fate === "aborted") return failed(error, run, unit);
  // A statement that commits by itself may have gone on after the transaction that was seen.
  if (fate === "committed" && (transactionId !== undefined || ending.residue === undefined)) {
    ledger.complete({ lastTag: "COMMIT", statusAfter: "idle", chains: false });
    return failed(error, run, { failedUnit: undefined });
  }
  const units = plan.units.length;
  return withState(error, unknownState({ database, ledger, units, failedUnit: ending.unit, transactionId }));
}

function tracesOf({ trace: { settledId: lastTransaction }, ownTable }: SentRun) {
  return lastTransaction && ownTable ? { lastTransaction, ownTable } : undefined;
}

/** 5 s to ask a question about a connection that broke. The person's signal must not end it: it may be the cause. */
const QUESTION_MS = 5_000;

function questionOptions({ connection }: OfflineRun, context: OperationContext): ConnectOptions {
  return { connection, context, signal: AbortSignal.timeout(QUESTION_MS), onNotice: () => undefined };
}

/** The same failure, with `state` in place of what it says about it. */
export function withState(error: PgkeepError, state: string): PgkeepError {
  return new PgkeepError(error.code, error.message, { ...error.parts, state });
}

function openTransaction(): PgkeepError {
  return new PgkeepError("DEPLOY_TRANSACTION_OPEN", "deploy.sql ended inside an open transaction", {
    detail: "What it did since its last BEGIN was not committed.",
    hint: "Add COMMIT at the end of deploy.sql, or remove BEGIN.",
  });
}
