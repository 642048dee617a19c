/**
 * The plan's own transaction: look again, compare with what was approved, run, look once more, commit.
 *
 * With `oneByOne` it is cut into several (one-by-one.ts); the last of them looks at the result of all.
 */
import type { Session } from "../../pg/session.ts";
import type { AccessPlan, PlannedStatement } from "../plan/plan.ts";
import { rolledBack } from "./failures.ts";
import { transactionsOf } from "./one-by-one.ts";
import { newRunId, recordEnd, recordStart } from "./record.ts";
import { type ApplyRequest, type Done, nothingDone } from "./request.ts";
import { resultDiffers } from "./result.ts";
import { isTransient, withRetries } from "./retries.ts";
import { runWithPasswords } from "./run-statements.ts";
import { differenceOf, identityOf, planBlocked, requireSamePlan } from "./same-plan.ts";
import type { StatementNotice } from "./send.ts";
import { begin, commit, rollBack } from "./transaction.ts";

/** Runs and commits; starts again what another session got in the way of. Throws what applyPlan throws. */
export async function runMain(request: ApplyRequest, databaseIsNew: boolean): Promise<Done> {
  await using session = await request.open();
  const state = rolledBack(request.plan.database);
  const first = await withRetries(request, { state, work: () => runFirst(request, session, databaseIsNew) });
  if (!first.done) return { ...nothingDone, retries: first.retries };
  const { run, others } = first.done;
  run.retries = first.retries;
  for (const part of others) {
    // What is committed would not be planned again, so only this part is started again and not the whole run.
    const left = stateAfter(request, run.committed);
    const { retries } = await withRetries(request, { state: left, work: () => runNext(run, part) });
    run.retries += retries;
  }
  await recordEnd(session, { run: run.id, after: run.stateHash });
  const { statements, notices, remaining, retries } = run;
  return { statements, notices, remaining, retries };
}

/** A run of which the first transaction is committed, or about to be. */
interface Run {
  id: string;
  request: ApplyRequest;
  session: Session;
  /** Of all its transactions. */
  statements: readonly PlannedStatement[];
  /** How many of them are committed. */
  committed: number;
  notices: readonly StatementNotice[];
  retries: number;
  /** By the last look. */
  remaining: readonly PlannedStatement[];
  stateHash: string;
}

/** undefined: there is nothing to do. */
async function runFirst(
  request: ApplyRequest,
  session: Session,
  databaseIsNew: boolean,
): Promise<{ run: Run; others: (readonly PlannedStatement[])[] } | undefined> {
  try {
    await begin(request, session, "nothing was changed");
    const fresh = await request.replan(session, new Set());
    const statements = approvedStatements(request, fresh, databaseIsNew);
    const [first, ...others] = request.options?.oneByOne ? transactionsOf(statements) : [statements];
    if (!first || first.length === 0) {
      await session.script("rollback");
      return undefined;
    }
    const id = newRunId();
    await recordStart(session, { run: id, plan: fresh, statements });
    const run = {
      id,
      request,
      session,
      statements,
      committed: 0,
      notices: [],
      retries: 0,
      remaining: [],
      stateHash: "",
    };
    await runAndCommit(run, first);
    return { run, others };
  } catch (error) {
    await rollBack(session);
    throw error;
  }
}

async function runNext(run: Run, part: readonly PlannedStatement[]): Promise<void> {
  const { request, session, committed } = run;
  try {
    await begin(request, session, stateAfter(request, committed));
    await runAndCommit(run, part);
  } catch (error) {
    await rollBack(session);
    throw error;
  }
}

/** One transaction that is open. The run knows of it only when it is committed. */
async function runAndCommit(run: Run, part: readonly PlannedStatement[]): Promise<void> {
  const { request, session, statements, committed } = run;
  const state = stateAfter(request, committed);
  const said = await runWithPasswords({ request, session, statements: part, state, isHandled: isTransient });
  const notices = [...run.notices, ...said];
  const isLast = committed + part.length === statements.length;
  const left = isLast ? await lookAgain({ request, session, statements, notices, committed }) : undefined;
  await commit(request, session, statements.length);
  Object.assign(run, { ...left, notices, committed: committed + part.length });
}

function stateAfter({ plan }: ApplyRequest, committed: number): string {
  if (committed === 0) return rolledBack(plan.database);
  const done = committed === 1 ? "1 statement is" : `${committed} statements are`;
  return `${done} committed; the one that failed and those after it changed nothing`;
}

/** The statements of the main transaction, when `fresh` is what was approved. Throws ACCESS_PLAN_STALE. */
function approvedStatements(
  { plan, approval, report, options = {} }: ApplyRequest,
  fresh: AccessPlan,
  databaseIsNew: boolean,
): readonly PlannedStatement[] {
  const main = fresh.statements.filter(({ stage }) => stage === "main");
  const compared = { approved: identityOf(plan), fresh: identityOf(fresh) };
  if (!databaseIsNew && differenceOf(compared) === undefined) return main;
  if (approval === "plan") {
    // A database that this run has just made has another state than none; its statements must have been in the plan.
    const approved = new Set(plan.statements.map(({ sql }) => sql));
    const isPart = databaseIsNew && fresh.modelHash === plan.modelHash && main.every(({ sql }) => approved.has(sql));
    if (!isPart) requireSamePlan(compared);
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
