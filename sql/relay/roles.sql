-- Roles for working with schema tide, so that nobody needs more than their part: tide_admin, tide_publisher, tide_relay,
-- tide_operator, tide_reader. None can log in and none has a password; grant them to your logins:
--
--   grant tide_publisher to app;      grant tide_relay to relay_worker;      grant tide_reader to monitor;
--
-- Needs CREATEROLE, and to be a member of the schema's owner. Can be repeated; rights that you gave besides stay.

do $pgkeep$
declare
  v_role text;
  v_attributes record;
begin
  foreach v_role in array array['tide_admin', 'tide_publisher', 'tide_relay', 'tide_operator', 'tide_reader'] loop
    select r.* into v_attributes
      from pg_catalog.pg_roles as r where r.rolname operator(pg_catalog.=) v_role;
    if not found then
      execute pg_catalog.format(
        'create role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls', v_role);
    elsif v_attributes.rolsuper or v_attributes.rolbypassrls or v_attributes.rolcreaterole
          or v_attributes.rolcreatedb or v_attributes.rolreplication or v_attributes.rolcanlogin then
      raise exception using
        errcode = '42501',
        message = pg_catalog.format('role "%s" is there already and is more than it should be', v_role),
        detail = 'PGTIDE_AUTHORIZATION_FAILED',
        hint = pg_catalog.format(
          'ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; then try again.', v_role);
    end if;
  end loop;
  if exists (select from pg_catalog.pg_roles as r
              where r.rolname operator(pg_catalog.=) 'pg_tide_admin'
                and not pg_catalog.pg_has_role(r.oid, 'tide_admin', 'member')) then
    execute 'grant tide_admin to pg_tide_admin';
  end if;
end;
$pgkeep$;

-- The grants, given by the schema's owner.
do $pgkeep$
declare
  v_owner constant name := (select pg_catalog.pg_get_userbyid(n.nspowner)
                              from pg_catalog.pg_namespace as n where n.nspname operator(pg_catalog.=) 'tide');
  v_role name;
  v_function regprocedure;
