-- The tables of schema tide: what an outbox, an inbox, a pipeline and its progress are made of.
--
-- Names, columns and defaults are public, since applications and dashboards query them; they are those of pg_tide, with
-- further columns at the end of a table and further tables that say so. Every statement can be repeated and leaves a table
-- that is there as it is; columns that one of pg_tide lacks were added before (adopt_columns.sql).
-- Rights: none are given here. Whoever is neither owner nor granted sees nothing; rows of configurations are guarded
-- besides (row level security), because those who may read the tables need not see each other's pipelines.

comment on schema tide is 'Events that leave and enter this database: outboxes, inboxes, pipelines (pgkeep relay).';

-- What this schema is: version, and one row per migration that ran.
create table if not exists tide.meta (
  key text constraint meta_pkey primary key,
  value text not null
);

-- Choices of the operator. publish_acl: open | strict. notify: asleep | always.
create table if not exists tide.settings (
  key text constraint settings_pkey primary key,
  value text not null
);
insert into tide.settings (key, value) values ('notify', 'asleep'), ('publish_acl', 'open') on conflict do nothing;

-- Outboxes ------------------------------------------------------------------------------------------------------------

create table if not exists tide.tide_outbox_config (
  outbox_name text constraint tide_outbox_config_pkey primary key,
  retention_hours integer not null default 24,
  inline_threshold integer not null default 10000,
  enabled boolean not null default true,
  created_at timestamptz not null default pg_catalog.now(),
  owner text not null default current_user,
  partition_strategy text not null default 'none'
    constraint tide_outbox_config_partition_strategy_check
    check (partition_strategy in ('none', 'daily', 'weekly', 'monthly')),
  retention_partitions integer not null default 7,
  db_role text,
  auto_resume_after interval
);

create table if not exists tide.tide_outbox_messages (
  id bigint generated always as identity constraint tide_outbox_messages_pkey primary key,
  outbox_name text not null
    constraint tide_outbox_messages_outbox_name_fkey
    references tide.tide_outbox_config (outbox_name) on delete cascade,
  payload jsonb not null,
  headers jsonb not null default '{}',
  created_at timestamptz not null default pg_catalog.now(),
  consumed_at timestamptz,
  consumer_group text
);
-- Ids are given out one at a time and by a sequence of this name: the mark below which readers stay is made of both
-- (0002_publish.sql). An adopted table may have it otherwise.
do $$
declare
  v_sequence constant regclass := pg_catalog.pg_get_serial_sequence('tide.tide_outbox_messages', 'id');
begin
  if v_sequence is distinct from pg_catalog.to_regclass('tide.tide_outbox_messages_id_seq') then
    execute pg_catalog.format('alter sequence %s rename to tide_outbox_messages_id_seq', v_sequence);
  end if;
  if (select s.seqcache from pg_catalog.pg_sequence as s where s.seqrelid = v_sequence) <> 1 then
    alter sequence tide.tide_outbox_messages_id_seq cache 1;
  end if;
end;
$$;
create index if not exists idx_tide_outbox_messages_pending on tide.tide_outbox_messages (outbox_name, id)
 where consumed_at is null;
create index if not exists idx_tide_outbox_messages_poll on tide.tide_outbox_messages (outbox_name, id);
create index if not exists idx_tide_outbox_messages_cleanup on tide.tide_outbox_messages (outbox_name, created_at, id);

-- Payloads that are too large for a row that is read often (outbox_publish_large), in pieces.
create table if not exists tide.outbox_blobs (
  message_id bigint not null
    constraint outbox_blobs_message_id_fkey references tide.tide_outbox_messages (id) on delete cascade,
  seq integer not null,
  data bytea not null,
  constraint outbox_blobs_pkey primary key (message_id, seq)
);

create table if not exists tide.outbox_publishers (
  outbox_name text not null
    constraint outbox_publishers_outbox_name_fkey
    references tide.tide_outbox_config (outbox_name) on delete cascade,
  role_name text not null,
  granted_at timestamptz not null default pg_catalog.now(),
  granted_by text not null default session_user,
  constraint outbox_publishers_pkey primary key (outbox_name, role_name)
);

