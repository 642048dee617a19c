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
import { runBefore } from "./create-database.ts";
import { runMain } from "./main-transaction.ts";
import { runAfter } from "./other-databases.ts";
import { type ApplyReport, type ApplyRequest, nothingDone } from "./request.ts";
import { planBlocked } from "./same-plan.ts";

/**
 * Applies the plan and proves the result.
 *
 * Throws ACCESS_PLAN_STALE, ACCESS_BLOCKED, ACCESS_RIGHT_MISSING, ACCESS_LOCK_TIMEOUT, ACCESS_PASSWORD_REJECTED,
 * ACCESS_ROLE_OWNS_OBJECTS, ACCESS_SQL_FAILED, ACCESS_RESULT_DIFFERS, CONNECT_LOST; each says what state things are in.
 */
export async function applyPlan(request: ApplyRequest): Promise<ApplyReport> {
  const { plan, options = {} } = request;
  if (plan.blocked.length > 0 && !options.partial) throw planBlocked(plan);
  return await applyApproved(request);
}

async function applyApproved(request: ApplyRequest): Promise<ApplyReport> {
  const { plan } = request;
  const before = plan.statements.filter(({ stage }) => stage === "before");
  const prepared = before.length > 0 ? await runBefore(request, before) : nothingDone;
  const done = await runMain(request, before.length > 0);
  const after = plan.statements.filter(({ stage }) => stage === "after");
  const elsewhere = after.length > 0 ? await runAfter(request, after) : nothingDone;
  const statements = [...prepared.statements, ...done.statements, ...elsewhere.statements];
  return {
    statements,
    notices: [...prepared.notices, ...done.notices, ...elsewhere.notices],
    passwordsSet: statements.flatMap(({ passwordOf }) => (passwordOf === undefined ? [] : [passwordOf])),
    retries: done.retries,
    wasDone: plan.statements.length > 0 && statements.length === 0,
    remaining: after.length > 0 ? elsewhere.remaining : done.remaining,
  };
}
