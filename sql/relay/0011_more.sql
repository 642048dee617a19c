-- What stands around pipelines: order among them, several outboxes into one sink, history delivered again, changes of
-- an
-- event's shape, receipts.

-- Order among pipelines -----------------------------------------------------------------------------------------------

-- Makes one pipeline wait for another. Policies: always (no condition; the order is only shown), on_idle (until the
-- upstream
-- has delivered everything), on_offset_gte(n) (until it has delivered event n). Repeating it replaces the policy.
-- Takes a lock that lets only one change of dependencies run at a time, so that two cannot close a cycle together.
create or replace function tide.relay_pipeline_dep_add(up text, down text, policy text default 'always')
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_path text[];
begin
  perform tide.relay_check_name('pipeline', up);
  perform tide.relay_check_name('pipeline', down);
  if policy is null or not (policy in ('always', 'on_idle') or policy ~ '^on_offset_gte\([0-9]{1,18}\)$') then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: unknown trigger policy',
      'Use always, on_idle or on_offset_gte(1234).');
  end if;
  if up = down then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: pipeline "%s" cannot wait for itself', up), null);
  end if;
  lock table tide.relay_pipeline_deps in share row exclusive mode;
  with recursive reach as (
    select d.downstream_pipeline as pipeline, array[down, d.downstream_pipeline] as path
      from tide.relay_pipeline_deps as d
     where d.upstream_pipeline = down
    union all
    select d.downstream_pipeline, r.path || d.downstream_pipeline
      from reach as r
      join tide.relay_pipeline_deps as d
        on d.upstream_pipeline = r.pipeline
     where d.downstream_pipeline <> all (r.path)
       and r.pipeline <> up
  )
  select r.path into v_path from reach as r where r.pipeline = up limit 1;
  if found then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: that would be a cycle: %s', array_to_string(up || v_path, ' -> ')),
      'Drop one of these dependencies first.');
  end if;
  insert into tide.relay_pipeline_deps as d (upstream_pipeline, downstream_pipeline, trigger_policy)
  values (up, down, policy)
  on conflict (upstream_pipeline, downstream_pipeline) do update set trigger_policy = excluded.trigger_policy;
  perform pg_notify('tide_relay_config', down);
end
$body$;
comment on function tide.relay_pipeline_dep_add(text, text, text) is 'Makes one pipeline wait for another.';

-- Ends it. True when there was such a dependency.
create or replace function tide.relay_pipeline_dep_drop(up text, down text)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  delete from tide.relay_pipeline_deps as d where d.upstream_pipeline = up and d.downstream_pipeline = down;
  if not found then
    return false;
  end if;
  perform pg_notify('tide_relay_config', down);
  return true;
end
$body$;
comment on function tide.relay_pipeline_dep_drop(text, text) is 'Ends the waiting of one pipeline for another.';

-- Cycles, each once, its first pipeline at both ends. Empty unless somebody wrote into the table by hand.
create or replace function tide.relay_dag_check()
  returns table (cycle_path text[])
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  with recursive walk as (
    select d.upstream_pipeline as first, d.downstream_pipeline as pipeline,
           array[d.upstream_pipeline, d.downstream_pipeline] as path
      from tide.relay_pipeline_deps as d
     where d.downstream_pipeline >= d.upstream_pipeline
    union all
    select w.first, d.downstream_pipeline, w.path || d.downstream_pipeline
      from walk as w
      join tide.relay_pipeline_deps as d
        on d.upstream_pipeline = w.pipeline
     where w.pipeline <> w.first
       -- Only cycles that begin with their smallest name, which every cycle does once.
       and d.downstream_pipeline >= w.first
       and d.downstream_pipeline <> all (w.path[2:])
  )
  select w.path from walk as w where w.pipeline = w.first order by w.path
$body$;
comment on function tide.relay_dag_check() is 'Cycles among the dependencies of pipelines.';

