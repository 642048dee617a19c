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
import { runWithPasswords } from "./run-statements.ts";
import { differenceOf, identityOf, planBlocked, requireSamePlan } from "./same-plan.ts";
import type { StatementNotice } from "./send.ts";
import { begin, commit, rollBack } from "./transaction.ts";

export async function runMain(request: ApplyRequest, databaseIsNew: boolean): Promise<Done> {
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
    notices.push(...(await runWithPasswords({ request, session, statements: part, state })));
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
