-- Consumer groups: readers of an outbox that share its messages among themselves, without a relay.
--
-- A group is at one place: everything up to the highest id that any of its consumers was given or has committed is
-- handed out. What was handed out and not committed stands as a lease, one per consumer; nothing is handed out
-- twice while a lease runs, and when it has run out, whoever polls next takes it over. So a consumer that dies delays its
-- messages by the visibility time and loses none. A poll locks the group's row, which makes polls of one group take
-- turns. New messages are read up to the low-water mark only (0002_publish.sql).
--
-- These functions lend the owner's right to write positions and leases: a consumer needs no right on the tables, and so
-- cannot move anybody's position but through them.

create or replace function tide.relay_group_missing(p_group text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = '42704',
    message = format('consumer group not found: %s', coalesce(p_group, 'NULL')),
    detail = 'PGTIDE_INVALID_ARGUMENT',
    hint = 'Look at tide.tide_consumer_groups, or create it: SELECT tide.create_consumer_group(group, outbox).';
end;
$$;
comment on function tide.relay_group_missing(text) is 'Says that there is no consumer group of that name.';

create or replace function tide.create_consumer_group(
  p_name text, p_outbox text, p_auto_offset_reset text default 'earliest', p_if_not_exists boolean default false
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.relay_check_name('consumer group', p_name);
  if p_auto_offset_reset is null or p_auto_offset_reset not in ('earliest', 'latest', 'none') then
    perform tide.relay_refuse('auto_offset_reset must be earliest, latest or none',
                              'earliest begins with the oldest message, latest with the next one.');
  end if;
  if not exists (select from tide.tide_outbox_config as c where c.outbox_name = p_outbox) then
    perform tide.relay_outbox_missing(p_outbox);
  end if;
  insert into tide.tide_consumer_groups (group_name, outbox_name, auto_offset_reset)
  values (p_name, p_outbox, p_auto_offset_reset)
  on conflict (group_name) do nothing;
  if not found and not coalesce(p_if_not_exists, false) then
    raise exception using
      errcode = '42710',
      message = format('consumer group ''%s'' already exists', p_name),
      detail = 'PGTIDE_INVALID_ARGUMENT',
      hint = 'Use it, choose another name, or give p_if_not_exists => true.';
  end if;
end;
$$;
comment on function tide.create_consumer_group(text, text, text, boolean) is 'Makes a group that reads an outbox.';

create or replace function tide.consumer_group_create(
  p_name text, p_outbox text, p_auto_offset_reset text default 'earliest', p_if_not_exists boolean default false
)
  returns void
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
  select tide.create_consumer_group(p_name, p_outbox, p_auto_offset_reset, p_if_not_exists)
$$;
comment on function tide.consumer_group_create(text, text, text, boolean) is
  'Another name of tide.create_consumer_group.';

create or replace function tide.drop_consumer_group(p_name text, p_if_exists boolean default false)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from tide.tide_consumer_groups as g where g.group_name = p_name;
  if not found and not coalesce(p_if_exists, false) then
    perform tide.relay_group_missing(p_name);
  end if;
end;
$$;
comment on function tide.drop_consumer_group(text, boolean) is 'Removes a group with its positions.';

-- Records that a consumer is done with everything it was given up to `p_last_offset`, and ends its lease. When others of
-- the group were given later messages meanwhile, the rest of the lease is left behind for whoever polls next, because nobody would
-- come by there again.
create or replace function tide.commit_offset(p_group text, p_consumer text, p_last_offset bigint)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_committed bigint;
  v_lease tide.tide_consumer_leases%rowtype;
  v_others bigint;
begin
  if p_consumer is null or p_consumer = '' or p_last_offset is null or p_last_offset < 0 then
    perform tide.relay_refuse('a commit needs a consumer and an offset that is not negative',
                              'Commit the highest outbox_id that you are done with.');
  end if;
  perform from tide.tide_consumer_groups as g where g.group_name = p_group for no key update;
  if not found then
    perform tide.relay_group_missing(p_group);
  end if;
  select o.committed_offset into v_committed
    from tide.tide_consumer_offsets as o
   where o.group_name = p_group and o.consumer_id = p_consumer;
  select l.* into v_lease
    from tide.tide_consumer_leases as l
   where l.group_name = p_group and l.consumer_id = p_consumer;
  -- A lease that was taken over from somebody lies below what this consumer committed before.
  if p_last_offset < v_committed and (v_lease.lease_start is null or p_last_offset < v_lease.lease_start) then
    perform tide.relay_refuse(format('consumer offset %s is lower than the committed offset', p_last_offset),
                              'Positions only grow; tide.admin_rewind_offset moves one back.');
  end if;
  insert into tide.tide_consumer_offsets as o (group_name, consumer_id, committed_offset, last_heartbeat)
  values (p_group, p_consumer, p_last_offset, clock_timestamp())
  on conflict (group_name, consumer_id) do update
     set committed_offset = greatest(o.committed_offset, excluded.committed_offset),
         last_heartbeat = excluded.last_heartbeat;
  select greatest(max(o.committed_offset), max(l.lease_end)) into v_others
    from tide.tide_consumer_offsets as o
    left join tide.tide_consumer_leases as l using (group_name, consumer_id)
   where o.group_name = p_group and o.consumer_id <> p_consumer;
  if v_lease.lease_end > p_last_offset and greatest(v_others, v_committed) > p_last_offset then
    update tide.tide_consumer_leases as l
       set lease_start = greatest(l.lease_start, p_last_offset + 1), expires_at = '-infinity'
     where l.group_name = p_group and l.consumer_id = p_consumer;
    return;
  end if;
  delete from tide.tide_consumer_leases as l where l.group_name = p_group and l.consumer_id = p_consumer;
end;
$$;
comment on function tide.commit_offset(text, text, bigint) is 'Says that a consumer is done up to an id.';

create or replace function tide.consumer_heartbeat(p_group text, p_consumer text)
  returns void
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  update tide.tide_consumer_offsets as o
     set last_heartbeat = clock_timestamp()
   where o.group_name = p_group and o.consumer_id = p_consumer
$$;
comment on function tide.consumer_heartbeat(text, text) is 'Says that a consumer is there; unknown ones are ignored.';

-- Where a group goes on: above everything that was handed out.
create or replace function tide.relay_group_frontier(p_group text)
  returns bigint
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select greatest(max(o.committed_offset), max(l.lease_end))
    from tide.tide_consumer_offsets as o
    left join tide.tide_consumer_leases as l using (group_name, consumer_id)
   where o.group_name = p_group
$$;
comment on function tide.relay_group_frontier(text) is 'The highest id that a group was given or has committed.';

-- Makes a consumer known: where the group is, or, for the first one, where the group's reset policy says.
create or replace function tide.relay_join_group(p_group text, p_consumer text)
  returns text
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_group tide.tide_consumer_groups%rowtype;
  v_start bigint;
begin
  if p_consumer is null or p_consumer = '' then
    perform tide.relay_refuse('a consumer needs a name', 'Give each consumer of a group its own.');
  end if;
  select g.* into v_group from tide.tide_consumer_groups as g where g.group_name = p_group for no key update;
  if not found then
    perform tide.relay_group_missing(p_group);
  end if;
  if exists (select from tide.tide_consumer_offsets as o where o.group_name = p_group and o.consumer_id = p_consumer) then
    return v_group.outbox_name;
  end if;
  -- A newcomer holds nothing back that others are done with.
  select coalesce(
           (select least(min(o.committed_offset), min(l.lease_start) - 1)
              from tide.tide_consumer_offsets as o
              left join tide.tide_consumer_leases as l using (group_name, consumer_id)
             where o.group_name = p_group),
           case v_group.auto_offset_reset
             when 'earliest' then 0
             when 'latest' then (select h.upper_id from tide.relay_horizon(v_group.outbox_name) as h)
           end)
    into v_start;
  if v_start is null then
    perform tide.relay_refuse(format('consumer group ''%s'' has no offset and its policy is none', p_group),
                              'Commit the offset to begin at: SELECT tide.commit_offset(group, consumer, offset).');
  end if;
  insert into tide.tide_consumer_offsets (group_name, consumer_id, committed_offset) values (p_group, p_consumer, v_start);
  return v_group.outbox_name;
end;
$$;
comment on function tide.relay_join_group(text, text) is 'Makes a consumer known to its group; gives the outbox.';

-- The next messages for a consumer, leased to it for `p_visibility_seconds`. A consumer that polls again before it
-- commits gets the same ones; then come messages whose lease ran out, then new ones.
create or replace function tide.poll_outbox(
  p_group text, p_consumer text, p_batch_size integer default 100, p_visibility_seconds integer default 30
)
  returns table (outbox_id bigint, payload jsonb, headers jsonb, created_at timestamptz)
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_outbox text;
  v_upper bigint;
  v_lease tide.tide_consumer_leases%rowtype;
  v_from bigint;
  v_to bigint;
  v_ids bigint[];
begin
  if p_batch_size is null or p_batch_size not between 1 and 10000 then
    perform tide.relay_refuse('batch size must be between 1 and 10000', 'Poll more often instead.');
  end if;
  if p_visibility_seconds is null or p_visibility_seconds < 1 then
    perform tide.relay_refuse('visibility must be at least 1 second', 'Give the longest time that a batch may take.');
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    perform tide.relay_refuse('messages are polled in READ COMMITTED only',
                              'A snapshot from before the poll would miss what was committed meanwhile.');
  end if;
  v_outbox := tide.relay_join_group(p_group, p_consumer);
  -- The mark first, the rows in a later snapshot.
  select h.upper_id into strict v_upper from tide.relay_horizon(v_outbox) as h;

  select l.* into v_lease from tide.tide_consumer_leases as l where l.group_name = p_group and l.consumer_id = p_consumer;
  if not found then
    select l.* into v_lease
      from tide.tide_consumer_leases as l
     where l.group_name = p_group and l.expires_at <= clock_timestamp()
     order by l.lease_start
     limit 1;
  end if;
  v_from := coalesce(v_lease.lease_start - 1, tide.relay_group_frontier(p_group));
  v_to := least(v_upper, v_lease.lease_end);
  select coalesce(array_agg(d.id order by d.id), '{}') into v_ids
    from (select m.id from tide.tide_outbox_messages as m
           where m.outbox_name = v_outbox and m.id > v_from and m.id <= v_to
           order by m.id limit p_batch_size) as d;

  if v_lease.lease_start is not null then
    -- What is left of an older lease stays one that has run out, in its owner's name, until somebody takes it.
    delete from tide.tide_consumer_leases as l
     where l.group_name = p_group and l.consumer_id = v_lease.consumer_id
       and (v_lease.consumer_id = p_consumer or coalesce(v_ids[cardinality(v_ids)] >= v_lease.lease_end, true)
            or cardinality(v_ids) < p_batch_size);
    update tide.tide_consumer_leases as l
       set lease_start = v_ids[cardinality(v_ids)] + 1
     where l.group_name = p_group and l.consumer_id = v_lease.consumer_id and v_lease.consumer_id <> p_consumer;
  end if;
  if cardinality(v_ids) = 0 then
    if v_lease.lease_start is not null then
      -- The messages of that lease are gone; there may be others.
      return query select p.* from tide.poll_outbox(p_group, p_consumer, p_batch_size, p_visibility_seconds) as p;
      return;
    end if;
    -- Nothing to do and nothing held: an idle consumer must not hold the sweep back.
    update tide.tide_consumer_offsets as o
       set committed_offset = greatest(o.committed_offset, v_from), last_heartbeat = clock_timestamp()
     where o.group_name = p_group and o.consumer_id = p_consumer;
    return;
  end if;
  insert into tide.tide_consumer_leases as l (group_name, consumer_id, lease_start, lease_end, expires_at)
  values (p_group, p_consumer, v_ids[1],
          -- Its own lease keeps its end, however few are asked for this time.
          case when v_lease.consumer_id = p_consumer then v_lease.lease_end else v_ids[cardinality(v_ids)] end,
          clock_timestamp() + make_interval(secs => p_visibility_seconds));
  update tide.tide_consumer_offsets as o
     set last_heartbeat = clock_timestamp()
   where o.group_name = p_group and o.consumer_id = p_consumer;
  return query
    select m.id, m.payload, m.headers, m.created_at
      from tide.tide_outbox_messages as m
     where m.id = any (v_ids)
     order by m.id;
end;
$$;
comment on function tide.poll_outbox(text, text, integer, integer) is
  'The next messages of a group for one of its consumers, leased to it.';

-- Leases by hand, for readers that choose their messages themselves. False when somebody else of the group holds a part.
create or replace function tide.consumer_lease_acquire(
  p_group text, p_consumer text, p_start bigint, p_end bigint, p_visibility_seconds integer default 30
)
  returns boolean
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if p_start is null or p_end is null or p_start < 1 or p_end < p_start
     or p_visibility_seconds is null or p_visibility_seconds < 1 then
    perform tide.relay_refuse('a lease goes from an id to the same or a higher one and lasts at least 1 second',
                              'Give the ids of the first and the last message.');
  end if;
  perform tide.relay_join_group(p_group, p_consumer);
  if exists (select from tide.tide_consumer_leases as l
              where l.group_name = p_group and l.consumer_id <> p_consumer
                and l.lease_start <= p_end and l.lease_end >= p_start
                and l.expires_at > clock_timestamp()) then
    return false;
  end if;
  insert into tide.tide_consumer_leases as l (group_name, consumer_id, lease_start, lease_end, expires_at)
  values (p_group, p_consumer, p_start, p_end, clock_timestamp() + make_interval(secs => p_visibility_seconds))
  on conflict (group_name, consumer_id) do update
     set lease_start = least(l.lease_start, excluded.lease_start),
         lease_end = greatest(l.lease_end, excluded.lease_end),
         expires_at = excluded.expires_at;
  return true;
end;
$$;
comment on function tide.consumer_lease_acquire(text, text, bigint, bigint, integer) is
  'Leases a range of messages; false when another consumer of the group holds a part of it.';

create or replace function tide.consumer_lease_extend(p_group text, p_consumer text, p_visibility_seconds integer default 30)
  returns boolean
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if p_visibility_seconds is null or p_visibility_seconds < 1 then
    perform tide.relay_refuse('visibility must be at least 1 second', 'Give the time that the rest of the batch may take.');
  end if;
  perform from tide.tide_consumer_groups as g where g.group_name = p_group for no key update;
  update tide.tide_consumer_leases as l
     set expires_at = clock_timestamp() + make_interval(secs => p_visibility_seconds)
   where l.group_name = p_group and l.consumer_id = p_consumer and l.expires_at <> '-infinity';
  return found;
end;
$$;
comment on function tide.consumer_lease_extend(text, text, integer) is
  'Keeps a lease for longer; false when it is gone to somebody else.';

-- Gives messages back unprocessed: whoever polls next gets them.
create or replace function tide.consumer_lease_release(p_group text, p_consumer text)
  returns boolean
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform from tide.tide_consumer_groups as g where g.group_name = p_group for no key update;
  update tide.tide_consumer_leases as l
     set expires_at = '-infinity'
   where l.group_name = p_group and l.consumer_id = p_consumer;
  return found;
end;
$$;
comment on function tide.consumer_lease_release(text, text) is 'Gives leased messages back; false when there are none.';

-- Moving back ---------------------------------------------------------------------------------------------------------

-- What both rewinds refuse before they look at anything.
create or replace function tide.relay_check_rewind(p_what text, p_target bigint, p_confirmed boolean)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if p_confirmed is not true then
    perform tide.relay_refuse(format('%s delivers messages again', p_what),
                              'Call it again with confirm_reprocessing => true when the receivers can take that.');
  end if;
  if p_target is null or p_target < 0 then
    perform tide.relay_refuse('target offset must not be negative', 'Give 0 to begin with the oldest message.');
  end if;
  perform tide.relay_require_admin(p_what);
end;
$$;
comment on function tide.relay_check_rewind(text, bigint, boolean) is 'Confirmation, target and caller of a rewind.';

-- That a position can go back to `p_target`: not forward, and not to where messages are deleted. Takes the row that a
-- sweep takes first, so nothing is deleted in between.
create or replace function tide.relay_check_rewind_target(p_outbox text, p_current bigint, p_target bigint)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
begin
  if p_target > p_current then
    perform tide.relay_refuse(format('target offset %s is higher than the current offset %s', p_target, p_current),
                              'A rewind goes back; messages are skipped by committing.');
  end if;
  select s.highest_deleted_id into v_deleted
    from tide.outbox_cleanup_state as s where s.outbox_name = p_outbox for update;
  if p_target < v_deleted then
    perform tide.relay_refuse(format('target offset %s is below %s, up to which messages are deleted', p_target, v_deleted),
                              format('Rewind to %s or higher.', v_deleted));
  end if;
end;
$$;
comment on function tide.relay_check_rewind_target(text, bigint, bigint) is 'Whether a position can go back to an id.';

create or replace function tide.admin_rewind_offset(
  p_group_name text, p_consumer_id text, p_target_offset bigint, confirm_reprocessing boolean default false
)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_outbox text;
  v_current bigint;
begin
  perform tide.relay_check_rewind('admin_rewind_offset', p_target_offset, confirm_reprocessing);
  -- Sweep and rewind meet at outbox_cleanup_state; polls and commits at the group's row, which therefore comes second.
  select g.outbox_name into v_outbox from tide.tide_consumer_groups as g where g.group_name = p_group_name;
  perform from tide.outbox_cleanup_state as s where s.outbox_name = v_outbox for update;
  perform from tide.tide_consumer_groups as g where g.group_name = p_group_name for no key update;
  select o.committed_offset into v_current
    from tide.tide_consumer_offsets as o
   where o.group_name = p_group_name and o.consumer_id = p_consumer_id
     for update;
  if not found then
    perform tide.relay_refuse(format('consumer ''%s'' of group ''%s'' has no offset', p_consumer_id, p_group_name),
                              'Look at tide.consumer_lag for those there are.');
  end if;
  perform tide.relay_check_rewind_target(v_outbox, v_current, p_target_offset);
  perform set_config('tide.offset_rewind', 'on', true);
  update tide.tide_consumer_offsets as o
     set committed_offset = p_target_offset
   where o.group_name = p_group_name and o.consumer_id = p_consumer_id;
  perform set_config('tide.offset_rewind', '', true);
  -- What lies between is handed out again, to whoever polls next, whatever other consumers have committed.
  if v_current > p_target_offset then
    insert into tide.tide_consumer_leases as l (group_name, consumer_id, lease_start, lease_end, expires_at)
    values (p_group_name, p_consumer_id, p_target_offset + 1, v_current, '-infinity')
    on conflict (group_name, consumer_id) do update
       set lease_start = least(l.lease_start, excluded.lease_start),
           lease_end = greatest(l.lease_end, excluded.lease_end),
           expires_at = '-infinity';
  end if;
  perform tide.relay_note_security('ADMIN_REWIND_OFFSET', null,
                                   format('%s/%s %s->%s', p_group_name, p_consumer_id, v_current, p_target_offset));
end;
$$;
comment on function tide.admin_rewind_offset(text, text, bigint, boolean) is
  'Moves a consumer back, so that its group gets those messages again.';

create or replace function tide.consumer_offset_rewind(
  p_group text, p_consumer text, p_target bigint, confirm_reprocessing boolean default false
)
  returns void
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
  select tide.admin_rewind_offset(p_group, p_consumer, p_target, confirm_reprocessing)
$$;
comment on function tide.consumer_offset_rewind(text, text, bigint, boolean) is
  'Deprecated name of tide.admin_rewind_offset.';

-- Moves a pipeline back. It must be disabled and nobody may own it: the lock that its relay holds is tried, and its lease looked at.
create or replace function tide.admin_rewind_relay_offset(
  p_relay_group_id text, p_pipeline_id text, p_outbox_name text, p_target_offset bigint,
  confirm_reprocessing boolean default false
)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_current bigint;
  v_tenant text;
begin
  perform tide.relay_check_rewind('admin_rewind_relay_offset', p_target_offset, confirm_reprocessing);
  perform from tide.outbox_cleanup_state as s where s.outbox_name = p_outbox_name for update;
  select o.last_change_id, o.tenant_name into v_current, v_tenant
    from tide.relay_consumer_offsets as o
   where (o.relay_group_id, o.pipeline_id, o.outbox_name) = (p_relay_group_id, p_pipeline_id, p_outbox_name)
     for update;
  if not found then
    perform tide.relay_refuse(format('pipeline ''%s'' of relay group ''%s'' has no offset for outbox ''%s''',
                                     p_pipeline_id, p_relay_group_id, p_outbox_name),
                              'Look at tide.relay_pipeline_lag for those there are.');
  end if;
  perform tide.relay_check_rewind_target(p_outbox_name, v_current, p_target_offset);
  if exists (select from tide.relay_outbox_config as c where c.name = p_pipeline_id and c.enabled) then
    perform tide.relay_refuse(format('pipeline ''%s'' is enabled', p_pipeline_id),
                              format('Disable it first: SELECT tide.relay_disable(%L).', p_pipeline_id));
  end if;
  if not pg_try_advisory_xact_lock(hashtext(p_relay_group_id), hashtext(v_tenant || ':forward:' || p_pipeline_id))
     or exists (select from tide.relay_leases as l
                 where (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id)
                     = (p_relay_group_id, v_tenant, 'forward', p_pipeline_id)
                   and l.owner_token is not null
                   and l.expires_at > clock_timestamp()) then
    raise exception using
      errcode = '55000',
      message = format('invalid argument: pipeline ''%s'' is still owned by a relay', p_pipeline_id),
      detail = 'PGTIDE_INVALID_ARGUMENT',
      hint = 'A relay lets go a moment after the pipeline is disabled; try again then.';
  end if;
  perform set_config('tide.offset_rewind', 'on', true);
  update tide.relay_consumer_offsets as o
     set last_change_id = p_target_offset, updated_at = clock_timestamp()
   where (o.relay_group_id, o.pipeline_id, o.outbox_name) = (p_relay_group_id, p_pipeline_id, p_outbox_name);
  perform set_config('tide.offset_rewind', '', true);
  perform tide.relay_note_security(
    'ADMIN_REWIND_RELAY_OFFSET', null,
    format('%s/%s/%s %s->%s', p_relay_group_id, p_pipeline_id, p_outbox_name, v_current, p_target_offset));
end;
$$;
comment on function tide.admin_rewind_relay_offset(text, text, text, bigint, boolean) is
  'Moves a disabled pipeline back, so that it delivers again what lies between.';
