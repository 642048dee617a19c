/**
 * How the pipelines are, as the database knows it: whoever owns them, how far they are, what waits and what failed.
 *
 * The first question is the public view, which every reader may ask. The others look at events, receipts of the last minute and
 * open transactions, which some may not; their answers are then unknown, with the reason.
 */
import { ServerError, type Session, type TextRow } from "../../pg/session.ts";

export const PIPELINE_STATES = ["healthy", "retrying", "failed", "disabled", "unowned", "unknown"] as const;

export interface PipelineStatus {
  pipeline: string;
  direction: string;
  tenant: string;
  enabled: boolean;
  relay_group: string | null;
  state: (typeof PIPELINE_STATES)[number];
  ownership: string;
  lag: number | null;
  oldest_age_ms: number | null;
  delivered_per_second: number | null;
  p95_ms: number | null;
  dead_letters: number;
  last_offset: string | null;
  last_delivery_at: string | null;
  last_error: { code: string; component: string | null; class: string | null; at: string | null } | null;
  retry_attempt: number | null;
  next_retry_ms: number | null;
  last_update_age_ms: number | null;
  held_by: HeldBy | null;
}

/** Whose open transaction holds later events back. */
export interface HeldBy {
  /** Process of the server; null for a prepared transaction. */
  pid: number | null;
  /** Name of a prepared transaction. */
  prepared: string | null;
  /** null: this role may not see since when. */
  since_ms: number | null;
}

const AGE = (column: string): string =>
  `round(extract(epoch from pg_catalog.clock_timestamp() - ${column}) * 1000)::bigint`;