-- Whether a pipeline may deliver now, as its dependencies say, for the positions of one relay group. A worker asks
-- before a
-- page. An upstream that no longer exists holds nobody up.
create or replace function tide.relay_dag_ready(p_pipeline text, p_group text)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_dep record;
begin
  for v_dep in
    select d.upstream_pipeline as name,
           d.trigger_policy as policy,
           o.config #>> '{source,outbox}' as outbox,
           i.config #>> '{sink,inbox}' as inbox,
           coalesce(p.last_change_id, 0) as position
      from tide.relay_pipeline_deps as d
      left join tide.relay_outbox_config as o
        on o.name = d.upstream_pipeline
      left join tide.relay_inbox_config as i
        on i.name = d.upstream_pipeline
      left join tide.relay_consumer_offsets as p
        on p.relay_group_id = p_group
       and p.pipeline_id = d.upstream_pipeline
       and p.outbox_name = o.config #>> '{source,outbox}'
     where d.downstream_pipeline = p_pipeline
       and d.trigger_policy <> 'always'
  loop
    continue when v_dep.outbox is null and v_dep.inbox is null;
    if v_dep.policy = 'on_idle' then
      if v_dep.outbox is not null and exists (
           select
             from tide.tide_outbox_messages as m
            where m.outbox_name = v_dep.outbox
              and m.id > v_dep.position
         ) then
        return false;
      end if;
      if v_dep.outbox is null
         and exists (select from tide.tide_inbox_config as c where c.inbox_name = v_dep.inbox)
         and (tide.inbox_status(v_dep.inbox) ->> 'pending')::bigint > 0 then
        return false;
      end if;
    elsif v_dep.position < substring(v_dep.policy from '[0-9]+')::bigint then
      return false;
    end if;
  end loop;
  return true;
end
$body$;
comment on function tide.relay_dag_ready(text, text) is 'Whether the pipelines that a pipeline waits for let it go on.';

-- Several outboxes into one sink --------------------------------------------------------------------------------------

-- Changes of fan-ins are noted and told like those of other pipelines. Definer: who may change one need not be able
-- to write
-- audits.
create or replace function tide.relay_fanin_changed()
  returns trigger
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_name text := case when tg_op = 'DELETE' then old.name else new.name end;
begin
  insert into tide.relay_config_audit (pipeline_name, pipeline_type, changed_by, old_config, new_config)
  values (v_name, 'fanin', tide.publisher_identity(),
    case when tg_op <> 'INSERT' then tide.relay_masked(to_jsonb(old)) end,
    case when tg_op <> 'DELETE' then tide.relay_masked(to_jsonb(new)) end);
  insert into tide.tide_security_audit (action, target_object, performed_by)
  values ('RELAY_CONFIG_' || tg_op, v_name, tide.publisher_identity());
  perform pg_notify('tide_relay_config',
    json_build_object('direction', tg_table_name, 'op', tg_op, 'name', v_name)::text);
  return null;
end
$body$;
comment on function tide.relay_fanin_changed() is 'Trigger: notes who changed a fan-in and wakes the relays.';

create or replace trigger relay_fanin_config_changed after insert or update or delete on tide.relay_fanin_config
  for each row execute function tide.relay_fanin_changed();

