/**
 * Brings a database to its model: the plan runs in one transaction, and the result is looked at before it is committed.
 *
 *   lock -> look again -> is this still the plan? -> statements -> look again -> nothing left? -> commit
 *
 * One run at a time per database, by an advisory lock (APPLY_LOCK). What is run is never the text of a plan that was
 * handed in: the plan is made anew inside the transaction and compared with it, so a plan that is stale or was tampered
 * with changes nothing. PostgreSQL reports a GRANT or REVOKE without effect as success, so only the second look tells
 * whether the database is as planned; when it is not, everything is rolled back, unless the caller wants to keep
 * what did take effect.
 *
 * A connection that breaks, a process that is killed, a statement that fails: the server rolls back, so a database is in
 * its old or its new state. Only roles and their memberships belong to all databases; they are part of the same
 * transaction. CREATE DATABASE cannot be, and comes first; other databases (of roles that retire) come after, each in a
 * transaction of its own.
 */
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import { type RetryPolicy, retryDelayMs } from "../../base/retry.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import type { AccessPlan, PlannedStatement } from "../plan/plan.ts";
import { type Blocker, watchBlockers } from "./blockers.ts";
import { rolledBack, statementFailed } from "./failures.ts";
import { fateOf } from "./fate.ts";
import { refuseForeignCode } from "./foreign-code.ts";
import { type RolePassword, sendVerifiers, setPasswordStatement, statisticsExposure, verifierOf } from "./passwords.ts";
import { newRunId, recordEnd, recordStart } from "./record.ts";
import { resultDiffers } from "./result.ts";
import { differenceOf, identityOf, planBlocked, requireSamePlan } from "./same-plan.ts";
import { type Sendable, StatementFailure, type StatementNotice, sendStatements } from "./send.ts";
import { transactionsOf } from "./transactions.ts";

/** Both halves of the advisory lock: "pgkp" and "accs" in ASCII. Part of the documented interface. */
export const APPLY_LOCK: readonly [number, number] = [0x70676b70, 0x61636373];

/** 60 s: how long a run waits for another one on the same database, which is seconds long itself. */
const QUEUE_LIMIT_MS = 60_000;

export const DEFAULT_LOCK_TIMEOUT_MS = 3_000;
/** 10 minutes: changing the owner of a hundred thousand tables takes a minute. */
export const DEFAULT_STATEMENT_TIMEOUT_MS = 600_000;

/** 5 more attempts: roles belong to the cluster, and runs on other databases do not see our lock. */
const MAX_RETRIES = 5;
const RETRY_POLICY: RetryPolicy = { firstMs: 100, maxMs: 2_000, jitter: 0.5 };

export interface ApplyOptions {
  /** Default DEFAULT_LOCK_TIMEOUT_MS. */
  lockTimeoutMs?: number | undefined;
  /** Default DEFAULT_STATEMENT_TIMEOUT_MS. */
  statementTimeoutMs?: number | undefined;
  /** Runs what can be run although something is blocked. */
  partial?: boolean | undefined;
  /** Commits what was done although the result is not as planned. */
  keepPartial?: boolean | undefined;
  /** Commits after each statement that locks something others use. */
  oneByOne?: boolean | undefined;
}

export interface ApplyRequest {
  /** The plan that was approved. */
  plan: AccessPlan;
  /** Whether exactly that plan was approved, or whatever brings the database to the model. */
  approval: "plan" | "model";
  /** Opens a session; the plan's own database when none is named. */
  open: (database?: string) => Promise<Session>;
  /** Where CREATE DATABASE is sent from, for plans that have one. */
  maintenanceDatabase: string;
  /** Looks at the session's database, in its transaction, and plans anew. `set`: roles whose password was set in it. */
  replan: (session: Session, set: ReadonlySet<string>) => Promise<AccessPlan>;
  passwords: ReadonlyMap<string, RolePassword>;
  options?: ApplyOptions | undefined;
  signal: AbortSignal;
  clock: Clock;
  report: (event: ProgressEvent) => void;
}