const AT = (column: string): string =>
  `pg_catalog.to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const STATUS = `
  select s.pipeline_id, s.direction, s.tenant_name, s.enabled, s.relay_group_id, s.ownership, s.health,
         s.consumer_lag, s.last_offset, ${AT("s.last_checkpoint_success_at")} as last_delivery_at,
         s.last_error_code, s.last_error_component, s.last_error_class, ${AT("s.last_error_at")} as last_error_at,
         s.retry_attempt, s.retry_state, s.unresolved_dlq_depth,
         ${AGE("s.last_state_update_at")} as update_age_ms,
         greatest(0, -${AGE("s.next_retry_at")}) as next_retry_ms
    from tide.relay_pipeline_status as s
   order by s.direction, s.pipeline_id, s.relay_group_id`;

/** Age of the first event above the position, per pipeline; needs to see the events. */
const OLDEST = `
  select s.pipeline_id, s.relay_group_id,
         (select round(extract(epoch from pg_catalog.clock_timestamp() - m.created_at) * 1000)::bigint
            from tide.tide_outbox_messages as m
           where m.outbox_name = c.config #>> '{source,outbox}' and m.id > coalesce(s.last_offset, 0)
           order by m.id
           limit 1) as oldest_age_ms
    from tide.relay_pipeline_status as s
    join tide.relay_outbox_config as c on c.name = s.pipeline_id
   where s.direction = 'forward'`;

/** 60 s: short enough to tell of now, long enough for slow pipelines. */
const RATES = `
  select r.pipeline_name,
         round(sum(r.messages) / 60.0, 2) as per_second,
         round((percentile_cont(0.95) within group
           (order by extract(epoch from r.delivered_at - m.created_at) * 1000))::numeric)::bigint as p95_ms
    from tide.relay_delivery_receipts as r
    left join tide.tide_outbox_messages as m on m.id = r.message_id
   where r.delivered_at > pg_catalog.now() - interval '60 seconds'
   group by r.pipeline_name`;

/** The oldest transaction that publishes to the outbox of a pipeline that has something waiting. */
const HOLDERS = `
  select s.pipeline_id, s.relay_group_id, h.process_id, h.prepared, ${AGE("h.since")} as since_ms
    from tide.relay_pipeline_status as s
    join tide.relay_outbox_config as c on c.name = s.pipeline_id
   cross join lateral (
           select * from tide.relay_holders(c.config #>> '{source,outbox}') limit 1
         ) as h
   where s.direction = 'forward' and s.enabled`;

export interface StatusReport {
  pipelines: PipelineStatus[];
  /** Why rates and ages are unknown; null when they are known. */
  reason: string | null;
}

export async function readStatus(session: Session): Promise<StatusReport> {
  const rows = await session.query(STATUS);
  const ages = await whenPermitted(session, OLDEST);
  const receipts = await whenPermitted(session, RATES);
  const holders = new Map((await whenPermitted(session, HOLDERS))?.map((row) => [ageKey(row), row]));
  const oldest = new Map(ages?.map((row) => [ageKey(row), row.oldest_age_ms ?? null]));
  const rates = new Map(receipts?.map((row) => [row.pipeline_name ?? "", row]));
  return {
    reason: reasonOf({ hasAges: ages !== undefined, hasRates: receipts !== undefined }),
    pipelines: rows.map((row) => ({
      ...statusOf(row, oldest.get(ageKey(row)), rates.get(row.pipeline_id ?? "")),
      held_by: holderOf(holders.get(ageKey(row))),
    })),
  };
}

/** undefined: this role may not ask. */
async function whenPermitted(session: Session, question: string): Promise<TextRow[] | undefined> {
  try {
    return await session.query(question);
  } catch (error) {
    if (error instanceof ServerError && error.sqlstate === "42501") return undefined;
    throw error;
  }
}

function reasonOf({ hasAges, hasRates }: { hasAges: boolean; hasRates: boolean }): string | null {
  if (!hasAges) return "this role may not read events and receipts, so ages and rates are unknown (tide_admin may)";
  if (!hasRates) return "this role may not read receipts, so rates are unknown (tide_admin may)";
  return null;
}

const ageKey = (row: TextRow): string => `${row.relay_group_id ?? ""}\0${row.pipeline_id ?? ""}`;

function holderOf(row: TextRow | undefined): HeldBy | null {
  if (row === undefined) return null;
  return { pid: numberOf(row.process_id), prepared: row.prepared ?? null, since_ms: numberOf(row.since_ms) };
}

function statusOf(
  row: TextRow,
  oldest: string | null | undefined,
  rates: TextRow | undefined,
): Omit<PipelineStatus, "held_by"> {
  return {
    pipeline: row.pipeline_id ?? "",
    direction: row.direction ?? "",
    tenant: row.tenant_name ?? "default",
    enabled: row.enabled === "t",
    relay_group: row.relay_group_id ?? null,
    state: stateOf(row),
    ownership: row.ownership ?? "unowned",
    lag: numberOf(row.consumer_lag),
    oldest_age_ms: numberOf(oldest),
    delivered_per_second: numberOf(rates?.per_second),
    p95_ms: numberOf(rates?.p95_ms),
    dead_letters: numberOf(row.unresolved_dlq_depth) ?? 0,
    last_offset: row.last_offset ?? null,
    last_delivery_at: row.last_delivery_at ?? null,
    last_error: errorOf(row),
    retry_attempt: numberOf(row.retry_attempt),
    next_retry_ms: row.retry_state === null ? null : numberOf(row.next_retry_ms),
    last_update_age_ms: numberOf(row.update_age_ms),
  };
}

/** A row without an owner says nothing about now, however good its last word was. */
function stateOf({ enabled, health, ownership }: TextRow): PipelineStatus["state"] {
  if (enabled !== "t" || health === "disabled") return "disabled";
  if (ownership === "stale") return "unknown";
  if (ownership === "unowned") return "unowned";
  if (health === "permanently_failed") return "failed";
  return health === "retrying" || health === "healthy" ? health : "unknown";
}

function errorOf(row: TextRow): PipelineStatus["last_error"] {
  if (!row.last_error_code) return null;
  return {
    code: row.last_error_code,
    component: row.last_error_component ?? null,
    class: row.last_error_class ?? null,
    at: row.last_error_at ?? null,
  };
}

function numberOf(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}