create table if not exists tide.outbox_cleanup_state (
  outbox_name text
    constraint outbox_cleanup_state_pkey primary key
    constraint outbox_cleanup_state_outbox_name_fkey
    references tide.tide_outbox_config (outbox_name) on delete cascade,
  last_success_at timestamptz,
  last_safe_offset bigint,
  highest_deleted_id bigint not null default 0,
  last_batch_rows bigint not null default 0,
  total_rows_deleted bigint not null default 0,
  last_duration_ms double precision,
  last_partition_action text not null default 'none'
);
insert into tide.outbox_cleanup_state (outbox_name)
select c.outbox_name from tide.tide_outbox_config as c
on conflict do nothing;

create table if not exists tide.outbox_storage_config (
  singleton boolean default true
    constraint outbox_storage_config_pkey primary key
    constraint outbox_storage_config_singleton_check check (singleton),
  storage_layout text not null default 'heap'
    constraint outbox_storage_config_storage_layout_check
    check (storage_layout in ('heap', 'id_range', 'legacy_noncanonical')),
  partition_span bigint not null default 10000000
    constraint outbox_storage_config_partition_span_check check (partition_span > 0),
  premake_count integer not null default 2
    constraint outbox_storage_config_premake_count_check check (premake_count >= 0),
  last_maintenance_at timestamptz,
  updated_at timestamptz not null default pg_catalog.now()
);
-- An adopted database may hold partitions already; what the table is decides, not what somebody noted.
insert into tide.outbox_storage_config (storage_layout)
select case
         when c.relkind <> 'p' then 'heap'
         when pg_catalog.pg_get_partkeydef(c.oid) = 'RANGE (id)' then 'id_range'
         else 'legacy_noncanonical'
       end
  from pg_catalog.pg_class as c
 where c.oid = 'tide.tide_outbox_messages'::pg_catalog.regclass
on conflict do nothing;

create table if not exists tide.tide_partition_events (
  id bigint generated always as identity constraint tide_partition_events_pkey primary key,
  outbox_name text,
  event_type text not null
    constraint tide_partition_events_event_type_check
    check (event_type in ('created', 'drained', 'dropped', 'converted')),
  partition text,
  strategy text,
  occurred_at timestamptz not null default pg_catalog.now(),
  details jsonb not null default '{}'
);
create index if not exists idx_tide_partition_events_recorded on tide.tide_partition_events (occurred_at desc);

create table if not exists tide.outbox_encryption_config (
  outbox_name text
    constraint outbox_encryption_config_pkey primary key
    constraint outbox_encryption_config_outbox_name_fkey
    references tide.tide_outbox_config (outbox_name) on delete cascade,
  kms_provider text not null
    constraint outbox_encryption_config_kms_provider_check check (kms_provider in ('aws', 'gcp', 'vault', 'local')),
  key_id text not null,
  algorithm text not null default 'AES256GCM',
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now()
);

-- Consumer groups -----------------------------------------------------------------------------------------------------

create table if not exists tide.tide_consumer_groups (
  group_name text constraint tide_consumer_groups_pkey primary key,
  outbox_name text not null
    constraint tide_consumer_groups_outbox_name_fkey
    references tide.tide_outbox_config (outbox_name) on delete cascade,
  auto_offset_reset text not null default 'earliest'
    constraint tide_consumer_groups_auto_offset_reset_check check (auto_offset_reset in ('earliest', 'latest', 'none')),
  created_at timestamptz not null default pg_catalog.now()
);
create index if not exists idx_tide_consumer_groups_outbox on tide.tide_consumer_groups (outbox_name);

create table if not exists tide.tide_consumer_offsets (
  group_name text not null
    constraint tide_consumer_offsets_group_name_fkey
    references tide.tide_consumer_groups (group_name) on delete cascade,
  consumer_id text not null,
  committed_offset bigint not null default 0,
  last_heartbeat timestamptz not null default pg_catalog.now(),
  constraint tide_consumer_offsets_pkey primary key (group_name, consumer_id)
);

