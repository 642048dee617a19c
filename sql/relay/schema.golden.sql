-- Schema tide as every install leaves it, for reviews: what changes here is what users' databases will get.
-- Made by test/pg/relay/schema.test.ts (vitest -u) from a real server, compared on every major. Not run by anything.

create table tide.backfill_jobs (
  job_id bigint not null generated always as identity,
  job_name text not null,
  outbox_name text not null,
  pipeline_name text,
  from_id bigint not null default 0,
  to_id bigint not null default '9223372036854775807'::bigint,
  chunk_size integer not null default 500,
  rows_processed bigint not null default 0,
  rows_total bigint,
  status text not null default 'pending'::text,
  error_message text,
  throttle_ms integer not null default 0,
  created_at timestamp with time zone not null default now(),
  started_at timestamp with time zone,
  paused_at timestamp with time zone,
  completed_at timestamp with time zone,
  created_by text not null default SESSION_USER,
  cursor_id bigint not null default 0,
  until_id bigint,
  claim_epoch bigint not null default 0,
  claimed_by text,
  claim_expires_at timestamp with time zone,
  next_chunk_at timestamp with time zone,
  constraint backfill_jobs_pkey PRIMARY KEY (job_id),
  constraint backfill_jobs_job_name_key UNIQUE (job_name),
  constraint backfill_jobs_outbox_name_fkey FOREIGN KEY (outbox_name) REFERENCES tide.tide_outbox_config(outbox_name) ON DELETE RESTRICT,
  constraint backfill_jobs_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'paused'::text, 'completed'::text, 'failed'::text])))
);
create table tide.meta (
  key text not null,
  value text not null,
  constraint meta_pkey PRIMARY KEY (key)
);
create table tide.outbox_blobs (
  message_id bigint not null,
  seq integer not null,
  data bytea not null,
  constraint outbox_blobs_pkey PRIMARY KEY (message_id, seq),
  constraint outbox_blobs_message_id_fkey FOREIGN KEY (message_id) REFERENCES tide.tide_outbox_messages(id) ON DELETE CASCADE
);
create table tide.outbox_cleanup_state (
  outbox_name text not null,
  last_success_at timestamp with time zone,
  last_safe_offset bigint,
  highest_deleted_id bigint not null default 0,
  last_batch_rows bigint not null default 0,
  total_rows_deleted bigint not null default 0,
  last_duration_ms double precision,
  last_partition_action text not null default 'none'::text,
  constraint outbox_cleanup_state_pkey PRIMARY KEY (outbox_name),
  constraint outbox_cleanup_state_outbox_name_fkey FOREIGN KEY (outbox_name) REFERENCES tide.tide_outbox_config(outbox_name) ON DELETE CASCADE
);
create table tide.outbox_encryption_config (
  outbox_name text not null,
  kms_provider text not null,
  key_id text not null,
  algorithm text not null default 'AES256GCM'::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint outbox_encryption_config_pkey PRIMARY KEY (outbox_name),
  constraint outbox_encryption_config_kms_provider_check CHECK ((kms_provider = ANY (ARRAY['aws'::text, 'gcp'::text, 'vault'::text, 'local'::text]))),
  constraint outbox_encryption_config_outbox_name_fkey FOREIGN KEY (outbox_name) REFERENCES tide.tide_outbox_config(outbox_name) ON DELETE CASCADE
);
create table tide.outbox_publishers (
  outbox_name text not null,
  role_name text not null,
  granted_at timestamp with time zone not null default now(),
  granted_by text not null default SESSION_USER,
  constraint outbox_publishers_pkey PRIMARY KEY (outbox_name, role_name),
  constraint outbox_publishers_outbox_name_fkey FOREIGN KEY (outbox_name) REFERENCES tide.tide_outbox_config(outbox_name) ON DELETE CASCADE
);
create table tide.outbox_storage_config (
  singleton boolean not null default true,
  storage_layout text not null default 'heap'::text,
  partition_span bigint not null default 10000000,
  premake_count integer not null default 2,
  last_maintenance_at timestamp with time zone,
  updated_at timestamp with time zone not null default now(),
  constraint outbox_storage_config_pkey PRIMARY KEY (singleton),
  constraint outbox_storage_config_partition_span_check CHECK ((partition_span > 0)),
  constraint outbox_storage_config_premake_count_check CHECK ((premake_count >= 0)),
  constraint outbox_storage_config_singleton_check CHECK (singleton),
  constraint outbox_storage_config_storage_layout_check CHECK ((storage_layout = ANY (ARRAY['heap'::text, 'id_range'::text, 'legacy_noncanonical'::text])))
);
create table tide.relay_config_audit (
  id bigint not null generated always as identity,
  pipeline_name text not null,
  pipeline_type text not null,
  changed_at timestamp with time zone not null default now(),
  changed_by text not null default SESSION_USER,
  old_config jsonb,
  new_config jsonb,
  constraint relay_config_audit_pkey PRIMARY KEY (id),
  constraint relay_config_audit_pipeline_type_check CHECK ((pipeline_type = ANY (ARRAY['outbox'::text, 'inbox'::text, 'fanin'::text])))
);
create table tide.relay_consumer_offsets (
  relay_group_id text not null,
  pipeline_id text not null,
  outbox_name text not null,
  last_change_id bigint not null default 0,
  worker_id text,
  updated_at timestamp with time zone not null default now(),
  tenant_name text not null default 'default'::text,
  constraint relay_consumer_offsets_pkey PRIMARY KEY (relay_group_id, pipeline_id, outbox_name)
);
create table tide.relay_delivery_receipts (
  id bigint not null generated always as identity,
  pipeline_name text not null,
  outbox_name text not null,
  message_id bigint not null,
  dedup_key text not null default ''::text,
  delivered_at timestamp with time zone not null default now(),
  sink_type text not null default ''::text,
  tenant_name text not null default ''::text,
  first_id bigint,
  messages integer not null default 1,
  constraint relay_delivery_receipts_pkey PRIMARY KEY (id)
);
create table tide.relay_dlq (
  id bigint not null,
  relay_mode text not null,
  pipeline_name text not null,
  source_name text not null,
  sink_name text not null,
  dedup_key text not null,
  subject text,
  payload jsonb not null,
  error_message text not null,
  error_kind text not null,
  attempt_count integer not null default 1,
  first_failed_at timestamp with time zone not null default now(),
  last_failed_at timestamp with time zone not null default now(),
  retried_at timestamp with time zone,
  resolved boolean not null default false,
  resolved_at timestamp with time zone,
  resolved_by text,
  headers jsonb,
  outbox_id bigint,
  created_at timestamp with time zone default now(),
  next_attempt_at timestamp with time zone,
  order_key text,
  version integer not null default 1,
  constraint relay_dlq_pkey PRIMARY KEY (id),
  constraint relay_dlq_error_kind_check CHECK ((error_kind = ANY (ARRAY['decode'::text, 'sink_permanent'::text, 'inbox_permanent'::text, 'max_retries_exceeded'::text]))),
  constraint relay_dlq_relay_mode_check CHECK ((relay_mode = ANY (ARRAY['forward'::text, 'reverse'::text])))
);
create table tide.relay_dlq_history (
  id bigint not null generated always as identity,
  dlq_id bigint not null,
  action text not null,
  actor text not null default SESSION_USER,
  at timestamp with time zone not null default now(),
  reason text,
  old_payload jsonb,
  old_headers jsonb,
  constraint relay_dlq_history_pkey PRIMARY KEY (id)
);
create table tide.relay_fanin_config (
  name text not null,
  outbox_names text[] not null,
  sink_type text not null,
  config jsonb not null default '{}'::jsonb,
  merge_strategy text not null default 'round_robin'::text,
  enabled boolean not null default true,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  tenant_name text not null default ''::text,
  constraint relay_fanin_config_pkey PRIMARY KEY (name),
  constraint relay_fanin_config_merge_strategy_check CHECK ((merge_strategy = ANY (ARRAY['round_robin'::text, 'priority'::text, 'subject_hash'::text])))
);
create table tide.relay_inbox_config (
  name text not null,
  enabled boolean not null default true,
  config jsonb not null default '{}'::jsonb,
  owner text not null default CURRENT_USER,
  tenant_name text not null default 'default'::text,
  wire_format text not null default 'native'::text,
  constraint relay_inbox_config_pkey PRIMARY KEY (name),
  constraint relay_inbox_config_wire_format_check CHECK ((wire_format = ANY (ARRAY['native'::text, 'debezium'::text, 'cloudevents'::text, 'maxwell'::text, 'canal'::text, 'cdc_json'::text])))
);
alter table tide.relay_inbox_config enable row level security;
create table tide.relay_instances (
  relay_group_id text not null,
  owner_token text not null,
  label text,
  owned integer not null default 0,
  wants integer not null default 0,
  last_seen timestamp with time zone not null default now(),
  constraint relay_instances_pkey PRIMARY KEY (relay_group_id, owner_token)
);
create table tide.relay_leases (
  relay_group_id text not null,
  tenant_name text not null,
  direction text not null,
  pipeline_id text not null,
  epoch bigint not null,
  owner_token text,
  owner_label text,
  owner_pid integer,
  has_lock boolean not null default false,
  acquired_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint relay_leases_pkey PRIMARY KEY (relay_group_id, tenant_name, direction, pipeline_id),
  constraint relay_leases_direction_check CHECK ((direction = ANY (ARRAY['forward'::text, 'reverse'::text])))
);
create table tide.relay_limits (
  relay_group_id text not null,
  max_owned_pipelines integer not null default 50,
  max_connections integer not null default 60,
  updated_at timestamp with time zone not null default now(),
  constraint relay_limits_pkey PRIMARY KEY (relay_group_id)
);
create table tide.relay_outbox_config (
  name text not null,
  enabled boolean not null default true,
  config jsonb not null default '{}'::jsonb,
  owner text not null default CURRENT_USER,
  tenant_name text not null default 'default'::text,
  wire_format text not null default 'native'::text,
  constraint relay_outbox_config_pkey PRIMARY KEY (name),
  constraint relay_outbox_config_wire_format_check CHECK ((wire_format = ANY (ARRAY['native'::text, 'debezium'::text, 'cloudevents'::text, 'maxwell'::text, 'canal'::text, 'cdc_json'::text])))
);
alter table tide.relay_outbox_config enable row level security;
create table tide.relay_pipeline_deps (
  upstream_pipeline text not null,
  downstream_pipeline text not null,
  trigger_policy text not null default 'always'::text,
  created_at timestamp with time zone not null default now(),
  constraint relay_pipeline_deps_pkey PRIMARY KEY (upstream_pipeline, downstream_pipeline),
  constraint relay_pipeline_deps_trigger_policy_check CHECK (((trigger_policy = ANY (ARRAY['always'::text, 'on_idle'::text])) OR (trigger_policy ~ '^on_offset_gte\([0-9]+\)$'::text)))
);
create table tide.relay_pipeline_state (
  name text not null,
  last_error text,
  error_class text,
  pause_started_at timestamp with time zone,
  failure_count integer not null default 0,
  updated_at timestamp with time zone not null default now(),
  constraint relay_pipeline_state_pkey PRIMARY KEY (name),
  constraint relay_pipeline_state_error_class_check CHECK ((error_class = ANY (ARRAY['transient'::text, 'permanent'::text])))
);
create table tide.relay_pipeline_templates (
  name text not null,
  config jsonb not null,
  description text not null default ''::text,
  required_keys jsonb not null default '[]'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint relay_pipeline_templates_pkey PRIMARY KEY (name)
);
create table tide.relay_runtime_status (
  relay_group_id text not null,
  pipeline_id text not null,
  direction text not null,
  tenant_name text not null default 'default'::text,
  owner_token text,
  owner_acquired_at timestamp with time zone,
  last_owner_heartbeat timestamp with time zone,
  last_checkpoint_success_at timestamp with time zone,
  last_error_code text,
  last_error_component text,
  last_error_class text,
  last_error_at timestamp with time zone,
  retry_attempt integer not null default 0,
  retry_state text,
  next_retry_at timestamp with time zone,
  last_state_update_at timestamp with time zone not null default now(),
  constraint relay_runtime_status_pkey PRIMARY KEY (relay_group_id, pipeline_id, direction, tenant_name),
  constraint relay_runtime_status_direction_check CHECK ((direction = ANY (ARRAY['forward'::text, 'reverse'::text])))
);
create table tide.relay_schema_fingerprints (
  pipeline_name text not null,
  topic text not null,
  fingerprint text not null,
  column_count integer not null,
  column_names text[] not null,
  on_schema_change text not null default 'warn'::text,
  first_seen_at timestamp with time zone not null default now(),
  last_seen_at timestamp with time zone not null default now(),
  constraint relay_schema_fingerprints_pkey PRIMARY KEY (pipeline_name, topic),
  constraint relay_schema_fingerprints_on_schema_change_check CHECK ((on_schema_change = ANY (ARRAY['warn'::text, 'pause'::text, 'dlq'::text, 'continue'::text])))
);
create table tide.relay_tenant_grants (
  tenant_name text not null,
  role_name text not null,
  granted_at timestamp with time zone not null default now(),
  constraint relay_tenant_grants_pkey PRIMARY KEY (tenant_name, role_name)
);
create table tide.relay_tenant_roles (
  tenant_id text not null,
  db_role text not null,
  provisioned_at timestamp with time zone not null default now(),
  role_made boolean not null default false,
  constraint relay_tenant_roles_pkey PRIMARY KEY (tenant_id)
);
create table tide.settings (
  key text not null,
  value text not null,
  constraint settings_pkey PRIMARY KEY (key)
);
create table tide.tide_consumer_groups (
  group_name text not null,
  outbox_name text not null,
  auto_offset_reset text not null default 'earliest'::text,
  created_at timestamp with time zone not null default now(),
  constraint tide_consumer_groups_pkey PRIMARY KEY (group_name),
  constraint tide_consumer_groups_auto_offset_reset_check CHECK ((auto_offset_reset = ANY (ARRAY['earliest'::text, 'latest'::text, 'none'::text]))),
  constraint tide_consumer_groups_outbox_name_fkey FOREIGN KEY (outbox_name) REFERENCES tide.tide_outbox_config(outbox_name) ON DELETE CASCADE
);
create table tide.tide_consumer_leases (
  group_name text not null,
  consumer_id text not null,
  lease_start bigint not null,
  lease_end bigint not null,
  expires_at timestamp with time zone not null,
  constraint tide_consumer_leases_pkey PRIMARY KEY (group_name, consumer_id),
  constraint tide_consumer_leases_group_name_consumer_id_fkey FOREIGN KEY (group_name, consumer_id) REFERENCES tide.tide_consumer_offsets(group_name, consumer_id) ON DELETE CASCADE
);
create table tide.tide_consumer_offsets (
  group_name text not null,
  consumer_id text not null,
  committed_offset bigint not null default 0,
  last_heartbeat timestamp with time zone not null default now(),
  constraint tide_consumer_offsets_pkey PRIMARY KEY (group_name, consumer_id),
  constraint tide_consumer_offsets_group_name_fkey FOREIGN KEY (group_name) REFERENCES tide.tide_consumer_groups(group_name) ON DELETE CASCADE
);
create table tide.tide_inbox_config (
  inbox_name text not null,
  inbox_schema text not null default 'tide'::text,
  max_retries integer not null default 3,
  processed_retention_hours integer not null default 72,
  dlq_retention_hours integer not null default 0,
  created_at timestamp with time zone not null default now(),
  owner text not null default CURRENT_USER,
  db_role text,
  auto_resume_after interval,
  constraint tide_inbox_config_pkey PRIMARY KEY (inbox_name)
);
alter table tide.tide_inbox_config enable row level security;
create table tide.tide_outbox_config (
  outbox_name text not null,
  retention_hours integer not null default 24,
  inline_threshold integer not null default 10000,
  enabled boolean not null default true,
  created_at timestamp with time zone not null default now(),
  owner text not null default CURRENT_USER,
  partition_strategy text not null default 'none'::text,
  retention_partitions integer not null default 7,
  db_role text,
  auto_resume_after interval,
  constraint tide_outbox_config_pkey PRIMARY KEY (outbox_name),
  constraint tide_outbox_config_partition_strategy_check CHECK ((partition_strategy = ANY (ARRAY['none'::text, 'daily'::text, 'weekly'::text, 'monthly'::text])))
);
alter table tide.tide_outbox_config enable row level security;
create table tide.tide_outbox_messages (
  id bigint not null generated always as identity,
  outbox_name text not null,
  payload jsonb not null,
  headers jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  consumed_at timestamp with time zone,
  consumer_group text,
  constraint tide_outbox_messages_pkey PRIMARY KEY (id),
  constraint tide_outbox_messages_outbox_name_fkey FOREIGN KEY (outbox_name) REFERENCES tide.tide_outbox_config(outbox_name) ON DELETE CASCADE
);
create table tide.tide_partition_events (
  id bigint not null generated always as identity,
  outbox_name text,
  event_type text not null,
  partition text,
  strategy text,
  occurred_at timestamp with time zone not null default now(),
  details jsonb not null default '{}'::jsonb,
  constraint tide_partition_events_pkey PRIMARY KEY (id),
  constraint tide_partition_events_event_type_check CHECK ((event_type = ANY (ARRAY['created'::text, 'drained'::text, 'dropped'::text, 'converted'::text])))
);
create table tide.tide_security_audit (
  id bigint not null generated always as identity,
  action text not null,
  target_role text,
  target_object text,
  performed_by text not null default CURRENT_USER,
  performed_at timestamp with time zone not null default now(),
  constraint tide_security_audit_pkey PRIMARY KEY (id)
);
CREATE INDEX idx_relay_config_audit_pipeline ON tide.relay_config_audit USING btree (pipeline_name, changed_at DESC);
CREATE INDEX idx_relay_delivery_receipts_message ON tide.relay_delivery_receipts USING btree (outbox_name, message_id);
CREATE INDEX idx_relay_delivery_receipts_pipeline ON tide.relay_delivery_receipts USING btree (pipeline_name, delivered_at);
CREATE INDEX idx_relay_dlq_due ON tide.relay_dlq USING btree (pipeline_name, id) WHERE ((NOT resolved) AND (retried_at IS NOT NULL));
CREATE INDEX idx_relay_dlq_last_failed ON tide.relay_dlq USING btree (last_failed_at);
CREATE INDEX idx_relay_dlq_pipeline_kind ON tide.relay_dlq USING btree (pipeline_name, error_kind) WHERE (NOT resolved);
CREATE UNIQUE INDEX uq_relay_dlq_unresolved ON tide.relay_dlq USING btree (pipeline_name, dedup_key) WHERE (NOT resolved);
CREATE INDEX idx_relay_dlq_history_dlq ON tide.relay_dlq_history USING btree (dlq_id, id);
CREATE INDEX idx_relay_inbox_config_tenant ON tide.relay_inbox_config USING btree (tenant_name) WHERE enabled;
CREATE INDEX idx_relay_outbox_config_tenant ON tide.relay_outbox_config USING btree (tenant_name) WHERE enabled;
CREATE INDEX idx_relay_runtime_status_error ON tide.relay_runtime_status USING btree (last_error_at);
CREATE INDEX idx_relay_runtime_status_heartbeat ON tide.relay_runtime_status USING btree (last_owner_heartbeat) WHERE (owner_token IS NOT NULL);
CREATE INDEX idx_tide_consumer_groups_outbox ON tide.tide_consumer_groups USING btree (outbox_name);
CREATE INDEX idx_tide_outbox_messages_cleanup ON tide.tide_outbox_messages USING btree (outbox_name, created_at, id);
CREATE INDEX idx_tide_outbox_messages_pending ON tide.tide_outbox_messages USING btree (outbox_name, id) WHERE (consumed_at IS NULL);
CREATE INDEX idx_tide_outbox_messages_poll ON tide.tide_outbox_messages USING btree (outbox_name, id);
CREATE INDEX idx_tide_partition_events_recorded ON tide.tide_partition_events USING btree (occurred_at DESC);
CREATE TRIGGER relay_config_audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON tide.relay_config_audit FOR EACH STATEMENT EXECUTE FUNCTION tide.relay_refuse_audit_change();
CREATE TRIGGER relay_consumer_offsets_insert BEFORE INSERT ON tide.relay_consumer_offsets FOR EACH ROW EXECUTE FUNCTION tide.relay_refuse_negative_offset('last_change_id');
CREATE TRIGGER relay_consumer_offsets_monotonic BEFORE UPDATE ON tide.relay_consumer_offsets FOR EACH ROW EXECUTE FUNCTION tide.relay_refuse_rewind('last_change_id', 'admin_rewind_relay_offset');
CREATE TRIGGER relay_dlq_deleted AFTER DELETE ON tide.relay_dlq FOR EACH ROW EXECUTE FUNCTION tide.relay_dlq_changed();
CREATE TRIGGER relay_dlq_edited BEFORE UPDATE ON tide.relay_dlq FOR EACH ROW WHEN (((new.payload IS DISTINCT FROM old.payload) OR (new.headers IS DISTINCT FROM old.headers) OR (new.subject IS DISTINCT FROM old.subject) OR (new.dedup_key IS DISTINCT FROM old.dedup_key) OR (new.version IS DISTINCT FROM old.version) OR (new.id IS DISTINCT FROM old.id))) EXECUTE FUNCTION tide.relay_dlq_changed();
CREATE TRIGGER relay_dlq_truncated BEFORE TRUNCATE ON tide.relay_dlq FOR EACH STATEMENT EXECUTE FUNCTION tide.relay_refuse_audit_change();
CREATE TRIGGER relay_dlq_history_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON tide.relay_dlq_history FOR EACH STATEMENT EXECUTE FUNCTION tide.relay_refuse_audit_change();
CREATE TRIGGER relay_dlq_history_signed BEFORE INSERT ON tide.relay_dlq_history FOR EACH ROW EXECUTE FUNCTION tide.relay_dlq_history_signed();
CREATE TRIGGER relay_fanin_config_changed AFTER INSERT OR DELETE OR UPDATE ON tide.relay_fanin_config FOR EACH ROW EXECUTE FUNCTION tide.relay_fanin_changed();
CREATE TRIGGER relay_inbox_config_changed AFTER INSERT OR DELETE OR UPDATE ON tide.relay_inbox_config FOR EACH ROW EXECUTE FUNCTION tide.relay_config_changed();
CREATE TRIGGER relay_outbox_config_changed AFTER INSERT OR DELETE OR UPDATE ON tide.relay_outbox_config FOR EACH ROW EXECUTE FUNCTION tide.relay_config_changed();
CREATE TRIGGER relay_tenant_grants_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON tide.relay_tenant_grants FOR EACH STATEMENT EXECUTE FUNCTION tide.relay_tenants_changed();
CREATE TRIGGER tide_consumer_offsets_insert BEFORE INSERT ON tide.tide_consumer_offsets FOR EACH ROW EXECUTE FUNCTION tide.relay_refuse_negative_offset('committed_offset');
CREATE TRIGGER tide_consumer_offsets_monotonic BEFORE UPDATE ON tide.tide_consumer_offsets FOR EACH ROW EXECUTE FUNCTION tide.relay_refuse_rewind('committed_offset', 'admin_rewind_offset');
CREATE TRIGGER tide_outbox_messages_fence BEFORE INSERT ON tide.tide_outbox_messages FOR EACH STATEMENT WHEN ((current_setting('tide.publishing'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION tide.fence_direct_insert();
CREATE TRIGGER tide_security_audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON tide.tide_security_audit FOR EACH STATEMENT EXECUTE FUNCTION tide.relay_refuse_audit_change();
create policy administered on tide.relay_inbox_config for all using ((has_table_privilege('tide.relay_inbox_config'::text, 'truncate'::text) OR (EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['pg_tide_admin'::name, 'tide_admin'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text))))));
create policy owned on tide.relay_inbox_config for all using ((owner = (CURRENT_USER)::text));
create policy read on tide.relay_inbox_config for select using ((EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['tide_relay'::name, 'tide_operator'::name, 'tide_reader'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text)))));
create policy relayed on tide.relay_inbox_config for update using ((EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['tide_relay'::name, 'tide_operator'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text)))));
create policy tenant on tide.relay_inbox_config for all using (false);
create policy administered on tide.relay_outbox_config for all using ((has_table_privilege('tide.relay_outbox_config'::text, 'truncate'::text) OR (EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['pg_tide_admin'::name, 'tide_admin'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text))))));
create policy owned on tide.relay_outbox_config for all using ((owner = (CURRENT_USER)::text));
create policy read on tide.relay_outbox_config for select using ((EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['tide_relay'::name, 'tide_operator'::name, 'tide_reader'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text)))));
create policy relayed on tide.relay_outbox_config for update using ((EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['tide_relay'::name, 'tide_operator'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text)))));
create policy tenant on tide.relay_outbox_config for all using (false);
create policy administered on tide.tide_inbox_config for all using ((has_table_privilege('tide.tide_inbox_config'::text, 'truncate'::text) OR (EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['pg_tide_admin'::name, 'tide_admin'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text))))));
create policy owned on tide.tide_inbox_config for all using ((owner = (CURRENT_USER)::text));
create policy read on tide.tide_inbox_config for select using ((EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['tide_relay'::name, 'tide_operator'::name, 'tide_reader'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text)))));
create policy administered on tide.tide_outbox_config for all using ((has_table_privilege('tide.tide_outbox_config'::text, 'truncate'::text) OR (EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['pg_tide_admin'::name, 'tide_admin'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text))))));
create policy owned on tide.tide_outbox_config for all using ((owner = (CURRENT_USER)::text));
create policy read on tide.tide_outbox_config for select using ((EXISTS ( SELECT FROM pg_roles r WHERE ((r.rolname = ANY (ARRAY['tide_relay'::name, 'tide_operator'::name, 'tide_reader'::name, 'tide_publisher'::name])) AND pg_has_role(CURRENT_USER, r.oid, 'usage'::text)))));
-- view tide.consumer_lag
--  group_name text,
--  outbox_name text,
--  consumer_id text,
--  committed_offset bigint,
--  lag bigint,
--  last_heartbeat timestamp with time zone
-- view tide.inbox_fleet_summary
--  inbox_name text,
--  inbox_schema text,
--  max_retries integer,
--  processed_retention_hours integer,
--  created_at timestamp with time zone
-- view tide.inbox_pending with (security_barrier=true)
--  inbox_name text,
--  event_id text,
--  source text,
--  payload jsonb,
--  headers jsonb,
--  received_at timestamp with time zone,
--  retry_count integer,
--  last_error text
-- view tide.outbox_pending
--  outbox_name text,
--  pending_count bigint,
--  oldest_at timestamp with time zone,
--  max_id bigint
-- view tide.outbox_retention_status
--  outbox_name text,
--  retention_hours integer,
--  retained_rows bigint,
--  retained_bytes bigint,
--  oldest_retained_at timestamp with time zone,
--  newest_retained_at timestamp with time zone,
--  retention_cutoff timestamp with time zone,
--  pending_messages bigint,
--  total_messages bigint,
--  oldest_pending_age_seconds double precision,
--  participant_count bigint,
--  safe_offset bigint,
--  eligible_rows bigint,
--  blockers jsonb,
--  highest_deleted_id bigint,
--  last_success_at timestamp with time zone,
--  last_batch_rows bigint,
--  total_rows_deleted bigint,
--  last_duration_ms double precision,
--  last_partition_action text,
--  storage_layout text,
--  default_partition_rows bigint
-- view tide.outbox_status
--  outbox_name text,
--  retention_hours integer,
--  retained_rows bigint,
--  retained_bytes bigint,
--  oldest_retained_at timestamp with time zone,
--  newest_retained_at timestamp with time zone,
--  retention_cutoff timestamp with time zone,
--  pending_messages bigint,
--  total_messages bigint,
--  oldest_pending_age_seconds double precision,
--  participant_count bigint,
--  safe_offset bigint,
--  eligible_rows bigint,
--  blockers jsonb,
--  highest_deleted_id bigint,
--  last_success_at timestamp with time zone,
--  last_batch_rows bigint,
--  total_rows_deleted bigint,
--  last_duration_ms double precision,
--  last_partition_action text,
--  storage_layout text,
--  default_partition_rows bigint
-- view tide.relay_participants with (security_barrier=true)
--  outbox_name text,
--  kind text,
--  name text,
--  enabled boolean,
--  safe_offset bigint
-- view tide.relay_pipeline_lag
--  relay_group_id text,
--  pipeline_id text,
--  outbox_name text,
--  last_change_id bigint,
--  lag bigint,
--  updated_at timestamp with time zone
-- view tide.relay_pipeline_status
--  pipeline_id text,
--  direction text,
--  tenant_name text,
--  enabled boolean,
--  relay_group_id text,
--  ownership text,
--  health text,
--  consumer_lag bigint,
--  last_offset bigint,
--  last_checkpoint_success_at timestamp with time zone,
--  last_error_code text,
--  last_error_component text,
--  last_error_class text,
--  last_error_at timestamp with time zone,
--  retry_attempt integer,
--  retry_state text,
--  next_retry_at timestamp with time zone,
--  unresolved_dlq_depth bigint,
--  last_state_update_at timestamp with time zone
-- function tide.admin_convert_outbox_storage(p_partition_span bigint DEFAULT 10000000, p_premake integer DEFAULT 2, confirm_blocking_copy boolean DEFAULT false) returns jsonb volatile security definer set lock_timeout=30s set search_path=pg_catalog, pg_temp
-- function tide.admin_rewind_offset(p_group_name text, p_consumer_id text, p_target_offset bigint, confirm_reprocessing boolean DEFAULT false) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.admin_rewind_relay_offset(p_relay_group_id text, p_pipeline_id text, p_outbox_name text, p_target_offset bigint, confirm_reprocessing boolean DEFAULT false) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.backfill_advance(p_job_id bigint, p_epoch bigint, p_upto_id bigint, p_rows integer) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.backfill_cancel(name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.backfill_create(p_job_name text, p_outbox_name text, p_pipeline_name text DEFAULT NULL::text, p_from_id bigint DEFAULT 0, p_to_id bigint DEFAULT '9223372036854775807'::bigint, p_chunk_size integer DEFAULT 500, p_throttle_ms integer DEFAULT 0) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.backfill_delete(name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.backfill_fail(p_job_id bigint, p_epoch bigint, p_error text) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.backfill_keep(p_job_id bigint, p_epoch bigint, p_lease_seconds integer DEFAULT 60) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.backfill_move(p_name text, p_from text[], p_to text, p_error text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.backfill_next(p_worker text, p_pipeline text DEFAULT NULL::text, p_lease_seconds integer DEFAULT 60) returns TABLE(job_id bigint, job_name text, outbox_name text, pipeline_name text, epoch bigint, after_id bigint, upto_id bigint, chunk_rows integer) volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.backfill_pause(name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.backfill_progress(name text) returns TABLE(rows_processed bigint, total_rows bigint, pct_complete numeric, estimated_completion timestamp with time zone, status text) stable security definer set search_path=pg_catalog, pg_temp
-- function tide.backfill_resume(name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.backfill_status(name text DEFAULT NULL::text) returns jsonb stable security definer set search_path=pg_catalog, pg_temp
-- function tide.commit_offset(p_group text, p_consumer text, p_last_offset bigint) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.consumer_group_create(p_name text, p_outbox text, p_auto_offset_reset text DEFAULT 'earliest'::text, p_if_not_exists boolean DEFAULT false) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.consumer_heartbeat(p_group text, p_consumer text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.consumer_lease_acquire(p_group text, p_consumer text, p_start bigint, p_end bigint, p_visibility_seconds integer DEFAULT 30) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.consumer_lease_extend(p_group text, p_consumer text, p_visibility_seconds integer DEFAULT 30) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.consumer_lease_release(p_group text, p_consumer text) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.consumer_offset_rewind(p_group text, p_consumer text, p_target bigint, confirm_reprocessing boolean DEFAULT false) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.create_consumer_group(p_name text, p_outbox text, p_auto_offset_reset text DEFAULT 'earliest'::text, p_if_not_exists boolean DEFAULT false) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.dlq_requeue(p_pipeline_name text, p_dedup_key text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.dlq_resolve(p_pipeline_name text, p_dedup_key text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.drop_consumer_group(p_name text, p_if_exists boolean DEFAULT false) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.fail(p_code text, p_message text, p_hint text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.fence_class(p_outbox text) returns integer immutable
-- function tide.fence_direct_insert() returns trigger volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.fence_enter(p_outbox text) returns void volatile
-- function tide.grant_publish(p_role text, p_outbox text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_add_columns(p_schema text, p_table text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.inbox_check_name(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.inbox_check_schema(p_schema text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.inbox_claim(p_name text, p_batch integer DEFAULT 100, p_lease_seconds integer DEFAULT 30) returns TABLE(id bigint, event_id text, source text, payload jsonb, headers jsonb, received_at timestamp with time zone, retry_count integer) volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_complete(p_name text, p_event_id text) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_create(p_name text, p_schema text DEFAULT 'tide'::text, p_max_retries integer DEFAULT 3, p_processed_retention_hours integer DEFAULT 72, p_dlq_retention_hours integer DEFAULT 0) returns void volatile security definer set lock_timeout=10s set search_path=pg_catalog, pg_temp
-- function tide.inbox_create_if_not_exists(p_name text, p_schema text DEFAULT 'tide'::text, p_max_retries integer DEFAULT 3, p_processed_retention_hours integer DEFAULT 72, p_dlq_retention_hours integer DEFAULT 0) returns boolean volatile security definer set lock_timeout=10s set search_path=pg_catalog, pg_temp
-- function tide.inbox_drop(p_name text, p_if_exists boolean DEFAULT false) returns void volatile security definer set lock_timeout=10s set search_path=pg_catalog, pg_temp
-- function tide.inbox_grant_deliver(p_inbox text, p_role text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_is_safe(p_schema text, p_table text) returns boolean stable set search_path=pg_catalog, pg_temp
-- function tide.inbox_make(p_name text, p_schema text, p_max_retries integer, p_processed_retention_hours integer, p_dlq_retention_hours integer, p_owner text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.inbox_mark_failed(p_name text, p_event_id text, p_error text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_mark_processed(p_name text, p_event_id text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_rebuild_view() returns void volatile security definer set lock_timeout=10s set search_path=pg_catalog, pg_temp
-- function tide.inbox_refuse(p_inbox text, p_schema text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.inbox_release(p_name text, p_event_id text, p_delay_seconds integer DEFAULT 0) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_require_admin(p_owner text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.inbox_revoke_deliver(p_inbox text, p_role text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_status(p_name text DEFAULT NULL::text) returns jsonb volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_table(p_name text) returns text volatile set search_path=pg_catalog, pg_temp
-- function tide.inbox_truncate_dlq(p_inbox_name text) returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_truncate_processed(p_inbox_name text) returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.inbox_upgrade(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_convert_to_partitioned(p_name text, p_strategy text DEFAULT 'daily'::text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_create(p_name text, p_retention_hours integer DEFAULT 24, p_inline_threshold integer DEFAULT 10000, p_partition_strategy text DEFAULT 'none'::text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_create_if_not_exists(p_name text, p_retention_hours integer DEFAULT 24, p_inline_threshold integer DEFAULT 10000, p_partition_strategy text DEFAULT 'none'::text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_delivery_confirm(p_outbox_name text, p_from_id bigint DEFAULT 0, p_to_id bigint DEFAULT '9223372036854775807'::bigint) returns TABLE(confirmed_count bigint, latest_delivered_at timestamp with time zone) stable security definer set search_path=pg_catalog, pg_temp
-- function tide.outbox_disable(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_drop(p_name text, p_if_exists boolean DEFAULT false) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_enable(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_encryption_config(outbox_name text, kms_provider text, key_id text, algorithm text DEFAULT 'AES256GCM'::text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.outbox_grant_publish(p_outbox text, p_role text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_maintain_partitions(p_ahead integer DEFAULT 2, p_dry_run boolean DEFAULT false) returns jsonb volatile security definer set lock_timeout=2s set search_path=pg_catalog, pg_temp
-- function tide.outbox_payload(p_id bigint) returns text stable set search_path=pg_catalog, pg_temp
-- function tide.outbox_publish(p_name text, p_payload jsonb, p_headers jsonb DEFAULT '{}'::jsonb) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.outbox_publish_batch(p_name text, p_messages jsonb[]) returns bigint[] volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.outbox_publish_id(p_name text, p_payload jsonb, p_headers jsonb DEFAULT '{}'::jsonb) returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.outbox_publish_large(p_name text, p_payload jsonb, p_dedup_key text DEFAULT ''::text, p_threshold_bytes integer DEFAULT 65536) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.outbox_revoke_publish(p_outbox text, p_role text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.outbox_status(p_name text) returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.outbox_sweep(p_outbox_name text DEFAULT NULL::text, p_batch_size integer DEFAULT 1000, p_dry_run boolean DEFAULT false) returns jsonb volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.outbox_truncate_delivered(p_outbox_name text DEFAULT NULL::text) returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.poll_outbox(p_group text, p_consumer text, p_batch_size integer DEFAULT 100, p_visibility_seconds integer DEFAULT 30) returns TABLE(outbox_id bigint, payload jsonb, headers jsonb, created_at timestamp with time zone) volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.publish_admit(p_name text) returns void volatile
-- function tide.publish_check(p_payload jsonb, p_headers jsonb) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.publish_wake(p_name text) returns void volatile
-- function tide.publisher_identity() returns name volatile set search_path=pg_catalog, pg_temp
-- function tide.publisher_is_listed(p_outbox text, p_strict boolean) returns boolean stable security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_adopted_object(p_id bigint) returns oid stable set search_path=pg_catalog, pg_temp
-- function tide.relay_adopted_payload(p_id bigint) returns bytea stable security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_as_object(p_place text, p_value jsonb) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_auto_resume() returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_auto_resume_candidates() returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_canonical(p_direction text, p_type text, p_peer jsonb, p_body jsonb, p_shared jsonb) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_config(p_direction text, p_config jsonb) returns void stable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_keys(p_direction text, p_parent text, p_object jsonb) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_name(p_kind text, p_name text) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_rewind(p_what text, p_target bigint, p_confirmed boolean) returns void stable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_rewind_target(p_outbox text, p_current bigint, p_target bigint) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_check_role(p_role text) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_rules(p_rules jsonb) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_secrets(p_config jsonb) returns void stable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_surface(p_direction text, p_config jsonb) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_type(p_direction text, p_type text) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_check_value(p_place text, p_value jsonb, p_kind text, p_least numeric, p_most numeric, p_choices text[]) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_claimed_payload(p_id bigint, p_envelope text) returns text stable set search_path=pg_catalog, pg_temp
-- function tide.relay_close_rights(p_first boolean DEFAULT false) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_commit(p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint, p_lease_ms integer, p_outbox text, p_position bigint, p_dead jsonb DEFAULT NULL::jsonb, p_settled jsonb DEFAULT NULL::jsonb, p_receipts jsonb DEFAULT NULL::jsonb) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_config_changed() returns trigger volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_config_grammar() returns TABLE(parent text, key text, kind text, direction text, is_lifted boolean, at_least numeric, at_most numeric, choices text[]) immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_config_history(p_pipeline_name text) returns TABLE(change_id bigint, pipeline_name text, pipeline_type text, changed_at timestamp with time zone, changed_by text, old_config jsonb, new_config jsonb) stable set search_path=pg_catalog, pg_temp
-- function tide.relay_config_leaves(p_value jsonb) returns TABLE(place text, leaf jsonb, in_secret boolean, depth integer) immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_connector_types() returns TABLE(direction text, connector_type text) stable security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_dag_check() returns TABLE(cycle_path text[]) stable set search_path=pg_catalog, pg_temp
-- function tide.relay_dag_ready(p_pipeline text, p_group text) returns boolean stable set search_path=pg_catalog, pg_temp
-- function tide.relay_delete(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_deprovision_tenant(p_tenant_id text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_disable(p_name text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_changed() returns trigger volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_close(p_ids bigint[], p_action text, p_reason text) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_discard(p_id bigint, p_reason text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_discard_many(p_ids bigint[], p_reason text) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_edit(p_id bigint, p_payload jsonb, p_headers jsonb, p_version integer, p_reason text) returns integer volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_find(p_pipeline_name text, p_dedup_key text) returns bigint stable set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_history_of(p_id bigint) returns SETOF tide.relay_dlq_history stable set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_history_signed() returns trigger volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_list(p_pipeline text DEFAULT NULL::text, p_limit integer DEFAULT NULL::integer) returns SETOF tide.relay_dlq stable set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_mark_due(p_ids bigint[], p_action text, p_reason text) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_not_found(p_id bigint) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_note(p_ids bigint[], p_action text, p_reason text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_purge(retention_days integer DEFAULT 30) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_resolve(p_id bigint) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_resolve_many(p_ids bigint[], p_reason text DEFAULT NULL::text) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_retry(p_id bigint) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_retry_all(p_pipeline text DEFAULT NULL::text) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_retry_many(p_ids bigint[], p_reason text DEFAULT NULL::text) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_stats() returns TABLE(pipeline_name text, error_kind text, total bigint, unresolved bigint) stable set search_path=pg_catalog, pg_temp
-- function tide.relay_dlq_sweep(p_limit integer DEFAULT 1000) returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_due_dead_letters(p_pipeline text, p_direction text, p_limit integer) returns TABLE(id bigint, outbox_id bigint, dedup_key text, subject text, payload text, headers text, created_at text, attempt_count integer, order_key text, source_name text) volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_enable(p_name text, p_enabled boolean DEFAULT true) returns boolean volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_ensure_partition(p_number bigint, p_span bigint) returns text volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_fanin_changed() returns trigger volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_fanin_delete(name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_fanin_disable(name text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_fanin_enable(name text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_fanin_list() returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_fanin_members(p_name text DEFAULT NULL::text) returns TABLE(name text, place integer, outbox_name text, merge_strategy text, enabled boolean, tenant_name text, config jsonb, is_present boolean) stable set search_path=pg_catalog, pg_temp
-- function tide.relay_fanin_switch(p_name text, p_enabled boolean) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_fence(p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint, p_lease_ms integer) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_flush() returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_get_config(p_name text) returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_grant_tenant(p_tenant text, p_role text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_group_frontier(p_group text) returns bigint stable security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_group_missing(p_group text) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_holders(p_outbox text) returns TABLE(process_id integer, prepared text, since timestamp with time zone, above_id bigint) volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_holds(p_lock text, p_outbox text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_horizon(p_outbox text, OUT upper_id bigint, OUT last_id bigint) returns record volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_inline_secrets(p_config jsonb) returns TABLE(place text, is_field boolean) immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_is_secret_key(p_key text) returns boolean immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_join_group(p_group text, p_consumer text) returns text volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_last_id() returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_lease_acquire(p_group text, p_tenant text, p_direction text, p_pipeline text, p_token text, p_label text, p_lease_ms integer, p_has_lock boolean, OUT acquired boolean, OUT epoch bigint, OUT held_by text, OUT expires_in_ms bigint) returns record volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_lease_release(p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_lease_renew(p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint, p_lease_ms integer, p_has_lock boolean) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_list_configs() returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_masked(p_config jsonb, p_in_secret boolean DEFAULT false) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_may_operate(p_owner text, p_tenant text) returns boolean stable set search_path=pg_catalog, pg_temp
-- function tide.relay_not_found(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_note_security(p_action text, p_role text, p_object text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_optional_boolean(p_config jsonb, p_key text, p_default boolean) returns boolean immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_outbox_missing(p_name text) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_page(p_outbox text, p_after bigint, p_limit integer, p_max_bytes integer) returns TABLE(id bigint, payload text, headers text, created_at text) volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_pause(p_name text, p_last_error text, p_error_class text DEFAULT 'permanent'::text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_paused_pipelines() returns TABLE(pipeline_name text, direction text, pause_started_at timestamp with time zone, auto_resume_after interval, is_due boolean) stable set search_path=pg_catalog, pg_temp
-- function tide.relay_pipeline_dep_add(up text, down text, policy text DEFAULT 'always'::text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_pipeline_dep_drop(up text, down text) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_pipeline_pause_reason(p text) returns TABLE(pipeline_name text, last_error text, error_class text, pause_started_at timestamp with time zone, failure_count integer) stable set search_path=pg_catalog, pg_temp
-- function tide.relay_pipeline_state_upsert(p_name text, p_last_error text DEFAULT NULL::text, p_error_class text DEFAULT NULL::text, p_failure_count integer DEFAULT 0) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_provision_tenant(p_tenant_id text, p_db_role name) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_refuse(p_message text, p_hint text) returns void immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_refuse_audit_change() returns trigger volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_refuse_negative_offset() returns trigger volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_refuse_rewind() returns trigger volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_replay_preview(p_outbox text, p_from_id bigint DEFAULT 0, p_to_id bigint DEFAULT '9223372036854775807'::bigint, p_limit integer DEFAULT 100) returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_require_admin(p_what text) returns void stable set search_path=pg_catalog, pg_temp
-- function tide.relay_required_text(p_function text, p_config jsonb, p_key text) returns text immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_respell(p_object jsonb) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_revoke_tenant(p_tenant text, p_role text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_safe_offset(p_outbox text) returns bigint stable security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_schema_accept(p_pipeline text, p_topic text, p_columns text[] DEFAULT NULL::text[]) returns boolean volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_schema_fingerprint(p_columns text[]) returns text immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_schema_observe(p_pipeline text, p_topic text, p_columns text[], p_policy text DEFAULT 'warn'::text, OUT action text, OUT added text[], OUT removed text[]) returns record volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_sees_tenant(p_role name, p_tenant text) returns boolean stable security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_set_fanin(p_name text, p_outbox_names text[], p_sink_type text, p_config jsonb DEFAULT '{}'::jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_inbox(p_name text, p_inbox text, p_config jsonb DEFAULT '{}'::jsonb, p_batch_size integer DEFAULT 100, p_source text DEFAULT 'stdout'::text, p_enabled boolean DEFAULT true, p_max_retries integer DEFAULT 3, p_idempotent boolean DEFAULT true) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_inbox(p_name text, p_source_type text, p_target_inbox text, p_config jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_inbox(p_name text, p_source_type text, p_target_inbox text, p_config text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_inbox_from_template(p_inbox_name text, p_template_name text, p_overrides jsonb DEFAULT '{}'::jsonb) returns jsonb volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_inbox_v2(p_config jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_outbox(p_name text, p_outbox text, p_config jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_outbox(p_name text, p_outbox text, p_sink text, p_config jsonb DEFAULT '{}'::jsonb, p_batch_size integer DEFAULT 100, p_enabled boolean DEFAULT true) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_outbox_from_template(p_outbox_name text, p_template_name text, p_overrides jsonb DEFAULT '{}'::jsonb) returns jsonb volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_outbox_v2(p_config jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_set_tenant(p_name text, p_tenant text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_settle_dead_letters(p_pipeline text, p_settled jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_settled(p_outbox text) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_shared_keys(p_function text, p_config jsonb, p_own text[]) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_shown_config(p_config jsonb) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_sleep(p_outbox text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_source_type(p_type text) returns text immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_store(p_group text, p_tenant text, p_pipeline text, p_epoch bigint, p_lease_ms integer, p_inbox text, p_rows jsonb, p_dead jsonb DEFAULT NULL::jsonb, p_settled jsonb DEFAULT NULL::jsonb) returns TABLE(stored jsonb) volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_store_inbox(p_name text, p_enabled boolean, p_config jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_store_outbox(p_name text, p_enabled boolean, p_config jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_sweep_one(p_outbox text, p_retention_hours integer, p_batch integer, p_dry_run boolean) returns jsonb volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_template_blanks(p_config jsonb) returns SETOF text immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_template_create(p_name text, p_config jsonb, p_description text DEFAULT ''::text, p_required_keys jsonb DEFAULT '[]'::jsonb) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_template_drop(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_template_fill(p_value jsonb, p_values jsonb) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_template_get(p_name text) returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_template_list() returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_template_not_found(p_name text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_template_pipeline_keys() returns SETOF text immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_template_resolve(p_kind text, p_peer text, p_template_name text, p_overrides jsonb) returns jsonb stable set search_path=pg_catalog, pg_temp
-- function tide.relay_template_validate(p_name text, p_overrides jsonb DEFAULT '{}'::jsonb) returns TABLE(is_valid boolean, missing_keys text[], invalid_keys text[]) stable set search_path=pg_catalog, pg_temp
-- function tide.relay_template_value(p_key text, p_values jsonb) returns jsonb immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_tenants_changed() returns trigger volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_truncate_delivery_receipts(p_older_than interval DEFAULT '24:00:00'::interval) returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_unlink_adopted(p_outbox text, p_ids bigint[]) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.relay_wake(p_outbox text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.relay_wire_formats() returns TABLE(direction text, wire_format text) immutable set search_path=pg_catalog, pg_temp
-- function tide.relay_write_dead_letters(p_mode text, p_pipeline text, p_dead jsonb) returns bigint volatile set search_path=pg_catalog, pg_temp
-- function tide.replay_inbox_messages(p_name text, p_event_ids text[]) returns bigint volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.revoke_publish(p_role text, p_outbox text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.tenant_audit(p_action text, p_role text, p_tenant text) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.tenant_check(p_tenant text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.tenant_check_role(p_role text) returns void volatile set search_path=pg_catalog, pg_temp
-- function tide.tenant_rights(p_role name) returns void volatile security definer set search_path=pg_catalog, pg_temp
-- function tide.version() returns text stable security definer set search_path=pg_catalog, pg_temp
