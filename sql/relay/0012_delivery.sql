-- What a relay process does in the database: owning pipelines, reading events, recording what became of them.
--
-- Ownership has two halves. The advisory lock of the owner's session goes when that session goes, which hands over in
-- milliseconds. The lease hands over from an owner that is paused or cut off while its session still seems alive. Its epoch only
-- grows, and every write of an owner carries the epoch it was given: one that was replaced changes nothing when it wakes.

-- Reading -----------------------------------------------------------------------------------------------------------------

-- Up to which id rows of an outbox may be read: all that will ever be there are visible to a later snapshot. `last_id` is the last id given
-- out, which is above `upper_id` while a publishing transaction is open.
create or replace function tide.relay_horizon(p_outbox text, out upper_id bigint, out last_id bigint)
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- The sequence first, the locks second: see 0002_publish.sql.
  select case when s.is_called then s.last_value else s.last_value - 1 end
    into strict last_id
    from tide.tide_outbox_messages_id_seq as s;
  select coalesce(min(last_id - ((last_id - l.objid::bigint) & 4294967295)), last_id)
    into upper_id
    from pg_locks as l
   where l.locktype = 'advisory'
     and l.objsubid = 2
     and l.database = (select d.oid from pg_database as d where d.datname = current_database())
     and l.classid in (
           ((tide.fence_class(p_outbox))::bigint & 4294967295)::oid,
           ((tide.fence_class('*'))::bigint & 4294967295)::oid
         )
     and l.granted;
end
$$;

-- The last id given out for any outbox. While it stays, a relay that had nothing to read has nothing to read.
create or replace function tide.relay_last_id()
  returns bigint
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select case when s.is_called then s.last_value else s.last_value - 1 end from tide.tide_outbox_messages_id_seq as s
$$;

-- Who holds the mark of an outbox back: the sessions and prepared transactions that publish to it now, oldest first.
create or replace function tide.relay_holders(p_outbox text)
  returns table (process_id integer, prepared text, since timestamptz, above_id bigint)
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select l.pid,
         p.gid,
         coalesce(a.xact_start, p.prepared),
         s.last_value - ((s.last_value - l.objid::bigint) & 4294967295)
    from pg_locks as l
   cross join tide.tide_outbox_messages_id_seq as s
    left join pg_stat_activity as a on a.pid = l.pid
    left join (
           pg_prepared_xacts as p
           join pg_locks as own
             on own.locktype = 'transactionid' and own.pid is null and own.transactionid = p.transaction
         ) on l.pid is null and own.virtualtransaction = l.virtualtransaction
   where l.locktype = 'advisory'
     and l.objsubid = 2
     and l.database = (select d.oid from pg_database as d where d.datname = current_database())
     and l.classid in (
           ((tide.fence_class(p_outbox))::bigint & 4294967295)::oid,
           ((tide.fence_class('*'))::bigint & 4294967295)::oid
         )
     and l.granted
   order by 4, 3
$$;