-- Stores a fan-in: several outboxes, one sink. p_config holds the sink's keys, those that all pipelines share, and
-- merge_strategy
-- (round_robin, priority: outboxes in the order given, subject_hash).
create or replace function tide.relay_set_fanin(
  p_name text, p_outbox_names text[], p_sink_type text, p_config jsonb default '{}'
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb := tide.relay_as_object('p_config', p_config);
  v_strategy text;
  v_missing text;
begin
  perform tide.relay_check_name('pipeline', p_name);
  if coalesce(cardinality(p_outbox_names), 0) not between 1 and 100
     or array_ndims(p_outbox_names) <> 1
     or (select count(distinct n) <> count(*) from unnest(p_outbox_names) as n) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_outbox_names must name 1 to 100 outboxes, each once', null);
  end if;
  select n
    into v_missing
    from unnest(p_outbox_names) with ordinality as u (n, place)
   where not exists (select from tide.tide_outbox_config as o where o.outbox_name = u.n)
   order by u.place
   limit 1;
  if found then
    perform tide.fail('PGTIDE_OUTBOX_NOT_FOUND', format('outbox not found: %s', left(v_missing, 63)), 'Create it first.');
  end if;
  if exists (select from tide.relay_outbox_config as c where c.name = p_name) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: there is a pipeline of the name "%s"', p_name),
      'Choose another name: positions are kept by it.');
  end if;
  v_strategy := coalesce(v_config ->> 'merge_strategy', 'round_robin');
  if v_strategy not in ('round_robin', 'priority', 'subject_hash') then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: unknown merge_strategy',
      'Use round_robin, priority or subject_hash.');
  end if;
  v_config := tide.relay_canonical('forward', p_sink_type, '{}', v_config - 'merge_strategy', '{}');
  perform tide.relay_check_config('forward', v_config);
  insert into tide.relay_fanin_config as f (name, outbox_names, sink_type, config, merge_strategy)
  values (p_name, p_outbox_names, p_sink_type, v_config, v_strategy)
  on conflict (name) do update
     set outbox_names = excluded.outbox_names, sink_type = excluded.sink_type, config = excluded.config,
         merge_strategy = excluded.merge_strategy, updated_at = now();
  perform pg_notify('tide_relay_config', p_name);
end
$body$;
comment on function tide.relay_set_fanin(text, text[], text, jsonb) is
  'Stores a fan-in: several outboxes into one sink.';

create or replace function tide.relay_fanin_switch(p_name text, p_enabled boolean)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  update tide.relay_fanin_config as f set enabled = p_enabled, updated_at = now() where f.name = p_name;
  if not found then
    return false;
  end if;
  perform pg_notify('tide_relay_config', p_name);
  return true;
end
$body$;
comment on function tide.relay_fanin_switch(text, boolean) is 'Switches a fan-in on or off; false when there is none.';

create or replace function tide.relay_fanin_enable(name text)
  returns boolean
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_fanin_switch(name, true)
$body$;
comment on function tide.relay_fanin_enable(text) is 'Switches a fan-in on; false when there is none.';

create or replace function tide.relay_fanin_disable(name text)
  returns boolean
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_fanin_switch(name, false)
$body$;
comment on function tide.relay_fanin_disable(text) is 'Switches a fan-in off; false when there is none.';

create or replace function tide.relay_fanin_delete(name text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  delete from tide.relay_fanin_config as f where f.name = relay_fanin_delete.name;
  if not found then
    perform tide.relay_not_found(relay_fanin_delete.name);
  end if;
  perform pg_notify('tide_relay_config', relay_fanin_delete.name);
end
$body$;
comment on function tide.relay_fanin_delete(text) is 'Removes a fan-in; its positions stay.';

create or replace function tide.relay_fanin_list()
  returns jsonb
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_agg(jsonb_build_object('name', f.name, 'outbox_names', f.outbox_names, 'sink_type', f.sink_type,
           'merge_strategy', f.merge_strategy, 'enabled', f.enabled, 'config', f.config) order by f.name), '[]')
    from tide.relay_fanin_config as f
$body$;
comment on function tide.relay_fanin_list() is 'All fan-ins.';

-- The members of a fan-in, each as the forward pipeline that a worker runs: its configuration names the outbox. The
-- position of
-- each is kept under the fan-in's name and the outbox. Without a name: of all fan-ins.
create or replace function tide.relay_fanin_members(p_name text default null)
  returns table (
    name text, place integer, outbox_name text, merge_strategy text, enabled boolean, tenant_name text, config jsonb,
    is_present boolean
  )
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select f.name,
         m.place::integer,
         m.outbox,
         f.merge_strategy,
         f.enabled,
         coalesce(nullif(f.tenant_name, ''), 'default'),
         f.config || jsonb_build_object('source', jsonb_build_object('outbox', m.outbox)),
         exists (select from tide.tide_outbox_config as o where o.outbox_name = m.outbox)
    from tide.relay_fanin_config as f
   cross join lateral unnest(f.outbox_names) with ordinality as m (outbox, place)
   where p_name is null
      or f.name = p_name
   order by f.name, m.place
