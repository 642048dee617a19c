/** Reading an outbox in pages: only rows below the low-water mark, and only durable ones (contract section 5.3). */
import type { ArrayRow, Session } from "../../pg/session.ts";
import type { PipelineKey } from "./pipeline-key.ts";

const PAGE = "select id, payload, headers, created_at from tide.relay_page($1, $2, $3, $4)";
const SETTLED = "select tide.relay_settled($1)";
// What is not small (2 KiB as stored, neither compressed nor moved out) stays NULL: `relay_page` bounds such rows by their size.
const SETTLED_PAGE = `
  select m.id,
         case when pg_column_size(m.payload) <= 2048 and pg_column_compression(m.payload) is null then m.payload::text end,
         case when pg_column_size(m.headers) <= 2048 and pg_column_compression(m.headers) is null then m.headers::text end,
         to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    from tide.tide_outbox_messages as m
   where m.outbox_name = $1
     and m.id > $2
     and m.id <= $3
   order by m.id
   limit $4`;
const HORIZON = "select upper_id, last_id from tide.relay_horizon($1)";
const HAS_SETTLED =
  "select exists (select from tide.tide_outbox_messages as m where m.outbox_name = $1 and m.id > $2 and m.id <= $3)";
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

/** Everything up to this id may be read by `readSettledPage`: it is there for good, and durable. */
export async function readSettledId(session: Session, outbox: string): Promise<bigint> {
  const [row] = await session.rows(SETTLED, [outbox]);
  return BigInt(row?.[0] ?? 0);
}

/** Bytes that a small row has at most, escapes left out: payload and headers. */
const SMALL_ROW_BYTES = 4_096;
/** Envelopes of large payloads, which only the server can open. */
const ENVELOPE = '{"_cc": true,';

export interface SettledPage {
  rows: ArrayRow[];
  /** Why it ends: at its limit, at the last settled id, or before a row that is not small. */
  end: "limit" | "settled" | "large";
}

/**
 * As `readPage`, and faster, for what is settled and durable already, and small. Every row of `relay_page`
 * passes a loop of the server; these come straight from the index.
 */
export async function readSettledPage(
  session: Session,
  { outbox, after, limit, maxBytes }: PageRequest,
  upTo: bigint,
): Promise<SettledPage> {
  const most = Math.max(1, Math.min(limit, Math.floor(maxBytes / SMALL_ROW_BYTES)));
  const rows = await session.rows(SETTLED_PAGE, [outbox, String(after), String(upTo), String(most)]);
  const large = rows.findIndex(
    ([, payload, headers]) => payload == null || headers == null || payload.startsWith(ENVELOPE),
  );
  if (large >= 0) return { rows: rows.slice(0, large), end: "large" };
  return { rows, end: rows.length === most ? "limit" : "settled" };
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

/** Whether an outbox has events after one id and up to another, below which everything is settled. */
export async function hasSettledRows(
  session: Session,
  { outbox, after }: Pick<PageRequest, "outbox" | "after">,
  upTo: bigint,
): Promise<boolean> {
  const [row] = await session.rows(HAS_SETTLED, [outbox, String(after), String(upTo)]);
  return row?.[0] === "t";
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