-- The next events of an outbox above `p_after`, in order: at most `p_limit`, and about `p_max_bytes` of payload and headers (the first one
-- always). Every row given is durable: when its commit may still be on the way to the disk (a publisher with
-- synchronous_commit = off), the call's own commit takes it there, so that no crash undoes what was delivered.
-- Needs READ COMMITTED, the relay's sessions have it: rows are read in a snapshot later than the horizon's.
-- In the place of what no sink takes comes an envelope without anything in it, which becomes a dead letter: a text of
-- control characters is six times its size when it is written out, and past a gigabyte the server cannot write it at all,
-- which would hold up everything behind it.
create or replace function tide.relay_page(p_outbox text, p_after bigint, p_limit integer, p_max_bytes integer)
  returns table (id bigint, payload text, headers text, created_at text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Bytes as stored, compressed: no more than 2 MiB of text. Larger ones are looked at one by one.
  c_small constant integer := 8192;
  -- 8 MiB of jsonb: a message of 1 MiB, the most that sinks take, is never larger.
  c_most constant integer := 8388608;
  v_upper bigint;
  v_bytes bigint := 0;
  v_found boolean := false;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'invalid argument: pages are read in READ COMMITTED only' using
      errcode = '22023', detail = 'PGTIDE_INVALID_ARGUMENT', hint = 'Call it outside a transaction block.';
  end if;
  select h.upper_id into strict v_upper from tide.relay_horizon(p_outbox) as h;
  if v_upper <= p_after then
    return;
  end if;
  for id, payload, headers, created_at in
    select m.id,
           case when pg_column_size(m.payload) <= c_small then m.payload::text end,
           case when pg_column_size(m.headers) <= c_small then m.headers::text end,
           to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      from tide.tide_outbox_messages as m
     where m.outbox_name = p_outbox
       and m.id > p_after
       and m.id <= v_upper
     order by m.id
     limit p_limit
  loop
    if payload is null or headers is null then
      select case when b.bytes <= c_most then m.payload::text
                  else jsonb_build_object('_cc', true, 'blob', 0, 'size', b.bytes)::text end,
             case when b.bytes <= c_most then m.headers::text else '{}' end
        into payload, headers
        from tide.tide_outbox_messages as m
       cross join lateral (
               select pg_column_size(m.payload #> '{}')::bigint + pg_column_size(m.headers #> '{}') as bytes
             ) as b
       where m.id = relay_page.id;
      exit when not found;
    end if;
    -- Envelopes of large payloads; a jsonb's text has its shortest keys first.
    if payload like '{"\_cc": true,%' then
      payload := tide.relay_claimed_payload(id, payload);
    end if;
    v_bytes := v_bytes + octet_length(payload) + octet_length(headers);
    exit when v_found and v_bytes > p_max_bytes;
    v_found := true;
    return next;
  end loop;
  if v_found then
    perform tide.relay_flush();
  end if;
end
$$;

-- When commits may still be on their way to the disk or to a standby that confirms them, the caller's own commit takes them there.
create or replace function tide.relay_flush()
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() or current_setting('synchronous_standby_names') <> '' then
    perform set_config('synchronous_commit', 'on', true);
    perform pg_logical_emit_message(true, 'tide', '');
  end if;
end
$$;

-- Up to which id the events of an outbox can be read with plain SELECTs: whatever will ever be there is visible to every
-- later statement, and durable once this one has committed. For backlogs, of which relay_page would ask that anew for each page.
create or replace function tide.relay_settled(p_outbox text)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_upper bigint;
begin
  -- In this order: what is flushed has to include what the horizon covers.
  select h.upper_id into strict v_upper from tide.relay_horizon(p_outbox) as h;
  perform tide.relay_flush();
  return v_upper;
end
$$;

-- Waking ------------------------------------------------------------------------------------------------------------------

-- Says that this session has read everything and waits for NOTIFY. Whoever calls it looks at the outbox once more afterwards:
-- an event published in between was not told.
create or replace function tide.relay_sleep(p_outbox text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Never waits: a publisher may be probing at this moment.
  for attempt in 1..3 loop
    exit when pg_try_advisory_lock_shared(hashtext('tide:asleep'), hashtext(p_outbox));
  end loop;
  if tide.relay_holds('tide:awake', p_outbox) then
    perform pg_advisory_unlock(hashtext('tide:awake'), hashtext(p_outbox));
  end if;
end
$$;

-- Says that this session polls, so that publishers need not notify it.
create or replace function tide.relay_wake(p_outbox text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not tide.relay_holds('tide:awake', p_outbox) then
    perform pg_try_advisory_lock(hashtext('tide:awake'), hashtext(p_outbox));
  end if;
  while tide.relay_holds('tide:asleep', p_outbox) loop
    perform pg_advisory_unlock_shared(hashtext('tide:asleep'), hashtext(p_outbox));
  end loop;
end
$$;

-- Whether this very session holds the lock of that name on an outbox.
create or replace function tide.relay_holds(p_lock text, p_outbox text)
  returns boolean
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select
      from pg_locks as l
     where l.locktype = 'advisory'
       and l.objsubid = 2
       and l.pid = pg_backend_pid()
       and l.classid = ((hashtext(p_lock))::bigint & 4294967295)::oid
       and l.objid = ((hashtext(p_outbox))::bigint & 4294967295)::oid
  )
$$;

-- Owning ------------------------------------------------------------------------------------------------------------------

-- Asks for a pipeline. `p_has_lock`: this session holds the pipeline's advisory lock. It is given when nobody owns it, the owner's lease
-- has run out, or the owner held the lock that is ours now, which means that its session is gone. With `acquired` false,
-- `held_by` and `expires_in_ms` say whose it is.
create or replace function tide.relay_lease_acquire(
  p_group text, p_tenant text, p_direction text, p_pipeline text, p_token text, p_label text, p_lease_ms integer, p_has_lock boolean,
  out acquired boolean, out epoch bigint, out held_by text, out expires_in_ms bigint
)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz;
  v_lease tide.relay_leases%rowtype;
begin
  insert into tide.relay_leases as l (relay_group_id, tenant_name, direction, pipeline_id, epoch, expires_at)
  values (p_group, p_tenant, p_direction, p_pipeline, 0, '-infinity')
      on conflict do nothing;
  select l.* into strict v_lease
    from tide.relay_leases as l
   where (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id) = (p_group, p_tenant, p_direction, p_pipeline)
     for update;
  v_now := clock_timestamp();
  acquired := v_lease.owner_token is null or v_lease.expires_at <= v_now or (p_has_lock and v_lease.has_lock)
    -- No lease is that long: the clock was set back, and an owner that lives takes its own anew.
    or v_lease.expires_at > v_now + greatest(interval '10 minutes', 2 * p_lease_ms * interval '1 millisecond');
  if not acquired then
    epoch := v_lease.epoch;
    held_by := v_lease.owner_label;
    expires_in_ms := (extract(epoch from v_lease.expires_at - v_now) * 1000)::bigint;
    return;
  end if;
  epoch := v_lease.epoch + 1;
  held_by := p_label;
  expires_in_ms := p_lease_ms;
  update tide.relay_leases as l
     set epoch = v_lease.epoch + 1,
         owner_token = p_token,
         owner_label = p_label,
         owner_pid = pg_backend_pid(),
         has_lock = p_has_lock,
         acquired_at = v_now,
         expires_at = v_now + p_lease_ms * interval '1 millisecond'
   where (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id) = (p_group, p_tenant, p_direction, p_pipeline);
end
$$;

-- Keeps a pipeline. False: it is somebody else's by now, and nothing was changed.
create or replace function tide.relay_lease_renew(
  p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint, p_lease_ms integer, p_has_lock boolean
)
  returns boolean
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tide.relay_leases as l
     set expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond',
         has_lock = p_has_lock
   where (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id) = (p_group, p_tenant, p_direction, p_pipeline)
     and l.epoch = p_epoch
     and l.owner_token is not null;
  return found;
end
$$;

-- Gives a pipeline back, so that the next owner need not wait.
create or replace function tide.relay_lease_release(
  p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint
)
  returns void
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
  update tide.relay_leases as l
     set owner_token = null, owner_label = null, owner_pid = null, has_lock = false, expires_at = '-infinity'
   where (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id) = (p_group, p_tenant, p_direction, p_pipeline)
     and l.epoch = p_epoch
$$;

-- Recording ---------------------------------------------------------------------------------------------------------------

-- Whether the lease is still of this epoch; if so nobody can take it before this transaction ends, and it is extended when a third
-- of it has passed.
create or replace function tide.relay_fence(
  p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint, p_lease_ms integer
)
  returns boolean
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_expires timestamptz;
begin
  select l.expires_at into v_expires
    from tide.relay_leases as l
   where (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id) = (p_group, p_tenant, p_direction, p_pipeline)
     and l.epoch = p_epoch
     and l.owner_token is not null
     for no key update;
  if not found then
    return false;
  end if;
  -- Beyond the lease it can only be when the clock was set back.
  if v_expires not between clock_timestamp() + p_lease_ms * interval '0.67 millisecond'
                       and clock_timestamp() + p_lease_ms * interval '1.05 millisecond' then
    update tide.relay_leases as l
       set expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond'
     where (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id) = (p_group, p_tenant, p_direction, p_pipeline);
  end if;
  return true;
end
$$;

-- Writes new dead letters: an array of {outbox_id, dedup_key, subject, payload, headers, created_at, error_message, error_kind,
-- attempt_count, source_name, sink_name, order_key}. One that is there unresolved already stays. Gives how many are new.
create or replace function tide.relay_write_dead_letters(p_mode text, p_pipeline text, p_dead jsonb)
  returns bigint
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
  with written as (
    insert into tide.relay_dlq (
      relay_mode, pipeline_name, source_name, sink_name, dedup_key, subject, payload, headers, outbox_id, created_at,
      error_message, error_kind, attempt_count, order_key
    )
    select p_mode, p_pipeline, coalesce(d.source_name, ''), coalesce(d.sink_name, ''), d.dedup_key, d.subject,
           coalesce(d.payload, 'null'), d.headers, d.outbox_id, coalesce(d.created_at, now()),
           coalesce(d.error_message, ''), d.error_kind, coalesce(d.attempt_count, 1), d.order_key
      from jsonb_to_recordset(p_dead) as d (
             outbox_id bigint, dedup_key text, subject text, payload jsonb, headers jsonb, created_at timestamptz,
             error_message text, error_kind text, attempt_count integer, source_name text, sink_name text, order_key text
           )
        on conflict (pipeline_name, dedup_key) where not resolved do nothing
    returning id
  )
  select count(*) from written
$$;

-- Records what became of redelivered dead letters: an array of {id, ok, error_message}.
create or replace function tide.relay_settle_dead_letters(p_pipeline text, p_settled jsonb)
  returns void
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
  with settled as (
    select s.id, s.ok, s.error_message
      from jsonb_to_recordset(p_settled) as s (id bigint, ok boolean, error_message text)
  ), changed as (
    update tide.relay_dlq as d
       set attempt_count = d.attempt_count + 1,
           retried_at = case when s.ok then d.retried_at end,
           resolved = s.ok,
           resolved_at = case when s.ok then now() end,
           resolved_by = case when s.ok then 'relay' end,
           last_failed_at = case when s.ok then d.last_failed_at else now() end,
           error_message = case when s.ok then d.error_message else coalesce(s.error_message, '') end
      from settled as s
     where d.id = s.id
       and d.pipeline_name = p_pipeline
       and not d.resolved
    returning d.id, s.ok, s.error_message
  )
  insert into tide.relay_dlq_history (dlq_id, action, reason)
  select c.id, case when c.ok then 'redelivered' else 'failed' end, c.error_message from changed as c
$$;

-- Records a step of delivery in one transaction: dead letters, redelivered ones, the position, receipts. Gives the position, or NULL
-- when the epoch is old; then nothing was changed. `p_position` NULL leaves the position alone.
-- `p_receipts`: {"sink_type": text, "messages": how many were delivered}, or NULL.
create or replace function tide.relay_commit(
  p_group text, p_tenant text, p_direction text, p_pipeline text, p_epoch bigint, p_lease_ms integer,
  p_outbox text, p_position bigint, p_dead jsonb default null, p_settled jsonb default null, p_receipts jsonb default null
)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_before bigint;
  v_position bigint;
begin
  if not tide.relay_fence(p_group, p_tenant, p_direction, p_pipeline, p_epoch, p_lease_ms) then
    return null;
  end if;
  if p_dead is not null then
    perform tide.relay_write_dead_letters(p_direction, p_pipeline, p_dead);
  end if;
  if p_settled is not null then
    perform tide.relay_settle_dead_letters(p_pipeline, p_settled);
  end if;
  if p_position is null then
    return coalesce(
      (select o.last_change_id from tide.relay_consumer_offsets as o
        where (o.relay_group_id, o.pipeline_id, o.outbox_name) = (p_group, p_pipeline, p_outbox)),
      0
    );
  end if;
  select o.last_change_id into v_before
    from tide.relay_consumer_offsets as o
   where (o.relay_group_id, o.pipeline_id, o.outbox_name) = (p_group, p_pipeline, p_outbox);
  insert into tide.relay_consumer_offsets as o
         (relay_group_id, pipeline_id, outbox_name, last_change_id, worker_id, updated_at, tenant_name)
  values (p_group, p_pipeline, p_outbox, p_position, p_epoch::text, clock_timestamp(), p_tenant)
      on conflict (relay_group_id, pipeline_id, outbox_name) do update
     set last_change_id = greatest(o.last_change_id, excluded.last_change_id),
         worker_id = excluded.worker_id,
         updated_at = excluded.updated_at
  returning o.last_change_id into strict v_position;
  if p_receipts is not null then
    insert into tide.relay_delivery_receipts
           (pipeline_name, outbox_name, first_id, message_id, messages, sink_type, tenant_name)
    values (p_pipeline, p_outbox, least(coalesce(v_before, 0) + 1, v_position), v_position, (p_receipts ->> 'messages')::integer,
            coalesce(p_receipts ->> 'sink_type', ''), p_tenant);
  end if;
  return v_position;
end
$$;

-- Dead letters of a pipeline that somebody asked to be tried again, oldest first.
create or replace function tide.relay_due_dead_letters(p_pipeline text, p_direction text, p_limit integer)
  returns table (
    id bigint, outbox_id bigint, dedup_key text, subject text, payload text, headers text, created_at text, attempt_count integer,
    order_key text, source_name text
  )
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
  select d.id, d.outbox_id, d.dedup_key, d.subject,
         -- What could not be had when the letter was written may be there now.
         case when d.outbox_id is not null and d.payload::text like '{"\_cc": true,%'
              then tide.relay_claimed_payload(d.outbox_id, d.payload::text)
              else d.payload::text end,
         coalesce(d.headers, '{}')::text,
         to_char(d.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), d.attempt_count, d.order_key, d.source_name
    from (
      select l.*,
             row_number() over (order by l.id) as place,
             sum(pg_column_size(l.payload #> '{}')) over (order by l.id) as bytes
        from (
          select w.*
            from tide.relay_dlq as w
           where w.pipeline_name = p_pipeline
             and w.relay_mode = p_direction
             and not w.resolved
             and w.retried_at is not null
             and coalesce(w.next_attempt_at, '-infinity') <= now()
           order by w.id
           limit p_limit
        ) as l
    ) as d
   -- 16 MiB at once: somebody may retry all of a thousand large ones.
   where d.place = 1
      or d.bytes <= 16777216
   order by d.id
$$;

-- Stores what a reverse pipeline received in its inbox: an array of {event_id, source, payload, headers}; new dead letters beside it.
-- One transaction. Gives the ids that were new, each once; nothing at all (no row) when the epoch is old. The row's `stored`
-- is an empty array when everything was there before.
create or replace function tide.relay_store(
  p_group text, p_tenant text, p_pipeline text, p_epoch bigint, p_lease_ms integer, p_inbox text, p_rows jsonb,
  p_dead jsonb default null, p_settled jsonb default null
)
  returns table (stored jsonb)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema text;
begin
  if not tide.relay_fence(p_group, p_tenant, 'reverse', p_pipeline, p_epoch, p_lease_ms) then
    return;
  end if;
  -- The sender is told that it may forget the event: no crash may undo that, whatever this database prefers.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  select c.inbox_schema into v_schema from tide.tide_inbox_config as c where c.inbox_name = p_inbox;
  if not found then
    raise exception 'inbox not found: %', p_inbox using
      errcode = '42704', detail = 'PGTIDE_INBOX_NOT_FOUND', hint = 'Create it: SELECT tide.inbox_create(name).';
  end if;
  if v_schema <> 'tide' and not tide.inbox_is_safe(v_schema, p_inbox || '_inbox') then
    perform tide.inbox_refuse(p_inbox, v_schema);
  end if;
  execute format(
    'with stored as (
       insert into %I.%I (event_id, source, payload, headers)
       select r.event_id, r.source, r.payload, r.headers
         from rows from (jsonb_to_recordset($1) as (event_id text, source text, payload jsonb, headers jsonb)) with ordinality
              as r (event_id, source, payload, headers, place)
        order by r.place
           on conflict (event_id) do nothing
       returning event_id
     )
     select coalesce(jsonb_agg(event_id), ''[]'') from stored',
    v_schema, p_inbox || '_inbox'
  ) into stored using p_rows;
  if p_dead is not null then
    perform tide.relay_write_dead_letters('reverse', p_pipeline, p_dead);
  end if;
  if p_settled is not null then
    perform tide.relay_settle_dead_letters(p_pipeline, p_settled);
  end if;
  return next;
end
$$;

comment on function tide.relay_horizon(text) is 'Up to which id an outbox may be read, and the last id given out.';
comment on function tide.relay_last_id() is 'The last id given out for any outbox.';
comment on function tide.relay_holders(text) is 'Transactions that hold later events of an outbox back, oldest first.';
comment on function tide.relay_page(text, bigint, integer, integer) is 'The next events of an outbox, in order and durable.';
comment on function tide.relay_flush() is 'Has what is committed reach the disk and standbys with the caller''s commit.';
comment on function tide.relay_settled(text) is 'Up to which id an outbox can be read with plain SELECTs.';
comment on function tide.relay_sleep(text) is 'Asks publishers of an outbox to notify.';
comment on function tide.relay_wake(text) is 'Tells publishers of an outbox that nobody has to be notified.';
comment on function tide.relay_holds(text, text) is 'Whether this session holds a lock of that name on an outbox.';
comment on function tide.relay_lease_acquire(text, text, text, text, text, text, integer, boolean) is
  'Asks for a pipeline; says whose it is.';
comment on function tide.relay_lease_renew(text, text, text, text, bigint, integer, boolean) is
  'Keeps a pipeline; false: it is somebody else''s by now.';
comment on function tide.relay_lease_release(text, text, text, text, bigint) is 'Gives a pipeline back.';
comment on function tide.relay_fence(text, text, text, text, bigint, integer) is
  'Whether a lease is still of this epoch; nobody can take it before the transaction ends.';
comment on function tide.relay_write_dead_letters(text, text, jsonb) is 'Writes new dead letters; returns how many.';
comment on function tide.relay_settle_dead_letters(text, jsonb) is 'Records what became of redelivered dead letters.';
comment on function tide.relay_commit(text, text, text, text, bigint, integer, text, bigint, jsonb, jsonb, jsonb) is
  'Records a step of delivery in one transaction; NULL: the epoch is old and nothing was changed.';
comment on function tide.relay_due_dead_letters(text, text, integer) is
  'Dead letters that somebody asked to be tried again, oldest first.';
comment on function tide.relay_store(text, text, text, bigint, integer, text, jsonb, jsonb, jsonb) is
  'Stores events that arrived; no row: the epoch is old and nothing was changed.';