export interface ApplyReport {
  /** In the order in which they ran, of all databases. */
  statements: readonly PlannedStatement[];
  notices: readonly StatementNotice[];
  /** Roles whose password was set. */
  passwordsSet: readonly string[];
  /** How often the transaction was started again because of another session. */
  retries: number;
  /** What another run had done already: the approved plan had statements and nothing was left of it. */
  wasDone: boolean;
  /** Statements that are still to do; empty unless `keepPartial`. */
  remaining: readonly PlannedStatement[];
}

/** What one transaction did. */
interface Done {
  statements: readonly PlannedStatement[];
  notices: readonly StatementNotice[];
  remaining: readonly PlannedStatement[];
}

/**
 * Applies the plan and proves the result.
 *
 * Throws ACCESS_PLAN_STALE, ACCESS_BLOCKED, ACCESS_RIGHT_MISSING, ACCESS_LOCK_TIMEOUT, ACCESS_PASSWORD_REJECTED,
 * ACCESS_ROLE_OWNS_OBJECTS, ACCESS_SQL_FAILED, ACCESS_RESULT_DIFFERS, CONNECT_LOST; each says what state things are in.
 */
export async function applyPlan(request: ApplyRequest): Promise<ApplyReport> {
  const { plan, options = {} } = request;
  if (plan.blocked.length > 0 && !options.partial) throw planBlocked(plan);
  try {
    return await applyApproved(request);
  } catch (error) {
    throw error instanceof ServerError ? unexpected(request, error) : error;
  }
}

/** The server refused something that is no statement of the plan: a setting of ours, a look at the catalog. */
function unexpected({ plan }: ApplyRequest, error: ServerError): PgkeepError {
  return new PgkeepError("ACCESS_SQL_FAILED", "the server refused a statement around the plan", {
    detail: `The server says: ${tameLine(error.message)}`,
    sqlstate: error.sqlstate,
    state: rolledBack(plan.database),
  });
}

async function applyApproved(request: ApplyRequest): Promise<ApplyReport> {
  const { plan } = request;
  const before = plan.statements.filter(({ stage }) => stage === "before");
  const prepared = before.length > 0 ? await runBefore(request, before) : nothingDone;
  const { done, retries } = await withRetries(request, () => runMain(request, before.length > 0));
  const after = plan.statements.filter(({ stage }) => stage === "after");
  const elsewhere = after.length > 0 ? await runAfter(request, after) : nothingDone;
  const statements = [...prepared.statements, ...done.statements, ...elsewhere.statements];
  return {
    statements,
    notices: [...prepared.notices, ...done.notices, ...elsewhere.notices],
    passwordsSet: statements.flatMap(({ passwordOf }) => (passwordOf === undefined ? [] : [passwordOf])),
    retries,
    wasDone: plan.statements.length > 0 && statements.length === 0,
    remaining: after.length > 0 ? elsewhere.remaining : done.remaining,
  };
}

const nothingDone: Done = { statements: [], notices: [], remaining: [] };

/** Statements that no transaction may hold. What was done of them stays, and a second run finds it done. */
async function runBefore(request: ApplyRequest, statements: readonly PlannedStatement[]): Promise<Done> {
  await using session = await request.open(request.maintenanceDatabase);
  await session.script(`set lock_timeout = ${timeoutsOf(request).lock}; set statement_timeout = 0`);
  const notices: StatementNotice[] = [];
  for (const [index, statement] of statements.entries()) {
    const state = index === 0 ? "nothing was changed" : `statements 1 to ${index} of the plan are committed`;
    notices.push(...(await runAlone({ request, session, statements: [statement], state })));
  }
  return { statements, notices, remaining: [] };
}

/** duplicate_database, and what its unique index says when two make it in one moment. */
const ALREADY_MADE = new Set(["42P04", "23505"]);
/** object_in_use: another CREATE DATABASE copies the same template right now. */
const TEMPLATE_IN_USE = "55006";

