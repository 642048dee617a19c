/**
 * Sends statements of a plan inside the transaction that is open, and says what is wrong when one of them fails: which
 * one, who holds the lock that it waited for, what state things are in.
 */
import type { ServerError, Session } from "../../pg/session.ts";
import type { PlannedStatement } from "../plan/plan.ts";
import { type Blocker, watchBlockers } from "./blockers.ts";
import { statementFailed, withState } from "./failures.ts";
import { sendVerifiers, setPasswordStatement, statisticsExposure, verifierOf } from "./passwords.ts";
import { type ApplyRequest, timeoutsOf } from "./request.ts";
import { type Sendable, StatementFailure, type StatementNotice, sendStatements } from "./send.ts";

export interface Part {
  request: ApplyRequest;
  session: Session;
  statements: readonly PlannedStatement[];
  /** What to say when one of them fails. */
  state: string;
  /** What the caller handles itself, by starting again or by being content; thrown as StatementFailure. */
  isHandled: (error: ServerError) => boolean;
}

/** Statements inside the open transaction, with their passwords. */
export async function runWithPasswords(part: Part): Promise<StatementNotice[]> {
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
  return await runStatements(part);
}

/**
 * Runs the statements and returns what the server said to each.
 *
 * Throws StatementFailure for what `isHandled` names, else the failure of the statement, in words for a person.
 */
export async function runStatements({
  request,
  session,
  statements,
  state,
  isHandled,
}: Part): Promise<StatementNotice[]> {
  const { plan, signal, report } = request;
  const byNumber = new Map(statements.map((statement) => [statement.n, statement]));
  const lockTimeoutMs = timeoutsOf(request).lock;
  const watch = watchBlockers({
    processId: session.processId,
    lockTimeoutMs,
    open: () => request.open(session.target.database),
  });
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
    if (!(error instanceof StatementFailure) || !statement || isHandled(error.error)) throw withState(error, state);
    throw statementFailed(statement, error.error, { of: plan.statements.length, state, blockers, lockTimeoutMs });
  } finally {
    await watch.end();
  }
}

function sendable({ n, sql, passwordOf }: PlannedStatement): Sendable {
  return { n, sql: passwordOf === undefined ? sql : setPasswordStatement(n) };
}