$body$;
comment on function tide.relay_fanin_members(text) is
  'The outboxes of a fan-in, each with the configuration to deliver it by.';

-- History delivered again ---------------------------------------------------------------------------------------------
-- A job covers the events of an outbox between two ids that were there when it was made. A worker claims one chunk at
-- a time
-- (backfill_next), delivers it under the same dedup keys, and says so (backfill_advance). The claim has an epoch that
-- only
-- grows: a worker that was too slow changes nothing. Positions of live pipelines are not touched.

alter table tide.backfill_jobs
  add column if not exists cursor_id bigint not null default 0,
  add column if not exists until_id bigint,
  add column if not exists claim_epoch bigint not null default 0,
  add column if not exists claimed_by text,
  add column if not exists claim_expires_at timestamptz,
  add column if not exists next_chunk_at timestamptz;

create or replace function tide.backfill_create(
  p_job_name text,
  p_outbox_name text,
  p_pipeline_name text default null,
  p_from_id bigint default 0,
  p_to_id bigint default 9223372036854775807,
  p_chunk_size integer default 500,
  p_throttle_ms integer default 0
)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_until bigint;
  v_id bigint;
begin
  perform tide.relay_check_name('job', p_job_name);
  if not exists (select from tide.tide_outbox_config as o where o.outbox_name = p_outbox_name) then
    perform tide.fail('PGTIDE_OUTBOX_NOT_FOUND', format('outbox not found: %s', left(p_outbox_name, 63)), 'Check its name.');
  end if;
  if p_pipeline_name is not null and not exists (
       select
         from tide.relay_outbox_config as c
        where c.name = p_pipeline_name
          and c.config #>> '{source,outbox}' = p_outbox_name
     ) then
    perform tide.fail('PGTIDE_RELAY_NOT_FOUND', format('relay pipeline not found: %s', left(p_pipeline_name, 63)),
      'Name a forward pipeline that reads this outbox.');
  end if;
  if p_from_id is null or p_to_id is null or p_from_id < 0 or p_to_id < p_from_id then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the ids are no range', 'Use 0 <= p_from_id <= p_to_id.');
  end if;
  if p_chunk_size is null or p_chunk_size not between 1 and 100000 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_chunk_size is out of range', 'Use 1 to 100000.');
  end if;
  if p_throttle_ms is null or p_throttle_ms not between 0 and 3600000 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_throttle_ms is out of range', 'Use 0 to 3600000.');
  end if;
  -- What is published from now on is the live pipeline's.
  select least(p_to_id, coalesce(max(m.id), 0))
    into v_until
    from tide.tide_outbox_messages as m
   where m.outbox_name = p_outbox_name;
  insert into tide.backfill_jobs (job_name, outbox_name, pipeline_name, from_id, to_id, chunk_size, throttle_ms, cursor_id,
    until_id, rows_total)
  values (p_job_name, p_outbox_name, p_pipeline_name, p_from_id, p_to_id, p_chunk_size, p_throttle_ms,
    greatest(p_from_id - 1, 0), v_until, (
      select count(*)
        from tide.tide_outbox_messages as m
       where m.outbox_name = p_outbox_name
         and m.id between p_from_id and v_until
    ))
  on conflict (job_name) do nothing
  returning job_id into v_id;
  if not found then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: there is a backfill job "%s"', p_job_name),
      format('Choose another name, or: select tide.backfill_delete(%L);', p_job_name));
  end if;
  if p_pipeline_name is not null then
    perform pg_notify('tide_relay_config', p_pipeline_name);
  end if;
  return v_id;