/**
 * CREATE DATABASE. That somebody else made it meanwhile is as good; what is in it is looked at afterwards.
 */
async function runAlone(part: Part): Promise<StatementNotice[]> {
  for (let retries = 0; ; retries++) {
    try {
      return await run(part);
    } catch (error) {
      const [statement] = part.statements;
      if (!(error instanceof StatementFailure) || !statement) throw error;
      const { sqlstate } = error.error;
      if (statement.kind === "create database" && ALREADY_MADE.has(sqlstate)) return [];
      if (sqlstate !== TEMPLATE_IN_USE || retries === MAX_RETRIES) throw failureOf(part, statement, error.error);
      await sleep(retryDelayMs(retries, RETRY_POLICY), part.request.signal);
    }
  }
}

function failureOf({ request, state }: Part, statement: PlannedStatement, error: ServerError): PgkeepError {
  const { lock: lockTimeoutMs } = timeoutsOf(request);
  return statementFailed(statement, error, {
    of: request.plan.statements.length,
    state,
    blockers: [],
    lockTimeoutMs,
  });
}

async function runMain(request: ApplyRequest, databaseIsNew: boolean): Promise<Done> {
  await using session = await request.open();
  try {
    return await inTransactions(request, session, databaseIsNew);
  } catch (error) {
    await rollBack(session);
    throw error;
  }
}

async function inTransactions(request: ApplyRequest, session: Session, databaseIsNew: boolean): Promise<Done> {
  const { replan, options = {} } = request;
  await begin(request, session);
  const fresh = await replan(session, new Set());
  const statements = approvedStatements(request, fresh, databaseIsNew);
  if (statements.length === 0) {
    await session.script("rollback");
    return nothingDone;
  }
  const runId = newRunId();
  await recordStart(session, { run: runId, plan: fresh, statements });
  const transactions = options.oneByOne ? transactionsOf(statements) : [statements];
  const notices: StatementNotice[] = [];
  let committed = 0;
  for (const [index, part] of transactions.entries()) {
    if (index > 0) await begin(request, session);
    const isLast = index === transactions.length - 1;
    const state = stateAfter(request, committed);
    notices.push(...(await runPart({ request, session, statements: part, state })));
    const left = isLast ? await lookAgain({ request, session, statements, notices, committed }) : undefined;
    await commit(request, session, statements.length);
    committed += part.length;
    if (!left) continue;
    await recordEnd(session, runId, left.stateHash);
    return { statements, notices, remaining: left.remaining };
  }
  return nothingDone;
}

function stateAfter({ plan }: ApplyRequest, committed: number): string {
  if (committed === 0) return rolledBack(plan.database);
  const done = committed === 1 ? "1 statement is" : `${committed} statements are`;
  return `${done} committed; the one that failed and those after it changed nothing`;
}

interface Part {
  request: ApplyRequest;
  session: Session;
  statements: readonly PlannedStatement[];
  /** What to say when one of them fails. */
  state: string;
}

/** Statements inside the open transaction, with their passwords. */
async function runPart(part: Part): Promise<StatementNotice[]> {
  const { request, session, statements } = part;
  const verifiers = statements.flatMap(({ n, passwordOf }) => {
    const password = passwordOf === undefined ? undefined : request.passwords.get(passwordOf);
    return password ? [{ statement: n, role: password.role, verifier: verifierOf(password) }] : [];
  });
  const warn = (message: string): void => request.report({ type: "warning", message });
  if (verifiers.length > 0) {
    const exposure = await statisticsExposure(session);
    if (exposure !== undefined) warn(exposure);
  }
  await sendVerifiers(session, verifiers, warn);
  return await run(part);
}