-- What a consumer has been given and has not committed: ids from start to end, both included.
create table if not exists tide.tide_consumer_leases (
  group_name text not null,
  consumer_id text not null,
  lease_start bigint not null,
  lease_end bigint not null,
  expires_at timestamptz not null,
  constraint tide_consumer_leases_pkey primary key (group_name, consumer_id),
  constraint tide_consumer_leases_group_name_consumer_id_fkey foreign key (group_name, consumer_id)
    references tide.tide_consumer_offsets (group_name, consumer_id) on delete cascade
);

-- Inboxes -------------------------------------------------------------------------------------------------------------

create table if not exists tide.tide_inbox_config (
  inbox_name text constraint tide_inbox_config_pkey primary key,
  inbox_schema text not null default 'tide',
  max_retries integer not null default 3,
  processed_retention_hours integer not null default 72,
  dlq_retention_hours integer not null default 0,
  created_at timestamptz not null default pg_catalog.now(),
  owner text not null default current_user,
  db_role text,
  auto_resume_after interval
);

-- Pipelines -----------------------------------------------------------------------------------------------------------

create table if not exists tide.relay_outbox_config (
  name text constraint relay_outbox_config_pkey primary key,
  enabled boolean not null default true,
  config jsonb not null default '{}',
  owner text not null default current_user,
  tenant_name text not null default 'default',
  wire_format text not null default 'native'
    constraint relay_outbox_config_wire_format_check
    check (wire_format in ('native', 'debezium', 'cloudevents', 'maxwell', 'canal', 'cdc_json'))
);
create index if not exists idx_relay_outbox_config_tenant on tide.relay_outbox_config (tenant_name) where enabled;

create table if not exists tide.relay_inbox_config (
  name text constraint relay_inbox_config_pkey primary key,
  enabled boolean not null default true,
  config jsonb not null default '{}',
  owner text not null default current_user,
  tenant_name text not null default 'default',
  wire_format text not null default 'native'
    constraint relay_inbox_config_wire_format_check
    check (wire_format in ('native', 'debezium', 'cloudevents', 'maxwell', 'canal', 'cdc_json'))
);
create index if not exists idx_relay_inbox_config_tenant on tide.relay_inbox_config (tenant_name) where enabled;

-- How far a pipeline has delivered: every message up to last_change_id is settled.
create table if not exists tide.relay_consumer_offsets (
  relay_group_id text not null,
  pipeline_id text not null,
  outbox_name text not null,
  last_change_id bigint not null default 0,
  worker_id text,
  updated_at timestamptz not null default pg_catalog.now(),
  tenant_name text not null default 'default',
  constraint relay_consumer_offsets_pkey primary key (relay_group_id, pipeline_id, outbox_name)
);

create table if not exists tide.relay_pipeline_state (
  name text constraint relay_pipeline_state_pkey primary key,
  last_error text,
  error_class text
    constraint relay_pipeline_state_error_class_check check (error_class in ('transient', 'permanent')),
  pause_started_at timestamptz,
  failure_count integer not null default 0,
  updated_at timestamptz not null default pg_catalog.now()
);

-- What relays say about themselves. To look at; nothing decides by it.
create table if not exists tide.relay_runtime_status (
  relay_group_id text not null,
  pipeline_id text not null,
  direction text not null
    constraint relay_runtime_status_direction_check check (direction in ('forward', 'reverse')),
  tenant_name text not null default 'default',
  owner_token text,
  owner_acquired_at timestamptz,
  last_owner_heartbeat timestamptz,
  last_checkpoint_success_at timestamptz,
  last_error_code text,
  last_error_component text,
  last_error_class text,
  last_error_at timestamptz,
  retry_attempt integer not null default 0,
  retry_state text,
  next_retry_at timestamptz,
  last_state_update_at timestamptz not null default pg_catalog.now(),
  constraint relay_runtime_status_pkey primary key (relay_group_id, pipeline_id, direction, tenant_name)
);
create index if not exists idx_relay_runtime_status_heartbeat on tide.relay_runtime_status (last_owner_heartbeat)
 where owner_token is not null;
