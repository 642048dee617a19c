/**
 * CREATE DATABASE, which no transaction may hold: it comes before the plan's own, from another database.
 *
 * What was done of it stays, and a second run finds it done.
 */
import { sleep } from "../../base/clock.ts";
import type { PgkeepError } from "../../base/errors.ts";
import { retryDelayMs } from "../../base/retry.ts";
import type { ServerError } from "../../pg/session.ts";
import type { PlannedStatement } from "../plan/plan.ts";
import { statementFailed, withState } from "./failures.ts";
import { type ApplyRequest, type Done, nothingDone, timeoutsOf } from "./request.ts";
import { MAX_RETRIES, RETRY_POLICY } from "./retries.ts";
import { type Part, runStatements } from "./run-statements.ts";
import { StatementFailure, type StatementNotice } from "./send.ts";

/** Statements that no transaction may hold. What was done of them stays, and a second run finds it done. */
export async function runBefore(request: ApplyRequest, statements: readonly PlannedStatement[]): Promise<Done> {
  await using session = await request.open(request.maintenanceDatabase);
  const timeouts = `set lock_timeout = ${timeoutsOf(request).lock}; set statement_timeout = 0`;
  await session.script(timeouts).catch((error: unknown) => {
    throw withState(error, "nothing was changed");
  });
  const notices: StatementNotice[] = [];
  for (const [index, statement] of statements.entries()) {
    const state = index === 0 ? "nothing was changed" : `statements 1 to ${index} of the plan are committed`;
    notices.push(...(await runAlone({ request, session, statements: [statement], state, isHandled })));
  }
  return { ...nothingDone, statements, notices };
}

/** duplicate_database, and what its unique index says when two make it in one moment. */
const ALREADY_MADE = new Set(["42P04", "23505"]);
/** object_in_use: another CREATE DATABASE copies the same template right now. */
const TEMPLATE_IN_USE = "55006";

function isHandled({ sqlstate }: ServerError): boolean {
  return ALREADY_MADE.has(sqlstate) || sqlstate === TEMPLATE_IN_USE;
}

/**
 * CREATE DATABASE. That somebody else made it meanwhile is as good; what is in it is looked at afterwards.
 */
async function runAlone(part: Part): Promise<StatementNotice[]> {
  for (let retries = 0; ; retries++) {
    try {
      return await runStatements(part);
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