async function run({ request, session, statements, state }: Part): Promise<StatementNotice[]> {
  const { plan, signal, report } = request;
  const byNumber = new Map(statements.map((statement) => [statement.n, statement]));
  const lockTimeoutMs = timeoutsOf(request).lock;
  const watch = watchBlockers(session.processId, lockTimeoutMs, () => request.open(session.target.database));
  let blockers: readonly Blocker[] = [];
  try {
    return await sendStatements(session, statements.map(sendable), {
      signal,
      onDone: ({ n }) => {
        const { kind, object } = byNumber.get(n) ?? {};
        report({ type: "access.statement_done", n, of: plan.statements.length, kind, object });
      },
    });
  } catch (error) {
    blockers = await watch.end();
    const statement = error instanceof StatementFailure ? byNumber.get(error.statement.n) : undefined;
    if (!(error instanceof StatementFailure) || !statement || isPassing(error.error)) throw withState(error, state);
    throw statementFailed(statement, error.error, { of: plan.statements.length, state, blockers, lockTimeoutMs });
  } finally {
    await watch.end();
  }
}

function sendable({ n, sql, passwordOf }: PlannedStatement): Sendable {
  return { n, sql: passwordOf === undefined ? sql : setPasswordStatement(n) };
}

/** An interrupt or a lost connection, with what is known of the database. */
function withState(error: unknown, state: string): unknown {
  if (error instanceof PgkeepError) return new PgkeepError(error.code, error.message, { ...error.parts, state });
  return error;
}

function timeoutsOf({ options = {} }: ApplyRequest): { lock: number; statement: number } {
  return {
    lock: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
    statement: options.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS,
  };
}

/**
 * Opens the transaction and takes its turn. Settings that a database or role could have set to stop or mislead us are
 * ours for the transaction; read committed, because what others did while we waited must be seen.
 */
async function begin(request: ApplyRequest, session: Session): Promise<void> {
  const { lock, statement } = timeoutsOf(request);
  const watch = watchBlockers(session.processId, QUEUE_LIMIT_MS, () => request.open(session.target.database));
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
    throw anotherRun(request, await watch.end());
  } finally {
    request.signal.removeEventListener("abort", onAbort);
    await watch.end();
  }
  await refuseForeignCode(session, "nothing was changed in this database");
}

function anotherRun({ plan }: ApplyRequest, blockers: readonly Blocker[]): PgkeepError {
  const [holder] = blockers;
  return new PgkeepError("ACCESS_LOCK_TIMEOUT", `another run is applying to database "${tameLine(plan.database)}"`, {
    detail: holder
      ? `Held by process ${holder.processId}${holder.role === undefined ? "" : `, role "${tameLine(holder.role)}"`}, for more than ${QUEUE_LIMIT_MS / 1_000} s.`
      : `It took longer than ${QUEUE_LIMIT_MS / 1_000} s.`,
    hint: "Wait for it to end, then run this again.",
    state: "nothing was changed",
  });
}

/** The statements of the main transaction, when `fresh` is what was approved. Throws ACCESS_PLAN_STALE. */
function approvedStatements(
  { plan, approval, report, options = {} }: ApplyRequest,
  fresh: AccessPlan,
  databaseIsNew: boolean,
): readonly PlannedStatement[] {
  const main = fresh.statements.filter(({ stage }) => stage === "main");
  const [wanted, found] = [identityOf(plan), identityOf(fresh)];
  if (!databaseIsNew && differenceOf(wanted, found) === undefined) return main;
  if (approval === "plan") {
    // A database that this run has just made has another state than none; its statements must have been in the plan.
    const approved = new Set(plan.statements.map(({ sql }) => sql));
    const isPart = databaseIsNew && fresh.modelHash === plan.modelHash && main.every(({ sql }) => approved.has(sql));
    if (!isPart) requireSamePlan(wanted, found);
    return main;
  }
  if (fresh.blocked.length > 0 && !options.partial) throw planBlocked(fresh);
  if (!databaseIsNew) report({ type: "access.replanned", statements: main.length });
  return main;
}