create index if not exists idx_relay_runtime_status_error on tide.relay_runtime_status (last_error_at);

-- Who may deliver for a pipeline until when. The epoch only grows: what an earlier owner still writes carries an old one
-- and changes nothing.
create table if not exists tide.relay_leases (
  relay_group_id text not null,
  tenant_name text not null,
  direction text not null
    constraint relay_leases_direction_check check (direction in ('forward', 'reverse')),
  pipeline_id text not null,
  epoch bigint not null,
  owner_token text,
  owner_label text,
  owner_pid integer,
  has_lock boolean not null default false,
  acquired_at timestamptz not null default pg_catalog.now(),
  expires_at timestamptz not null,
  constraint relay_leases_pkey primary key (relay_group_id, tenant_name, direction, pipeline_id)
);

create table if not exists tide.relay_instances (
  relay_group_id text not null,
  owner_token text not null,
  label text,
  owned integer not null default 0,
  wants integer not null default 0,
  last_seen timestamptz not null default pg_catalog.now(),
  constraint relay_instances_pkey primary key (relay_group_id, owner_token)
);

create table if not exists tide.relay_limits (
  relay_group_id text constraint relay_limits_pkey primary key,
  max_owned_pipelines integer not null default 50,
  max_connections integer not null default 60,
  updated_at timestamptz not null default pg_catalog.now()
);

-- What could not be delivered -----------------------------------------------------------------------------------------

create table if not exists tide.relay_dlq (
  id bigserial constraint relay_dlq_pkey primary key,
  relay_mode text not null constraint relay_dlq_relay_mode_check check (relay_mode in ('forward', 'reverse')),
  pipeline_name text not null,
  source_name text not null,
  sink_name text not null,
  dedup_key text not null,
  subject text,
  payload jsonb not null,
  error_message text not null,
  error_kind text not null
    constraint relay_dlq_error_kind_check
    check (error_kind in ('decode', 'sink_permanent', 'inbox_permanent', 'max_retries_exceeded')),
  attempt_count integer not null default 1,
  first_failed_at timestamptz not null default pg_catalog.now(),
  last_failed_at timestamptz not null default pg_catalog.now(),
  retried_at timestamptz,
  resolved boolean not null default false,
  resolved_at timestamptz,
  resolved_by text,
  -- created_at is when the event was made, next_attempt_at when redelivery may begin, version grows with every edit.
  headers jsonb,
  outbox_id bigint,
  created_at timestamptz default pg_catalog.now(),
  next_attempt_at timestamptz,
  order_key text,
  version integer not null default 1
);
create unique index if not exists uq_relay_dlq_unresolved on tide.relay_dlq (pipeline_name, dedup_key) where not resolved;
create index if not exists idx_relay_dlq_pipeline_kind on tide.relay_dlq (pipeline_name, error_kind) where not resolved;
create index if not exists idx_relay_dlq_last_failed on tide.relay_dlq (last_failed_at);
create index if not exists idx_relay_dlq_due on tide.relay_dlq (pipeline_name, id)
 where not resolved and retried_at is not null;

create table if not exists tide.relay_dlq_history (
  id bigint generated always as identity constraint relay_dlq_history_pkey primary key,
  dlq_id bigint not null,
  action text not null,
  actor text not null default session_user,
  at timestamptz not null default pg_catalog.now(),
  reason text,
  old_payload jsonb,
  old_headers jsonb
);
create index if not exists idx_relay_dlq_history_dlq on tide.relay_dlq_history (dlq_id, id);

create table if not exists tide.relay_delivery_receipts (
  id bigint generated always as identity constraint relay_delivery_receipts_pkey primary key,
  pipeline_name text not null,
  outbox_name text not null,
  message_id bigint not null,
  dedup_key text not null default '',
  delivered_at timestamptz not null default pg_catalog.now(),
  sink_type text not null default '',
  tenant_name text not null default ''
);
-- One row for each step of a pipeline: everything from first_id to message_id is settled, `messages` of it delivered in this step.
-- Without first_id, as pg_tide wrote them, a row stands for one message.
alter table tide.relay_delivery_receipts
  add column if not exists first_id bigint,
  add column if not exists messages integer not null default 1;
