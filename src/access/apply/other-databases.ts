/** What comes after the plan's own transaction: statements in other databases, and what must wait for those. */
import { tameLine } from "../../base/tame.ts";
import type { PlannedStatement } from "../plan/plan.ts";
import type { ApplyRequest, Done } from "./request.ts";
import { withRetries } from "./retries.ts";
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
    const notices = await runStatements({ request, session, statements, state });
    await commit(request, session, statements.length);
    return { statements, notices, remaining: [] };
  } catch (error) {
    await rollBack(session);
    throw error;
  }
}
