/** Reading an outbox in pages: only rows below the low-water mark, and only durable ones (contract section 5.3). */
import type { ArrayRow, Session } from "../../pg/session.ts";
import type { PipelineKey } from "./pipeline-key.ts";

const PAGE = "select id, payload, headers, created_at from tide.relay_page($1, $2, $3, $4)";
const HORIZON = "select upper_id, last_id from tide.relay_horizon($1)";
const LAST_ID = "select tide.relay_last_id()";
const HOLDER =
  "select process_id, (extract(epoch from pg_catalog.clock_timestamp() - since) * 1000)::bigint from tide.relay_holders($1) limit 1";
const POSITION =
  "select last_change_id from tide.relay_consumer_offsets where relay_group_id = $1 and pipeline_id = $2 and outbox_name = $3";
const EVENTS = `
  select pg_catalog.count(*)
    from tide.tide_outbox_messages as m
   where m.outbox_name = (select c.config #>> '{source,outbox}' from tide.relay_outbox_config as c where c.name = $1)
     and m.id between $2 and $3`;
const READY = "select tide.relay_dag_ready($1, $2)";
const SLEEP = "select tide.relay_sleep($1)";
const WAKE = "select tide.relay_wake($1)";

export interface PageRequest {
  outbox: string;
  after: bigint;
  limit: number;
  maxBytes: number;
}

/** Rows of id, payload text, headers text, created_at (RFC 3339, UTC), in order of id. At least one when there is one. */
export function readPage(session: Session, { outbox, after, limit, maxBytes }: PageRequest): Promise<ArrayRow[]> {
  return session.rows(PAGE, [outbox, String(after), String(limit), String(maxBytes)]);
}

export interface Horizon {
  /** Everything up to here may be read. */
  upper: bigint;
  /** The last id given out; above `upper` while a publishing transaction is open. */
  last: bigint;
}

export async function readHorizon(session: Session, outbox: string): Promise<Horizon> {
  const [row] = await session.rows(HORIZON, [outbox]);
  return { upper: BigInt(row?.[0] ?? 0), last: BigInt(row?.[1] ?? 0) };
}

/** The last id given out for any outbox. */
export async function readLastId(session: Session): Promise<bigint> {
  const [row] = await session.rows(LAST_ID);
  return BigInt(row?.[0] ?? 0);
}

export interface Holder {
  /** undefined: a prepared transaction, which has no process. */
  processId: number | undefined;
  sinceMs: number;
}

/** The oldest transaction that holds later events of an outbox back; undefined: none does. */
export async function readHolder(session: Session, outbox: string): Promise<Holder | undefined> {
  const [row] = await session.rows(HOLDER, [outbox]);
  if (row === undefined) return undefined;
  return { processId: row[0] == null ? undefined : Number(row[0]), sinceMs: Number(row[1] ?? 0) };
}

/** Where a pipeline stands; 0 when it has never delivered: an outbox is read from its beginning. */
export async function readPosition(
  session: Session,
  { group, pipeline, outbox }: { group: string; pipeline: string; outbox: string },
): Promise<bigint> {
  const [row] = await session.rows(POSITION, [group, pipeline, outbox]);
  return BigInt(row?.[0] ?? 0);
}

/** Asks publishers to notify, from the next transaction on. Read once more afterwards, then wait. */
export async function beginSleep(session: Session, outbox: string): Promise<void> {
  await session.rows(SLEEP, [outbox]);
}

/** Tells publishers that nobody needs to be woken. */
export async function endSleep(session: Session, outbox: string): Promise<void> {
  await session.rows(WAKE, [outbox]);
}

/** Whether the pipelines that this one waits for let it go on. */
export async function isReady(session: Session, { pipeline, group }: PipelineKey): Promise<boolean> {
  const [row] = await session.rows(READY, [pipeline, group]);
  return row?.[0] === "t";
}

/** How many events of a pipeline's outbox there are between two ids, both included. */
export async function countEvents(
  session: Session,
  { pipeline, fromId, toId }: { pipeline: string; fromId: bigint; toId: bigint },
): Promise<number> {
  const [row] = await session.rows(EVENTS, [pipeline, String(fromId), String(toId)]);
  return Number(row?.[0] ?? 0);
}
