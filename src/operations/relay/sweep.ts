/** Calls the sweeps of schema tide until nothing is left to remove. */
import type { Session } from "../../pg/session.ts";
import { maySweepDeadLetters, sweepDeadLetterBatch } from "../../relay/store/upkeep.ts";

export interface SweepRequest {
  outbox?: string | undefined;
  batchSize: number;
  maxBatches?: number | undefined;
  dryRun?: boolean | undefined;
}

export interface SweptOutbox {
  outbox: string;
  affected_rows: number;
  completed_batches: number;
  blockers: unknown[];
}

export interface SweepReport {
  outboxes: SweptOutbox[];
  total_deleted: number;
  dry_run: boolean;
}

/** 100,000 batches: more than any table here has; a bound for a server that always says there is more. */
const MOST_BATCHES = 100_000;

export async function sweep(session: Session, request: SweepRequest, signal: AbortSignal): Promise<SweepReport> {
  const { outbox, batchSize, maxBatches = MOST_BATCHES, dryRun = false } = request;
  const totals = new Map<string, SweptOutbox>();
  for (let batch = 0; batch < maxBatches; batch++) {
    signal.throwIfAborted();
    const [row] = await session.query("select tide.outbox_sweep($1, $2::int, $3::boolean) as swept", [
      outbox ?? null,
      String(batchSize),
      String(dryRun),
    ]);
    const swept = outboxesOf(row?.swept);
    for (const one of swept) add(totals, one);
    if (dryRun || !swept.some(({ has_more: hasMore, affected_rows: rows }) => hasMore && rows > 0)) break;
  }
  const outboxes = [...totals.values()];
  const total = outboxes.reduce((sum, { affected_rows: rows }) => sum + rows, 0);
  return { outboxes, total_deleted: dryRun ? 0 : total, dry_run: dryRun };
}

interface SweptBatch {
  outbox: string;
  affected_rows: number;
  eligible_in_batch: number;
  has_more: boolean;
  blockers: unknown[];
}

/**
 * Events, and the dead letters that were settled longer ago than their pipeline keeps them, unless one outbox was named or the
 * role may sweep events alone.
 */
export async function sweepAll(
  session: Session,
  request: SweepRequest,
  signal: AbortSignal,
): Promise<SweepReport & { dead_letters?: number }> {
  const events = await sweep(session, request, signal);
  if (request.dryRun || request.outbox !== undefined || !(await maySweepDeadLetters(session))) return events;
  return { ...events, dead_letters: await sweepDeadLetters(session, request, signal) };
}

/** Returns how many were removed. */
async function sweepDeadLetters(
  session: Session,
  { batchSize, maxBatches = MOST_BATCHES }: SweepRequest,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (let batch = 0; batch < maxBatches; batch++) {
    signal.throwIfAborted();
    const rows = await sweepDeadLetterBatch(session, batchSize);
    removed += rows;
    if (rows < batchSize) break;
  }
  return removed;
}

function outboxesOf(text: string | null | undefined): SweptBatch[] {
  const parsed: { outboxes?: SweptBatch[] } = JSON.parse(text ?? "{}");
  return parsed.outboxes ?? [];
}

function add(totals: Map<string, SweptOutbox>, batch: SweptBatch): void {
  const known = totals.get(batch.outbox);
  const total = known ?? { outbox: batch.outbox, affected_rows: 0, completed_batches: 0, blockers: [] };
  total.affected_rows += batch.affected_rows;
  total.completed_batches++;
  total.blockers = Array.isArray(batch.blockers) ? batch.blockers : [];
  totals.set(batch.outbox, total);
}