create index if not exists idx_relay_delivery_receipts_pipeline
    on tide.relay_delivery_receipts (pipeline_name, delivered_at);
create index if not exists idx_relay_delivery_receipts_message
    on tide.relay_delivery_receipts (outbox_name, message_id);

-- Who changed what ----------------------------------------------------------------------------------------------------

create table if not exists tide.relay_config_audit (
  id bigint generated always as identity constraint relay_config_audit_pkey primary key,
  pipeline_name text not null,
  pipeline_type text not null
    constraint relay_config_audit_pipeline_type_check check (pipeline_type in ('outbox', 'inbox', 'fanin')),
  changed_at timestamptz not null default pg_catalog.now(),
  changed_by text not null default session_user,
  old_config jsonb,
  new_config jsonb
);
create index if not exists idx_relay_config_audit_pipeline
    on tide.relay_config_audit (pipeline_name, changed_at desc);

create table if not exists tide.tide_security_audit (
  id bigint generated always as identity constraint tide_security_audit_pkey primary key,
  action text not null,
  target_role text,
  target_object text,
  performed_by text not null default current_user,
  performed_at timestamptz not null default pg_catalog.now()
);

-- Tenants, templates, dependencies, fan-in, backfill, fingerprints ---------------------------------------------------

create table if not exists tide.relay_tenant_grants (
  tenant_name text not null,
  role_name text not null,
  granted_at timestamptz not null default pg_catalog.now(),
  constraint relay_tenant_grants_pkey primary key (tenant_name, role_name)
);

create table if not exists tide.relay_tenant_roles (
  tenant_id text constraint relay_tenant_roles_pkey primary key,
  db_role text not null,
  provisioned_at timestamptz not null default pg_catalog.now(),
  -- Only a role that provisioning made is dropped when the tenant goes.
  role_made boolean not null default false
);

create table if not exists tide.relay_pipeline_templates (
  name text constraint relay_pipeline_templates_pkey primary key,
  config jsonb not null,
  description text not null default '',
  required_keys jsonb not null default '[]',
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now()
);

create table if not exists tide.relay_pipeline_deps (
  upstream_pipeline text not null,
  downstream_pipeline text not null,
  trigger_policy text not null default 'always'
    constraint relay_pipeline_deps_trigger_policy_check
    check (trigger_policy in ('always', 'on_idle') or trigger_policy ~ '^on_offset_gte\([0-9]+\)$'),
  created_at timestamptz not null default pg_catalog.now(),
  constraint relay_pipeline_deps_pkey primary key (upstream_pipeline, downstream_pipeline)
);

create table if not exists tide.relay_fanin_config (
  name text constraint relay_fanin_config_pkey primary key,
  outbox_names text[] not null,
  sink_type text not null,
  config jsonb not null default '{}',
  merge_strategy text not null default 'round_robin'
    constraint relay_fanin_config_merge_strategy_check
    check (merge_strategy in ('round_robin', 'priority', 'subject_hash')),
  enabled boolean not null default true,
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now(),
  tenant_name text not null default ''
);

create table if not exists tide.backfill_jobs (
  job_id bigint generated always as identity constraint backfill_jobs_pkey primary key,
  job_name text not null constraint backfill_jobs_job_name_key unique,
  outbox_name text not null
    constraint backfill_jobs_outbox_name_fkey
    references tide.tide_outbox_config (outbox_name) on delete restrict,
  pipeline_name text,
  from_id bigint not null default 0,
  to_id bigint not null default 9223372036854775807,
  chunk_size integer not null default 500,
  rows_processed bigint not null default 0,
  rows_total bigint,
  status text not null default 'pending'
    constraint backfill_jobs_status_check check (status in ('pending', 'running', 'paused', 'completed', 'failed')),
  error_message text,
  throttle_ms integer not null default 0,
  created_at timestamptz not null default pg_catalog.now(),
  started_at timestamptz,
  paused_at timestamptz,
  completed_at timestamptz,
  created_by text not null default session_user
);

