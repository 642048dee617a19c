/**
 * Where a plan may be cut into several transactions.
 *
 * Changing an owner or row level security takes the strongest lock on a table and keeps it to the end of the
 * transaction. One by one, each such table is locked only for its own moment; the price is that a failure half-way
 * leaves the tables before it changed, which the caller asked for.
 */
import type { PlannedStatement } from "../plan/plan.ts";

/**
 * Cuts after every statement that locks something, except before the next one on the same object and while a role
 * or a right is only borrowed: those statements belong to what they are borrowed for.
 */
export function transactionsOf(statements: readonly PlannedStatement[]): PlannedStatement[][] {
  const transactions: PlannedStatement[][] = [];
  let current: PlannedStatement[] = [];
  for (const [index, statement] of statements.entries()) {
    current.push(statement);
    const next = statements[index + 1];
    const isCut = statement.lock !== "none" && next?.object !== statement.object && !isBorrowing(current);
    if (!isCut) continue;
    transactions.push(current);
    current = [];
  }
  return current.length > 0 ? [...transactions, current] : transactions;
}

/** Whether the role was changed and not yet changed back. Such statements are of the kind "temporary". */
function isBorrowing(statements: readonly PlannedStatement[]): boolean {
  const last = statements.findLast(({ kind, sql }) => kind === "temporary" && /^(?:set|reset)\b.*\brole\b/i.test(sql));
  return last !== undefined && !/^reset\b/i.test(last.sql);
}
