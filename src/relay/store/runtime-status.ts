/** What people and alerts read about running pipelines: written now and then, decides nothing. */
import type { Session } from "../../pg/session.ts";
import type { PipelineKey } from "./pipeline-key.ts";

const WRITE = `
  insert into tide.relay_runtime_status as s (
    relay_group_id, pipeline_id, direction, tenant_name, owner_token, owner_acquired_at, last_owner_heartbeat,
    last_checkpoint_success_at, last_error_code, last_error_component, last_error_class, last_error_at, retry_attempt,
    retry_state, next_retry_at, last_state_update_at
  )
  select r."group", r.pipeline, r.direction, r.tenant, r.owner_token, r.acquired_at,
         case when r.owner_token is not null then pg_catalog.clock_timestamp() end,
         r.checkpoint_at, r.error_code, r.error_component, r.error_class, r.error_at, r.retry_attempt, r.retry_state,
         r.next_retry_at, pg_catalog.clock_timestamp()
    from pg_catalog.jsonb_to_recordset($1) as r (
           "group" text, pipeline text, direction text, tenant text, owner_token text, acquired_at timestamptz,
           checkpoint_at timestamptz, error_code text, error_component text, error_class text, error_at timestamptz,
           retry_attempt integer, retry_state text, next_retry_at timestamptz
         )
      on conflict (relay_group_id, pipeline_id, direction, tenant_name) do update
     set owner_token = excluded.owner_token,
         owner_acquired_at = coalesce(excluded.owner_acquired_at, s.owner_acquired_at),
         last_owner_heartbeat = coalesce(excluded.last_owner_heartbeat, s.last_owner_heartbeat),
         last_checkpoint_success_at = coalesce(excluded.last_checkpoint_success_at, s.last_checkpoint_success_at),
         last_error_code = coalesce(excluded.last_error_code, s.last_error_code),
         last_error_component = coalesce(excluded.last_error_component, s.last_error_component),
         last_error_class = coalesce(excluded.last_error_class, s.last_error_class),
         last_error_at = coalesce(excluded.last_error_at, s.last_error_at),
         retry_attempt = excluded.retry_attempt,
         retry_state = excluded.retry_state,
         next_retry_at = excluded.next_retry_at,
         last_state_update_at = excluded.last_state_update_at
   where excluded.owner_token is not null
      or s.owner_token is null
      or s.owner_token = $2`;
/** One that is switched off keeps the reason that stands there: it may say why. */
const STATE = `
  select tide.relay_pipeline_state_upsert($1, $2, $3, $4)
   where not exists (
           select from tide.relay_outbox_config as c where c.name = $1 and not c.enabled
            union all
           select from tide.relay_inbox_config as c where c.name = $1 and not c.enabled
         )`;
const LAG = `
  select pg_catalog.count(*), (extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(m.created_at)) * 1000)::bigint,
         (select pg_catalog.count(*) from tide.relay_dlq as d where d.pipeline_name = $2 and not d.resolved)
    from tide.tide_outbox_messages as m
   where m.outbox_name = $3
     and m.id > coalesce((
           select o.last_change_id
             from tide.relay_consumer_offsets as o
            where (o.relay_group_id, o.pipeline_id, o.outbox_name) = ($1, $2, $3)
         ), 0)`;

export interface RuntimeStatus {
  ownerToken: string | undefined;
  acquiredAt: string | undefined;
  checkpointAt: string | undefined;
  error: { code: string; component: string; class: "transient" | "permanent"; at: string } | undefined;
  retryAttempt: number;
  retryState: string | undefined;
  nextRetryAt: string | undefined;
}

/** `token`: the writer's; what another owner has said of a pipeline that is no longer ours stays. */
export async function writeRuntimeStatus(
  session: Session,
  rows: readonly { key: PipelineKey; status: RuntimeStatus }[],
  token: string,
): Promise<void> {
  if (rows.length > 0) await session.rows(WRITE, [JSON.stringify(rows.map(statusJson)), token]);
}

function statusJson({ key, status }: { key: PipelineKey; status: RuntimeStatus }): Record<string, unknown> {
  return {
    ...key,
    owner_token: status.ownerToken,
    acquired_at: status.acquiredAt,
    checkpoint_at: status.checkpointAt,
    error_code: status.error?.code,
    error_component: status.error?.component,
    error_class: status.error?.class,
    error_at: status.error?.at,
    retry_attempt: status.retryAttempt,
    retry_state: status.retryState,
    next_retry_at: status.nextRetryAt,
  };
}

/** Notes since when and why a pipeline stands still; `failures` 0: it does not. */
export async function writePipelineState(
  session: Session,
  state: { pipeline: string; error: string | undefined; isTransient: boolean; failures: number },
): Promise<void> {
  const { pipeline, error, isTransient, failures } = state;
  const errorClass = failures === 0 ? null : isTransient ? "transient" : "permanent";
  await session.rows(STATE, [pipeline, error ?? null, errorClass, String(failures)]);
}

export interface Lag {
  messages: number;
  oldestAgeMs: number | undefined;
  deadLetters: number;
}

/** How far a pipeline is behind: counted, because ids have gaps and are shared by all outboxes. */
export async function readLag(
  session: Session,
  { group, pipeline, outbox }: { group: string; pipeline: string; outbox: string },
): Promise<Lag> {
  const [row] = await session.rows(LAG, [group, pipeline, outbox]);
  return {
    messages: Number(row?.[0] ?? 0),
    oldestAgeMs: row?.[1] == null ? undefined : Number(row[1]),
    deadLetters: Number(row?.[2] ?? 0),
  };
}