create table if not exists tide.relay_schema_fingerprints (
  pipeline_name text not null,
  topic text not null,
  fingerprint text not null,
  column_count integer not null,
  column_names text[] not null,
  on_schema_change text not null default 'warn'
    constraint relay_schema_fingerprints_on_schema_change_check
    check (on_schema_change in ('warn', 'pause', 'dlq', 'continue')),
  first_seen_at timestamptz not null default pg_catalog.now(),
  last_seen_at timestamptz not null default pg_catalog.now(),
  constraint relay_schema_fingerprints_pkey primary key (pipeline_name, topic)
);

-- Positions only grow -------------------------------------------------------------------------------------------------

-- Refuses a smaller position, unless an administrator's rewind function set the mark. A setting can be made by
-- anybody, so it counts only for whoever owns the table, as those functions do.
create or replace function tide.relay_refuse_rewind()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column constant text := tg_argv[0];
  v_function constant text := tg_argv[1];
  v_old bigint := (to_jsonb(old) ->> v_column)::bigint;
  v_new bigint := (to_jsonb(new) ->> v_column)::bigint;
begin
  if v_new >= v_old then
    return new;
  end if;
  if current_setting('tide.offset_rewind', true) = 'on'
     and pg_has_role(current_user, (select c.relowner from pg_class as c where c.oid = tg_relid), 'usage') then
    return new;
  end if;
  raise exception using
    errcode = '22023',
    message = format('invalid argument: %s is monotonic; use tide.%s to move it back', v_column, v_function),
    detail = 'PGTIDE_INVALID_ARGUMENT',
    hint = format('Call tide.%s with confirm_reprocessing => true: what lies between is delivered again.', v_function);
end;
$$;
comment on function tide.relay_refuse_rewind() is 'Trigger: a position is never moved back by a plain update.';

-- An insert meets no earlier position; only a negative one is wrong.
create or replace function tide.relay_refuse_negative_offset()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if (to_jsonb(new) ->> tg_argv[0])::bigint < 0 then
    raise exception using
      errcode = '22023',
      message = format('invalid argument: %s must not be negative', tg_argv[0]),
      detail = 'PGTIDE_INVALID_ARGUMENT',
      hint = 'Positions are ids of messages; 0 is before the first.';
  end if;
  return new;
end;
$$;
comment on function tide.relay_refuse_negative_offset() is 'Trigger: a position is an id, or 0.';

create or replace trigger tide_consumer_offsets_insert before insert on tide.tide_consumer_offsets
  for each row execute function tide.relay_refuse_negative_offset('committed_offset');
create or replace trigger tide_consumer_offsets_monotonic before update on tide.tide_consumer_offsets
  for each row execute function tide.relay_refuse_rewind('committed_offset', 'admin_rewind_offset');
create or replace trigger relay_consumer_offsets_insert before insert on tide.relay_consumer_offsets
  for each row execute function tide.relay_refuse_negative_offset('last_change_id');
create or replace trigger relay_consumer_offsets_monotonic before update on tide.relay_consumer_offsets
  for each row execute function tide.relay_refuse_rewind('last_change_id', 'admin_rewind_relay_offset');

-- The audits are only added to ----------------------------------------------------------------------------------------

create or replace function tide.relay_refuse_audit_change()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = '42501',
    message = format('%s is append-only: %s refused', tg_table_name, lower(tg_op)),
    detail = 'PGTIDE_INVALID_ARGUMENT',
    hint = 'Rows of an audit are kept. Copy them elsewhere when you need fewer columns or another order.';
end;
$$;
comment on function tide.relay_refuse_audit_change() is 'Trigger: rows of an audit are neither changed nor removed.';

create or replace trigger tide_security_audit_append_only before update or delete or truncate
  on tide.tide_security_audit for each statement execute function tide.relay_refuse_audit_change();
create or replace trigger relay_config_audit_append_only before update or delete or truncate
  on tide.relay_config_audit for each statement execute function tide.relay_refuse_audit_change();
create or replace trigger relay_dlq_history_append_only before update or delete or truncate
  on tide.relay_dlq_history for each statement execute function tide.relay_refuse_audit_change();

