/** Deleting what has been delivered and kept long enough. Several relays may do it at once. */
import type { Session } from "../../pg/session.ts";

const SWEEP =
  "select pg_catalog.bool_or((o ->> 'has_more')::boolean) from pg_catalog.jsonb_array_elements(tide.outbox_sweep(null, $1) -> 'outboxes') as o";
const DEAD_LETTERS = "select tide.relay_dlq_sweep($1)";
const MAY_SWEEP = "select pg_catalog.has_function_privilege('tide.relay_dlq_sweep(integer)', 'execute')";
const RECEIPTS = "select tide.relay_truncate_delivery_receipts()";

/** One batch per outbox. True: there is more. */
export async function sweepOutboxes(session: Session, batchRows: number): Promise<boolean> {
  const [row] = await session.rows(SWEEP, [String(batchRows)]);
  return row?.[0] === "t";
}

/** Deletes dead letters that were settled longer ago than their pipeline keeps them. Returns how many; all: there may be more. */
export async function sweepDeadLetterBatch(session: Session, batchRows: number): Promise<number> {
  const [row] = await session.rows(DEAD_LETTERS, [String(batchRows)]);
  return Number(row?.[0] ?? 0);
}

/** Whether this role may have old dead letters swept: the function is granted apart from the one for events. */
export async function maySweepDeadLetters(session: Session): Promise<boolean> {
  const [row] = await session.rows(MAY_SWEEP);
  return row?.[0] === "t";
}

/** Receipts older than a day. */
export async function truncateReceipts(session: Session): Promise<void> {
  await session.rows(RECEIPTS);
}