end
$body$;
comment on function tide.backfill_create(text, text, text, bigint, bigint, integer, integer) is
  'Makes a job that delivers the history of an outbox again; returns its id.';

-- Moves a job from one of `p_from` to `p_to`; raises when it is in another state.
create or replace function tide.backfill_move(p_name text, p_from text[], p_to text, p_error text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_status text;
begin
  select j.status into v_status from tide.backfill_jobs as j where j.job_name = p_name for update;
  if not found then
    perform tide.fail('PGTIDE_RELAY_NOT_FOUND', format('backfill job not found: %s', left(p_name, 63)),
      'select tide.backfill_status() lists the jobs.');
  end if;
  if v_status <> all (p_from) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: backfill job "%s" is %s', p_name, v_status),
      format('This works while it is %s.', array_to_string(p_from, ' or ')));
  end if;
  update tide.backfill_jobs as j
     set status = p_to,
         error_message = p_error,
         paused_at = case when p_to = 'paused' then clock_timestamp() else j.paused_at end,
         completed_at = case when p_to = 'failed' then clock_timestamp() else j.completed_at end
   where j.job_name = p_name;
end
$body$;
comment on function tide.backfill_move(text, text[], text, text) is 'Changes the state of a backfill job.';

create or replace function tide.backfill_pause(name text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.backfill_move(name, array['pending', 'running'], 'paused', null)
$body$;
comment on function tide.backfill_pause(text) is 'Stops a job after the chunk that is being delivered.';

create or replace function tide.backfill_resume(name text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.backfill_move(name, array['paused', 'failed'], 'pending', null)
$body$;
comment on function tide.backfill_resume(text) is 'Goes on with a paused or failed job where it stopped.';

create or replace function tide.backfill_cancel(name text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.backfill_move(name, array['pending', 'running', 'paused'], 'failed', 'cancelled')
$body$;
comment on function tide.backfill_cancel(text) is 'Ends a job; what it has delivered stays delivered.';

-- Removes a job that has ended.
create or replace function tide.backfill_delete(name text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  perform tide.backfill_move(backfill_delete.name, array['completed', 'failed'], 'failed', null);
  delete from tide.backfill_jobs as j where j.job_name = backfill_delete.name;
end
$body$;
comment on function tide.backfill_delete(text) is 'Removes a job that has ended.';

-- Claims the next chunk of a job for a worker: events of `outbox_name` with after_id < id <= upto_id, `chunk_rows` of
-- them.
-- No row: nothing to do now. Jobs without events left are completed on the way. With `p_pipeline` only that one's jobs.
-- Definer: workers need EXECUTE and no right on the table.
create or replace function tide.backfill_next(p_worker text, p_pipeline text default null, p_lease_seconds integer default 60)
  returns table (
    job_id bigint, job_name text, outbox_name text, pipeline_name text, epoch bigint, after_id bigint, upto_id bigint,
    chunk_rows integer
  )
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_job tide.backfill_jobs%rowtype;
  v_upper bigint;
begin
  if p_lease_seconds is null or p_lease_seconds not between 1 and 86400 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_lease_seconds is out of range', 'Use 1 to 86400.');
  end if;
  loop
    select j.*
      into v_job
      from tide.backfill_jobs as j
     where j.status in ('pending', 'running')
       and (p_pipeline is null or j.pipeline_name = p_pipeline)
       and coalesce(j.claim_expires_at, '-infinity') <= clock_timestamp()
       and coalesce(j.next_chunk_at, '-infinity') <= clock_timestamp()
     order by j.job_id
     limit 1
       for update skip locked;
    if not found then
      return;
    end if;
    -- Rows of transactions that are still open belong to a later chunk.
    select least(h.upper_id, coalesce(v_job.until_id, v_job.to_id))
      into v_upper
      from tide.relay_horizon(v_job.outbox_name) as h;
    select max(c.id), count(*)
      into upto_id, chunk_rows
      from (
        select m.id
          from tide.tide_outbox_messages as m
         where m.outbox_name = v_job.outbox_name
           and m.id > v_job.cursor_id
           and m.id <= v_upper
         order by m.id
         limit v_job.chunk_size
      ) as c;
    if chunk_rows > 0 then
      update tide.backfill_jobs as j
         set status = 'running',
             started_at = coalesce(j.started_at, clock_timestamp()),
             claim_epoch = j.claim_epoch + 1,
             claimed_by = left(p_worker, 200),
             claim_expires_at = clock_timestamp() + p_lease_seconds * interval '1 second'
       where j.job_id = v_job.job_id;
      job_id := v_job.job_id;
      job_name := v_job.job_name;
      outbox_name := v_job.outbox_name;
      pipeline_name := v_job.pipeline_name;
      epoch := v_job.claim_epoch + 1;
      after_id := v_job.cursor_id;
      return next;
      return;
    end if;
    -- An open transaction may still bring a row below the end: then the job is not over, only out of work for now.
    update tide.backfill_jobs as j
       set status = case when v_upper >= coalesce(v_job.until_id, v_job.to_id) then 'completed' else j.status end,
           completed_at = case when v_upper >= coalesce(v_job.until_id, v_job.to_id) then clock_timestamp() end,
           next_chunk_at = clock_timestamp() + interval '1 second'
     where j.job_id = v_job.job_id;
  end loop;
end
$body$;
comment on function tide.backfill_next(text, text, integer) is 'Claims the next chunk of a backfill job for a worker.';

-- Keeps a claim while its chunk is being delivered. False: it is somebody else's by now, or the job was ended.
create or replace function tide.backfill_keep(p_job_id bigint, p_epoch bigint, p_lease_seconds integer default 60)
  returns boolean
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
begin
  update tide.backfill_jobs as j
     set claim_expires_at = clock_timestamp() + least(greatest(p_lease_seconds, 1), 86400) * interval '1 second'
   where j.job_id = p_job_id
     and j.claim_epoch = p_epoch
     and j.claimed_by is not null
     and j.status in ('running', 'paused');
  return found;
end
$body$;
comment on function tide.backfill_keep(bigint, bigint, integer) is 'Keeps the claim on a chunk.';

-- Records a delivered chunk. False, and nothing changed, when the claim is old or the job was ended. A job that was
-- paused
-- meanwhile keeps the progress and stays paused.
create or replace function tide.backfill_advance(p_job_id bigint, p_epoch bigint, p_upto_id bigint, p_rows integer)
  returns boolean
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
begin
  update tide.backfill_jobs as j
     set cursor_id = greatest(j.cursor_id, p_upto_id),
         rows_processed = j.rows_processed + greatest(p_rows, 0),
         claimed_by = null,
         claim_expires_at = null,
         next_chunk_at = clock_timestamp() + j.throttle_ms * interval '1 millisecond',
         status = case when j.status = 'running' and p_upto_id >= coalesce(j.until_id, j.to_id) then 'completed' else j.status end,
         completed_at = case when j.status = 'running' and p_upto_id >= coalesce(j.until_id, j.to_id) then clock_timestamp() end
   where j.job_id = p_job_id
     and j.claim_epoch = p_epoch
     and j.claimed_by is not null
     and j.status in ('running', 'paused')
     and p_upto_id between j.cursor_id and coalesce(j.until_id, j.to_id);
  return found;
end
$body$;
comment on function tide.backfill_advance(bigint, bigint, bigint, integer) is 'Records that a chunk was delivered.';

-- Ends a job with an error. False when the claim is old. backfill_resume goes on with it.
create or replace function tide.backfill_fail(p_job_id bigint, p_epoch bigint, p_error text)
  returns boolean
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
begin
  update tide.backfill_jobs as j
     set status = 'failed', error_message = left(p_error, 4096), claimed_by = null, claim_expires_at = null,
         completed_at = clock_timestamp()
   where j.job_id = p_job_id
     and j.claim_epoch = p_epoch
     and j.claimed_by is not null
     and j.status in ('running', 'paused');
  return found;
end
$body$;
comment on function tide.backfill_fail(bigint, bigint, text) is 'Ends a job with an error.';

-- How far a job is. The time of its end is null until there is a rate to tell it from.
create or replace function tide.backfill_progress(name text)
  returns table (
    rows_processed bigint, total_rows bigint, pct_complete numeric, estimated_completion timestamptz, status text
  )
  language plpgsql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
begin
  return query
    select j.rows_processed,
           j.rows_total,
           case
             when j.status = 'completed' then 100.0
             when coalesce(j.rows_total, 0) = 0 then 0.0
             else round(least(j.rows_processed * 100.0 / j.rows_total, 100), 2)
           end,
           case
             when j.status = 'running' and j.rows_processed > 0 and j.rows_total > j.rows_processed
               then clock_timestamp()
                      + (clock_timestamp() - j.started_at) / j.rows_processed::double precision
                        * (j.rows_total - j.rows_processed)::double precision
           end,
           j.status
      from tide.backfill_jobs as j
     where j.job_name = backfill_progress.name;
  if not found then
    perform tide.fail('PGTIDE_RELAY_NOT_FOUND', format('backfill job not found: %s', left(backfill_progress.name, 63)),
      'select tide.backfill_status() lists the jobs.');
  end if;
end
$body$;
comment on function tide.backfill_progress(text) is 'How far a backfill job is.';

-- A job as an object, or all of them as an array, newest first. Definer: operators look without a right on the table.
create or replace function tide.backfill_status(name text default null)
  returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_jobs jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object('job_id', j.job_id, 'job_name', j.job_name, 'outbox_name', j.outbox_name,
           'pipeline_name', j.pipeline_name, 'status', j.status, 'from_id', j.from_id, 'to_id', j.to_id,
           'chunk_size', j.chunk_size, 'throttle_ms', j.throttle_ms, 'rows_processed', j.rows_processed,
           'rows_total', j.rows_total, 'error_message', j.error_message, 'created_at', j.created_at,
           'started_at', j.started_at, 'paused_at', j.paused_at, 'completed_at', j.completed_at,
           'created_by', j.created_by) order by j.job_id desc), '[]')
    into v_jobs
    from tide.backfill_jobs as j
   where backfill_status.name is null
      or j.job_name = backfill_status.name;
  if backfill_status.name is null then
    return v_jobs;
  end if;
  if v_jobs = '[]' then
    perform tide.fail('PGTIDE_RELAY_NOT_FOUND', format('backfill job not found: %s', left(backfill_status.name, 63)),
      'select tide.backfill_status() lists the jobs.');
  end if;
  return v_jobs -> 0;
end
$body$;
comment on function tide.backfill_status(text) is 'One backfill job, or all of them.';

-- Changes of an event's shape -----------------------------------------------------------------------------------------

-- SHA-256 over the sorted names of columns (or top-level keys), in hexadecimal.
create or replace function tide.relay_schema_fingerprint(p_columns text[])
  returns text
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select encode(sha256(convert_to(coalesce(string_agg(c, ',' order by c collate "C"), ''), 'UTF8')), 'hex')
    from (select distinct unnest(p_columns) as c) as columns
$body$;
comment on function tide.relay_schema_fingerprint(text[]) is 'Fingerprint of a set of column names.';

-- Compares the columns of an event with those known for its topic, and remembers them the first time. `action` is
-- what the pipeline's
-- policy asks for: none (nothing new), warn, pause, dlq, continue. With warn and continue the new shape becomes the
-- known one;
-- with pause and dlq the old stays until relay_schema_accept. Definer: relays need EXECUTE and no right on the table.
create or replace function tide.relay_schema_observe(
  p_pipeline text, p_topic text, p_columns text[], p_policy text default 'warn',
  out action text, out added text[], out removed text[]
)
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_columns text[];
  v_known tide.relay_schema_fingerprints%rowtype;
begin
  perform tide.relay_check_name('pipeline', p_pipeline);
  if p_policy is null or p_policy not in ('warn', 'pause', 'dlq', 'continue') then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: unknown policy', 'Use warn, pause, dlq or continue.');
  end if;
  v_columns := array(select distinct c from unnest(p_columns) as c where c is not null order by c);
  action := 'none';
  added := '{}';
  removed := '{}';
  insert into tide.relay_schema_fingerprints as f (pipeline_name, topic, fingerprint, column_count, column_names, on_schema_change)
  values (p_pipeline, p_topic, tide.relay_schema_fingerprint(v_columns), cardinality(v_columns), v_columns, p_policy)
  on conflict (pipeline_name, topic) do nothing;
  if found then
    return;
  end if;
  select f.* into strict v_known
    from tide.relay_schema_fingerprints as f
   where f.pipeline_name = p_pipeline and f.topic = p_topic
     for update;
  if v_known.fingerprint = tide.relay_schema_fingerprint(v_columns) then
    -- Once a minute says as much as once an event.
    update tide.relay_schema_fingerprints as f
       set last_seen_at = clock_timestamp(), on_schema_change = p_policy
     where f.pipeline_name = p_pipeline and f.topic = p_topic
       and (f.last_seen_at < clock_timestamp() - interval '1 minute' or f.on_schema_change <> p_policy);
    return;
  end if;
  action := p_policy;
  added := array(select unnest(v_columns) except select unnest(v_known.column_names) order by 1);
  removed := array(select unnest(v_known.column_names) except select unnest(v_columns) order by 1);
  if p_policy in ('warn', 'continue') then
    update tide.relay_schema_fingerprints as f
       set fingerprint = tide.relay_schema_fingerprint(v_columns), column_count = cardinality(v_columns),
           column_names = v_columns, on_schema_change = p_policy, last_seen_at = clock_timestamp()
     where f.pipeline_name = p_pipeline and f.topic = p_topic;
  end if;
end
$body$;
comment on function tide.relay_schema_observe(text, text, text[], text) is
  'Compares the columns of an event with the known ones.';

-- Takes a new shape as known, after a look; without columns the next event's. True when there was a shape for that
-- topic.
create or replace function tide.relay_schema_accept(p_pipeline text, p_topic text, p_columns text[] default null)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_columns text[] := array(select distinct c from unnest(p_columns) as c where c is not null order by c);
begin
  if p_columns is null then
    delete from tide.relay_schema_fingerprints as f where f.pipeline_name = p_pipeline and f.topic = p_topic;
  else
    update tide.relay_schema_fingerprints as f
       set fingerprint = tide.relay_schema_fingerprint(v_columns), column_count = cardinality(v_columns),
           column_names = v_columns, last_seen_at = clock_timestamp()
     where f.pipeline_name = p_pipeline and f.topic = p_topic;
  end if;
  return found;
end
$body$;
comment on function tide.relay_schema_accept(text, text, text[]) is
  'Takes the new shape of a topic''s events as known.';

-- Receipts ------------------------------------------------------------------------------------------------------------

-- Deletes receipts that are older than that; returns how many. Definer: relays clean up without the right to delete
-- what they
-- like.
create or replace function tide.relay_truncate_delivery_receipts(p_older_than interval default '24 hours')
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_count bigint;
begin
  if p_older_than is null or p_older_than < interval '0' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_older_than must not be negative', 'Write it like ''24 hours''.');
  end if;
  delete from tide.relay_delivery_receipts as r where r.delivered_at < clock_timestamp() - p_older_than;
  get diagnostics v_count = row_count;
  return v_count;
end
$body$;
comment on function tide.relay_truncate_delivery_receipts(interval) is 'Deletes old receipts; returns how many.';