-- Changes of pipelines are told and noted -----------------------------------------------------------------------------

-- `p_config` without what must not be read: whatever stands below a field that holds a secret (relay_is_secret_key of
-- 0007_pipelines.sql), a private key, and the user part of an address, each unless it is a reference (${env:...},
-- ${file:...}), which stays.
create or replace function tide.relay_masked(p_config jsonb, p_in_secret boolean default false)
  returns jsonb
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_reference constant text := '[$][{](env|ENV|file):[^{}]+[}]';
  v_text text;
begin
  case jsonb_typeof(p_config)
    when 'object' then
      return coalesce(
        (select jsonb_object_agg(e.key, tide.relay_masked(e.value, p_in_secret or tide.relay_is_secret_key(e.key)))
           from jsonb_each(p_config) as e), '{}');
    when 'array' then
      return coalesce(
        (select jsonb_agg(tide.relay_masked(a.value, p_in_secret) order by a.ordinality)
           from jsonb_array_elements(p_config) with ordinality as a), '[]');
    when 'null' then
      return p_config;
    else
      v_text := p_config #>> '{}';
      if v_text like '%-----BEGIN%PRIVATE KEY-----%'
         or (p_in_secret and v_text <> '' and v_text !~ ('^([A-Za-z]+ )?' || c_reference || '$')) then
        return '"[REDACTED]"';
      elsif jsonb_typeof(p_config) = 'string' and v_text !~ ('://[^/?#@:]*:' || c_reference || '@') then
        return to_jsonb(regexp_replace(v_text, '(://)[^/?#@[:space:]]*@', '\1[REDACTED]@', 'g'));
      end if;
      return p_config;
  end case;
end;
$$;
comment on function tide.relay_masked(jsonb, boolean) is 'A configuration without secrets, for audits.';

-- Runs with its owner's rights, because whoever may change a pipeline need not be able to write audits.
create or replace function tide.relay_config_changed()
  returns trigger
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := case when tg_op = 'DELETE' then old.name else new.name end;
begin
  if tg_op = 'UPDATE' and old is not distinct from new then
    return null;
  end if;
  insert into tide.relay_config_audit (pipeline_name, pipeline_type, changed_by, old_config, new_config)
  values (v_name, case tg_table_name when 'relay_outbox_config' then 'outbox' else 'inbox' end, session_user,
          case when tg_op <> 'INSERT' then tide.relay_masked(to_jsonb(old)) end,
          case when tg_op <> 'DELETE' then tide.relay_masked(to_jsonb(new)) end);
  insert into tide.tide_security_audit (action, target_object, performed_by)
  values ('RELAY_CONFIG_' || tg_op, v_name, session_user);
  perform pg_notify('tide_relay_config',
                    json_build_object('direction', tg_table_name, 'op', tg_op, 'name', v_name)::text);
  return null;
end;
$$;
comment on function tide.relay_config_changed() is 'Trigger: notes who changed a pipeline and wakes the relays.';

create or replace trigger relay_outbox_config_changed after insert or update or delete on tide.relay_outbox_config
  for each row execute function tide.relay_config_changed();
create or replace trigger relay_inbox_config_changed after insert or update or delete on tide.relay_inbox_config
  for each row execute function tide.relay_config_changed();

-- Rows of configurations ----------------------------------------------------------------------------------------------
-- Seen by their owner, by the roles that administer or relay, and by who holds all rights on the table (TRUNCATE is
-- never given alone), as the relay's role of pg_tide's security guide does. Rows of pipelines also by their tenant's
-- roles. Changed by their owner and by administrators; rights on the table come first in every case.

-- Whether a role belongs to a tenant, for functions that decide by it. Runs with its owner's rights, so that no tenant
-- reads who the others are.
create or replace function tide.relay_sees_tenant(p_role name, p_tenant text)
  returns boolean
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select exists (select
                   from tide.relay_tenant_grants as g
                   join pg_roles as r on r.rolname = g.role_name
                  where g.tenant_name = p_tenant
                    and pg_has_role(p_role, r.oid, 'usage'))
