/** What comes after the plan's own transaction: statements in other databases, and what must wait for those. */
import { tameLine } from "../../base/tame.ts";
import type { PlannedStatement } from "../plan/plan.ts";
import { withState } from "./failures.ts";
import { type ApplyRequest, type Done, nothingDone } from "./request.ts";
import { isTransient, withRetries } from "./retries.ts";
import { runStatements } from "./run-statements.ts";
import type { StatementNotice } from "./send.ts";
import { begin, commit, rollBack } from "./transaction.ts";

/** Statements in other databases, and what must come after those. One transaction per stretch of one database. */
export async function runAfter(request: ApplyRequest, statements: readonly PlannedStatement[]): Promise<Done> {
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
    const { done: said } = await withRetries(request, { state, work: () => runElsewhere(request, stretch, state) });
    notices.push(...said);
  }
  return { ...nothingDone, statements, notices, remaining: await lookAtLast(request) };
}

async function runElsewhere(
  request: ApplyRequest,
  statements: readonly PlannedStatement[],
  state: string,
): Promise<StatementNotice[]> {
  await using session = await request.open(statements[0]?.database).catch((error: unknown) => {
    throw withState(error, state);
  });
  try {
    await begin(request, session, state);
    const notices = await runStatements({ request, session, statements, state, isHandled: isTransient });
    await commit(request, session, statements.length);
    return notices;
  } catch (error) {
    await rollBack(session);
    throw error;
  }
}

/** What is still to do when all databases had their turn. */
async function lookAtLast(request: ApplyRequest): Promise<readonly PlannedStatement[]> {
  try {
    await using session = await request.open();
    const { statements } = await request.replan(session, new Set(request.passwords.keys()));
    return statements;
  } catch (error) {
    throw withState(error, "all statements of the plan are committed; access plan shows whether something is left");
  }
}