/** What is still to do, by a look at the database from inside the transaction. Throws ACCESS_RESULT_DIFFERS. */
async function lookAgain({
  request,
  session,
  statements,
  notices,
  committed,
}: {
  request: ApplyRequest;
  session: Session;
  statements: readonly PlannedStatement[];
  notices: readonly StatementNotice[];
  committed: number;
}): Promise<{ remaining: readonly PlannedStatement[]; stateHash: string }> {
  const { plan, replan, options = {}, report } = request;
  report({ type: "access.checking" });
  await session.script("reset role");
  const set = new Set(statements.flatMap(({ passwordOf }) => (passwordOf === undefined ? [] : [passwordOf])));
  const left = await replan(session, set);
  const remaining = leftHere(left);
  if (remaining.length === 0 || options.keepPartial) return { remaining, stateHash: left.stateHash };
  throw resultDiffers({ remaining, notices, state: stateAfter(request, committed), database: plan.database });
}

/**
 * What this transaction should have done. A role that is dropped after other databases were cleared still exists, so
 * everything about it is planned again until then; the last look, after that, is the one that counts for it.
 */
function leftHere({ statements }: AccessPlan): readonly PlannedStatement[] {
  const droppedLater = new Set(
    statements.filter(({ stage, kind }) => stage === "after" && kind === "drop").map(({ role }) => role),
  );
  return statements.filter(({ stage, role }) => stage === "main" && (role === undefined || !droppedLater.has(role)));
}

const TRANSACTION = "select pg_catalog.pg_current_xact_id_if_assigned()::text as id";

/** Commits. When the answer is lost, asks over another connection what became of it. */
async function commit(request: ApplyRequest, session: Session, count: number): Promise<void> {
  const { plan, signal, open } = request;
  const [row] = await session.query(TRANSACTION);
  const id = row?.id ?? undefined;
  signal.throwIfAborted();
  try {
    await session.script("commit");
  } catch (error) {
    if (error instanceof ServerError) throw error;
    const fate = id === undefined ? undefined : await fateOf({ id, open });
    if (fate === "committed") return;
    const state =
      fate === "aborted"
        ? rolledBack(plan.database)
        : `unknown: the connection was lost during COMMIT; access plan shows whether the ${count} statements are done`;
    throw withState(error, state);
  }
}

async function rollBack(session: Session): Promise<void> {
  // When the connection is gone, the server rolls back by itself.
  if (session.transactionStatus() !== "idle") await session.script("rollback").catch(() => undefined);
}

/** Statements in other databases, and what must come after those. One transaction per stretch of one database. */
async function runAfter(request: ApplyRequest, statements: readonly PlannedStatement[]): Promise<Done> {
  const stretches: PlannedStatement[][] = [];
  for (const statement of statements) {
    const last = stretches.at(-1);
    if (last?.[0]?.database === statement.database) last.push(statement);
    else stretches.push([statement]);
  }
  const notices: StatementNotice[] = [];
  for (const [index, stretch] of stretches.entries()) {
    const { database = "" } = stretch[0] ?? {};
    const done = stretches.slice(0, index).map(([first]) => `"${tameLine(first?.database ?? "")}"`);
    const state = `database "${tameLine(database)}" is as before; committed: ${["the plan's own transaction", ...done].join(", ")}`;
    const { done: got } = await withRetries(request, () => runElsewhere(request, stretch, state));
    notices.push(...got.notices);
  }
  await using session = await request.open();
  const left = await request.replan(session, new Set(request.passwords.keys()));
  return { statements, notices, remaining: left.statements };
}

async function runElsewhere(request: ApplyRequest, statements: readonly PlannedStatement[], state: string) {
  await using session = await request.open(statements[0]?.database);
  try {
    await begin(request, session);
    const notices = await run({ request, session, statements, state });
    await commit(request, session, statements.length);
    return { statements, notices, remaining: [] };
  } catch (error) {
    await rollBack(session);
    throw error;
  }
}

/**
 * Starts a transaction again that another session got in the way of. Nothing of it is there any more, so the work is
 * the whole of it: lock, look, compare, run.
 */
async function withRetries(request: ApplyRequest, work: () => Promise<Done>): Promise<{ done: Done; retries: number }> {
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
function isPassing({ sqlstate }: ServerError): boolean {
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
