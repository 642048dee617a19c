/**
 * Follows what relays record: receipts of deliveries, batch by batch, and dead letters.
 *
 * Receipts of one batch are written in one transaction and carry its time, so grouping by it gives the batches back. Both
 * tables only grow, so each look asks for what is beyond the last number seen; rows of a transaction that commits late
 * may have lower numbers and are missed, which a view for people can bear.
 */
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ProgressEvent } from "../../base/operation.ts";
import { scrub } from "../../base/secrets.ts";
import type { Session } from "../../pg/session.ts";
import { arrayText } from "./inbox.ts";

export interface FollowRequest {
  pipeline?: readonly string[] | undefined;
  limit?: number | undefined;
  intervalMs: number;
  fromStart?: boolean | undefined;
}

const TIME = (column: string): string =>
  `pg_catalog.to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const START = `
  select coalesce((select max(r.id) from tide.relay_delivery_receipts as r), 0) as receipt,
         coalesce((select max(d.id) from tide.relay_dlq as d), 0) as dead`;

/** 1,000 batches at a look: more than people can read in a second. */
const BATCHES = `
  select r.pipeline_name, r.sink_type, ${TIME("r.delivered_at")} as at, sum(r.messages) as events, max(r.id) as last_id,
         max(r.message_id) as position,
         round((percentile_cont(0.5) within group
           (order by extract(epoch from r.delivered_at - m.created_at) * 1000))::numeric)::bigint as median_ms
    from tide.relay_delivery_receipts as r
    left join tide.tide_outbox_messages as m on m.id = r.message_id
   where r.id > $1::bigint and ($2::text[] is null or r.pipeline_name = any ($2::text[]))
   group by r.pipeline_name, r.sink_type, r.delivered_at
   order by max(r.id)
   limit 1000`;

const DEAD = `
  select d.id, d.pipeline_name, d.sink_name, d.error_kind, d.attempt_count, ${TIME("d.last_failed_at")} as at,
         pg_catalog.left(d.error_message, 300) as error
    from tide.relay_dlq as d
   where d.id > $1::bigint and ($2::text[] is null or d.pipeline_name = any ($2::text[]))
   order by d.id
   limit 1000`;

/** Reports a "relay.delivered" or "relay.dead_letter" event for each; returns how many. */
export async function followDeliveries(
  session: Session,
  { pipeline, limit = Number.MAX_SAFE_INTEGER, intervalMs, fromStart = false }: FollowRequest,
  { report, signal }: OperationContext,
): Promise<number> {
  const names = pipeline?.length ? arrayText(pipeline) : null;
  const [start] = fromStart ? [] : await session.query(START);
  let [receipt, dead] = [start?.receipt ?? "0", start?.dead ?? "0"];
  let lines = 0;
  for (;;) {
    for (const row of await session.query(BATCHES, [receipt, names])) {
      receipt = row.last_id ?? receipt;
      report(deliveredEvent(row));
      if (++lines >= limit) return lines;
    }
    for (const row of await session.query(DEAD, [dead, names])) {
      dead = row.id ?? dead;
      report(deadLetterEvent(row));
      if (++lines >= limit) return lines;
    }
    if (!(await isToGoOn(intervalMs, signal))) return lines;
  }
}

type Row = Readonly<Record<string, string | null | undefined>>;

function deliveredEvent(row: Row): ProgressEvent {
  return {
    type: "relay.delivered",
    at: row.at,
    pipeline: row.pipeline_name,
    sink: row.sink_type,
    events: Number(row.events),
    median_ms: row.median_ms === null || row.median_ms === undefined ? null : Number(row.median_ms),
    position: row.position,
    batch: row.last_id,
  };
}

function deadLetterEvent(row: Row): ProgressEvent {
  return {
    type: "relay.dead_letter",
    at: row.at,
    pipeline: row.pipeline_name,
    sink: row.sink_name,
    id: Number(row.id),
    kind: row.error_kind,
    attempts: Number(row.attempt_count),
    error: scrub(row.error ?? ""),
  };
}

/** Waits for the next look. False: the time is up that somebody gave, and what was asked for has been shown. */
async function isToGoOn(intervalMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(intervalMs, signal);
    return true;
  } catch (error) {
    if (signal.reason instanceof PgkeepError && signal.reason.code === "COMMAND_TIMEOUT") return false;
    throw error;
  }
}
