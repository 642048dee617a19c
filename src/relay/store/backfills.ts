/** Jobs that deliver history again, chunk by chunk (sql/relay/0011_more.sql). */
import type { Session } from "../../pg/session.ts";

const NEXT = `
  select job_id, job_name, outbox_name, epoch, after_id, upto_id, chunk_rows
    from tide.backfill_next($1, $2, $3)`;
const KEEP = "select tide.backfill_keep($1, $2, $3)";
const ADVANCE = "select tide.backfill_advance($1, $2, $3, $4)";
const FAIL = "select tide.backfill_fail($1, $2, $3)";

export interface BackfillChunk {
  jobId: string;
  jobName: string;
  outbox: string;
  epoch: string;
  /** Events above this id ... */
  after: bigint;
  /** ... up to and including this one. */
  upTo: bigint;
  rows: number;
}

/** Claims the next chunk of a pipeline's jobs; undefined: there is nothing to do now. */
export async function nextChunk(
  session: Session,
  { worker, pipeline, leaseSeconds }: { worker: string; pipeline: string; leaseSeconds: number },
): Promise<BackfillChunk | undefined> {
  const [row] = await session.rows(NEXT, [worker, pipeline, String(leaseSeconds)]);
  if (row === undefined) return undefined;
  const [jobId, jobName, outbox, epoch, after, upTo, rows] = row;
  return {
    jobId: jobId ?? "",
    jobName: jobName ?? "",
    outbox: outbox ?? "",
    epoch: epoch ?? "0",
    after: BigInt(after ?? 0),
    upTo: BigInt(upTo ?? 0),
    rows: Number(rows ?? 0),
  };
}

/** False: the chunk is somebody else's by now, or the job was ended. */
export async function keepChunk(
  session: Session,
  { jobId, epoch }: BackfillChunk,
  leaseSeconds: number,
): Promise<boolean> {
  const [row] = await session.rows(KEEP, [jobId, epoch, String(leaseSeconds)]);
  return row?.[0] === "t";
}

/** Records a delivered chunk. */
export async function finishChunk(session: Session, { jobId, epoch, upTo, rows }: BackfillChunk): Promise<void> {
  await session.rows(ADVANCE, [jobId, epoch, String(upTo), String(rows)]);
}

/** Ends the job with an error; somebody may resume it. */
export async function failChunk(session: Session, { jobId, epoch }: BackfillChunk, reason: string): Promise<void> {
  await session.rows(FAIL, [jobId, epoch, reason]);
}