$$;
comment on function tide.relay_sees_tenant(name, text) is 'Whether a role belongs to a tenant.';

-- Writes which roles are in which tenant into the policies, whenever that changes. A policy that asked a function or a
-- table would ask for the looking role's right to it, and fail for whoever has only the table of pipelines. Tenants stand
-- there as hashes, because anybody reads policies. Takes the strongest lock on both tables for a moment. Runs with its
-- owner's rights: policies are the owner's.
create or replace function tide.relay_tenants_changed()
  returns trigger
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_members text;
  v_table text;
begin
  select string_agg(format('(%L, %L::name)', encode(sha256(convert_to(g.tenant_name, 'UTF8')), 'hex'), g.role_name), ', '
                    order by g.tenant_name, g.role_name)
    into v_members
    from tide.relay_tenant_grants as g;
  foreach v_table in array array['relay_outbox_config', 'relay_inbox_config'] loop
    execute format(
      'alter policy tenant on tide.%I using (%s)', v_table,
      case when v_members is null then 'false'
           else format(
             'exists (select from (values %s) as g (tenant, role_name) join pg_roles as r on r.rolname = g.role_name '
             || 'where g.tenant = encode(sha256(convert_to(tenant_name, ''UTF8'')), ''hex'') '
             || 'and pg_has_role(current_user, r.oid, ''usage''))', v_members)
      end);
  end loop;
  return null;
end;
$$;
comment on function tide.relay_tenants_changed() is 'Trigger: the policies follow the grants of tenants.';

create or replace trigger relay_tenant_grants_changed after insert or update or delete or truncate
  on tide.relay_tenant_grants for each statement execute function tide.relay_tenants_changed();

do $$
declare
  c_member constant text :=
    'exists (select from pg_catalog.pg_roles as r where r.rolname operator(pg_catalog.=) any (array[%s]::name[])'
    || ' and pg_catalog.pg_has_role(current_user, r.oid, ''usage''))';
  v_table text;
  v_policy record;
begin
  foreach v_table in array array['tide_outbox_config', 'tide_inbox_config', 'relay_outbox_config', 'relay_inbox_config']
  loop
    -- Policies of pg_tide say less than these and must not stand beside them.
    for v_policy in select p.polname from pg_catalog.pg_policy as p
                     where p.polrelid = pg_catalog.to_regclass(pg_catalog.format('tide.%I', v_table)) loop
      execute pg_catalog.format('drop policy %I on tide.%I', v_policy.polname, v_table);
    end loop;
    execute pg_catalog.format('alter table tide.%I enable row level security', v_table);
    execute pg_catalog.format(
      'create policy owned on tide.%I for all using (owner operator(pg_catalog.=) current_user::text)', v_table);
    execute pg_catalog.format(
      'create policy administered on tide.%I for all using (pg_catalog.has_table_privilege(%L, ''truncate'') or %s)',
      v_table, 'tide.' || v_table, pg_catalog.format(c_member, '''pg_tide_admin'', ''tide_admin'''));
    execute pg_catalog.format(
      'create policy read on tide.%I for select using (%s)', v_table,
      pg_catalog.format(c_member, '''tide_relay'', ''tide_operator'', ''tide_reader'''
                                  || case when v_table = 'tide_outbox_config' then ', ''tide_publisher''' else '' end));
    continue when v_table not like 'relay%';
    execute pg_catalog.format(
      'create policy relayed on tide.%I for update using (%s)', v_table,
      pg_catalog.format(c_member, '''tide_relay'', ''tide_operator'''));
    execute pg_catalog.format(
      'create policy tenant on tide.%I for all using (false)', v_table);
  end loop;
  -- An adopted database has grants already.
  update tide.relay_tenant_grants as g set role_name = g.role_name where false;
end;
$$;

-- Version -------------------------------------------------------------------------------------------------------------

create or replace function tide.version()
  returns text
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select m.value from tide.meta as m where m.key = 'version'
$$;
comment on function tide.version() is 'Which version of pgkeep made or last upgraded this schema.';