begin
  execute pg_catalog.format('set local role %I', v_owner);
  set local search_path = pg_catalog, pg_temp;
  grant usage on schema tide to tide_admin, tide_publisher, tide_relay, tide_operator, tide_reader;

  -- No TRUNCATE: no policy filters it.
  grant select, insert, update, delete on all tables in schema tide to tide_admin;
  revoke truncate on all tables in schema tide from tide_admin;
  grant usage, select, update on all sequences in schema tide to tide_admin;
  grant execute on all functions in schema tide to tide_admin;
  alter default privileges in schema tide grant select, insert, update, delete on tables to tide_admin;
  alter default privileges in schema tide revoke truncate on tables from tide_admin;
  alter default privileges in schema tide grant usage, select, update on sequences to tide_admin;

  grant select on tide.tide_outbox_config, tide.outbox_publishers to tide_publisher;

  -- A relay reads events and configurations and writes how far it is. It switches pipelines off and on and cannot change
  -- what they do; it neither makes nor deletes events.
  grant select on
    tide.meta, tide.settings, tide.tide_outbox_config, tide.tide_outbox_messages, tide.outbox_blobs,
    tide.outbox_encryption_config, tide.outbox_storage_config, tide.tide_consumer_groups, tide.tide_consumer_offsets,
    tide.tide_consumer_leases, tide.tide_inbox_config, tide.relay_outbox_config, tide.relay_inbox_config,
    tide.relay_consumer_offsets, tide.relay_pipeline_state, tide.relay_pipeline_deps, tide.relay_limits,
    tide.relay_schema_fingerprints, tide.relay_fanin_config, tide.backfill_jobs, tide.relay_runtime_status,
    tide.relay_leases, tide.relay_instances, tide.relay_dlq
    to tide_relay;
  grant update (enabled) on tide.relay_outbox_config, tide.relay_inbox_config to tide_relay;
  grant insert, update on
    tide.relay_pipeline_state, tide.relay_consumer_offsets, tide.relay_runtime_status, tide.relay_leases,
    tide.relay_instances, tide.relay_dlq
    to tide_relay;
  grant delete on tide.relay_instances to tide_relay;
  grant insert on tide.relay_delivery_receipts, tide.relay_dlq_history to tide_relay;
  grant usage on sequence tide.relay_dlq_id_seq to tide_relay;
  grant select on
    tide.outbox_pending, tide.consumer_lag, tide.relay_pipeline_lag, tide.outbox_retention_status, tide.outbox_status,
    tide.inbox_fleet_summary, tide.relay_pipeline_status, tide.relay_participants
    to tide_relay, tide_operator, tide_reader;

  -- An operator settles dead letters. The triggers on the table note who did what, so a change of these columns by hand is seen too.
  grant select on tide.relay_dlq, tide.relay_dlq_history to tide_operator;
  grant update (retried_at, next_attempt_at, resolved, resolved_at, resolved_by, payload, headers) on tide.relay_dlq to tide_operator;

  -- By name, whatever their arguments. What a function calls with its caller's rights has to be granted with it.
  for v_function, v_role in
    with recursive granted (role, name) as (
      select g.role, n.name collate "C"
        from (values
          ('tide_publisher', array['outbox_publish', 'outbox_publish_id', 'outbox_publish_batch', 'outbox_publish_large']),
          ('tide_relay', array[
            -- catalogue and state
            'version', 'relay_list_configs', 'relay_get_config', 'relay_fanin_list', 'relay_fanin_members',
            'relay_dag_check', 'relay_dag_ready', 'relay_pipeline_state_upsert', 'relay_pause', 'relay_paused_pipelines',
            'relay_auto_resume', 'relay_auto_resume_candidates', 'relay_schema_observe', 'relay_schema_fingerprint',
            -- owning, reading, recording
            'relay_lease_acquire', 'relay_lease_renew', 'relay_lease_release', 'relay_page', 'relay_settled', 'relay_horizon',
            'relay_last_id', 'relay_holders', 'relay_sleep', 'relay_wake', 'relay_commit', 'relay_store', 'relay_due_dead_letters',
            'relay_write_dead_letters', 'relay_settle_dead_letters', 'outbox_payload', 'relay_adopted_payload', 'relay_claimed_payload',
            'relay_replay_preview',
            'relay_dlq_list', 'relay_dlq_retry', 'relay_dlq_retry_all', 'relay_dlq_sweep', 'backfill_next', 'backfill_keep',
            'backfill_advance', 'backfill_fail',
            -- groups and upkeep
            'commit_offset', 'consumer_heartbeat', 'poll_outbox', 'outbox_delivery_confirm', 'outbox_sweep',
            'relay_truncate_delivery_receipts', 'inbox_truncate_processed', 'inbox_truncate_dlq', 'outbox_status',
            'inbox_status', 'backfill_status', 'backfill_progress']),
          ('tide_operator', array[
            'version', 'outbox_status', 'inbox_status', 'backfill_status', 'backfill_progress', 'relay_enable',
            'relay_disable', 'outbox_sweep', 'outbox_truncate_delivered', 'relay_holders', 'relay_dlq_list', 'relay_dlq_sweep',
            'relay_dlq_retry', 'relay_dlq_retry_all', 'relay_dlq_retry_many', 'relay_dlq_resolve', 'relay_dlq_resolve_many',
            'relay_dlq_discard', 'relay_dlq_discard_many', 'relay_dlq_edit', 'relay_dlq_history_of', 'relay_dlq_stats',
            'dlq_resolve', 'dlq_requeue']),
          ('tide_reader', array[
            'version', 'outbox_status', 'inbox_status', 'backfill_status', 'backfill_progress', 'relay_holders'])
        ) as g (role, names)
       cross join unnest(g.names) as n (name)
       union
      select g.role, c.called[1] collate "C"
        from granted as g
        join pg_proc as p on p.proname = g.name and p.pronamespace = 'tide'::regnamespace and not p.prosecdef
       -- Without comments and texts: hints name functions too.
       cross join regexp_matches(regexp_replace(regexp_replace(p.prosrc, '--[^\n]*', '', 'g'), '''[^'']*''', '', 'g'),
                                 'tide\.([a-z0-9_]+)\s*\(', 'g') as c (called)
    )
    select p.oid::regprocedure, g.role
      from granted as g
      join pg_proc as p on p.proname = g.name and p.pronamespace = 'tide'::regnamespace
     -- Triggers' functions are nobody's to call.
     where p.prorettype <> 'trigger'::regtype
  loop
    execute format('grant execute on routine %s to %I', v_function, v_role);
  end loop;
  reset role;
end;
$pgkeep$;

-- Who has which of them.
select g.rolname as role, coalesce(string_agg(m.rolname, ', ' order by m.rolname), '-') as members
  from pg_catalog.pg_roles as g
  left join pg_catalog.pg_auth_members as a on a.roleid = g.oid
  left join pg_catalog.pg_roles as m on m.oid = a.member
 where g.rolname in ('tide_admin', 'tide_publisher', 'tide_relay', 'tide_operator', 'tide_reader')
 group by g.rolname
 order by g.rolname;
