-- Outboxes: making, ending, sweeping them, large payloads, physical storage, and who may publish.
--
-- Functions run with their caller's rights unless they say whose power they lend. Each pins its search path, so that
-- neither a schema in front nor an operator of somebody's own can come between.

-- What all of schema tide shares ---------------------------------------------------------------------------------------

-- Refuses everybody but superusers, administrators of the relay and whoever owns schema tide. For functions that run
-- with the owner's rights and change what others rely on; an EXECUTE granted by mistake is not enough then.
create or replace function tide.relay_require_admin(p_what text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_actor constant name := tide.publisher_identity();
begin
  if exists (select
               from pg_roles as r
              where pg_has_role(v_actor, r.oid, 'member')
                and (r.rolname in ('pg_tide_admin', 'tide_admin')
                     or r.oid = (select n.nspowner from pg_namespace as n where n.nspname = 'tide'))) then
    return;
  end if;
  raise exception using
    errcode = '42501',
    message = format('permission denied: %s needs a superuser, the owner of schema tide or a member of tide_admin', p_what),
    detail = 'PGTIDE_AUTHORIZATION_FAILED',
    hint = format('Ask an administrator, or for: GRANT tide_admin TO %I.', v_actor);
end;
$$;
comment on function tide.relay_require_admin(text) is 'Refuses callers that do not administer the relay.';

-- Adds to the audit of who was allowed what. Runs with its owner's rights, since nobody else writes there.
create or replace function tide.relay_note_security(p_action text, p_role text, p_object text)
  returns void
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  insert into tide.tide_security_audit (action, target_role, target_object, performed_by)
  values (p_action, p_role, p_object, session_user)
$$;
comment on function tide.relay_note_security(text, text, text) is 'Notes a change of rights, with who was logged in.';

create or replace function tide.relay_outbox_missing(p_name text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = '42704',
    message = format('outbox not found: %s', coalesce(p_name, 'NULL')),
    detail = 'PGTIDE_OUTBOX_NOT_FOUND',
    hint = 'Look at tide.tide_outbox_config for the names there are, or create it: SELECT tide.outbox_create(name).';
end;
$$;
comment on function tide.relay_outbox_missing(text) is 'Says that there is no outbox of that name.';

create or replace function tide.relay_refuse(p_message text, p_hint text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = '22023',
    message = 'invalid argument: ' || p_message,
    detail = 'PGTIDE_INVALID_ARGUMENT',
    hint = p_hint;
end;
$$;
comment on function tide.relay_refuse(text, text) is 'Refuses an argument: what is wrong, and what to do instead.';

-- Making and ending ---------------------------------------------------------------------------------------------------

create or replace function tide.outbox_create_if_not_exists(
  p_name text, p_retention_hours integer default 24, p_inline_threshold integer default 10000,
  p_partition_strategy text default 'none'
)
  returns boolean
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.relay_check_name('outbox', p_name);
  if p_retention_hours is null or p_retention_hours < 0 then
    perform tide.relay_refuse('retention hours must not be negative', 'Give 0 to keep only what is not delivered yet.');
  end if;
  if p_inline_threshold is null or p_inline_threshold < 0 then
    perform tide.relay_refuse('inline threshold must not be negative', 'Leave it out; it is kept for older callers.');
  end if;
  if p_partition_strategy is null or p_partition_strategy not in ('none', 'daily', 'weekly', 'monthly') then
    perform tide.relay_refuse('partition strategy must be none, daily, weekly or monthly',
                              'Leave it out; partitions are made by tide.admin_convert_outbox_storage.');
  end if;
  insert into tide.tide_outbox_config (outbox_name, retention_hours, inline_threshold, partition_strategy)
  values (p_name, p_retention_hours, p_inline_threshold, p_partition_strategy)
  on conflict (outbox_name) do nothing;
  if not found then
    return false;
  end if;
  insert into tide.outbox_cleanup_state (outbox_name) values (p_name) on conflict do nothing;
  return true;
end;
$$;
comment on function tide.outbox_create_if_not_exists(text, integer, integer, text) is
  'Makes an outbox unless there is one; true when it did.';

create or replace function tide.outbox_create(
  p_name text, p_retention_hours integer default 24, p_inline_threshold integer default 10000,
  p_partition_strategy text default 'none'
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not tide.outbox_create_if_not_exists(p_name, p_retention_hours, p_inline_threshold, p_partition_strategy) then
    raise exception using
      errcode = '42710',
      message = format('outbox already exists: %s', p_name),
      detail = 'PGTIDE_OUTBOX_ALREADY_EXISTS',
      hint = 'Use it, choose another name, or call tide.outbox_create_if_not_exists.';
  end if;
end;
$$;
comment on function tide.outbox_create(text, integer, integer, text) is 'Makes an outbox.';

-- Removes an outbox with everything in it. Waits for transactions that publish to it (they hold its row by the foreign
-- key) and keeps new ones out; they find no outbox afterwards.
create or replace function tide.outbox_drop(p_name text, p_if_exists boolean default false)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform from tide.tide_outbox_config as c where c.outbox_name = p_name for update;
  if not found then
    if not p_if_exists then
      perform tide.relay_outbox_missing(p_name);
    end if;
    return;
  end if;
  if exists (select from tide.backfill_jobs as j
              where j.outbox_name = p_name and j.status in ('pending', 'running', 'paused')) then
    perform tide.relay_refuse(format('outbox ''%s'' has backfill jobs that are not done', p_name),
                              'Cancel them first: SELECT tide.backfill_cancel(job).');
  end if;
  perform tide.relay_unlink_adopted(p_name, null);
  delete from tide.backfill_jobs as j where j.outbox_name = p_name;
  delete from tide.relay_consumer_offsets as o where o.outbox_name = p_name;
  delete from tide.tide_outbox_config as c where c.outbox_name = p_name;
end;
$$;
comment on function tide.outbox_drop(text, boolean) is 'Removes an outbox, its messages and its consumer groups.';

create or replace function tide.outbox_enable(p_name text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tide.tide_outbox_config as c set enabled = true where c.outbox_name = p_name;
  if not found then
    perform tide.relay_outbox_missing(p_name);
  end if;
end;
$$;
comment on function tide.outbox_enable(text) is 'Lets applications publish to an outbox again.';

create or replace function tide.outbox_disable(p_name text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tide.tide_outbox_config as c set enabled = false where c.outbox_name = p_name;
  if not found then
    perform tide.relay_outbox_missing(p_name);
  end if;
end;
$$;
comment on function tide.outbox_disable(text) is 'Refuses what is published to an outbox; what is in it is still delivered.';

-- The row of tide.outbox_retention_status as an object.
create or replace function tide.outbox_status(p_name text)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_status jsonb;
begin
  select to_jsonb(s) into v_status from tide.outbox_retention_status as s where s.outbox_name = p_name;
  if v_status is null then
    perform tide.relay_outbox_missing(p_name);
  end if;
  return v_status;
end;
$$;
comment on function tide.outbox_status(text) is 'How full an outbox is, how far it was delivered, and what holds it back.';

-- Large payloads ------------------------------------------------------------------------------------------------------

-- Publishes a payload that would make every reader of the table slow, by putting it beside: the row carries an envelope
-- {"_cc": true, "size": bytes, "dedup_key": key, "blob": pieces}, the text lies in tide.outbox_blobs and goes with
-- the row. Smaller ones are published as they are. Lends the owner's right to insert pieces; whether the caller may
-- publish is decided by outbox_publish_id as always.
create or replace function tide.outbox_publish_large(
  p_name text, p_payload jsonb, p_dedup_key text default '', p_threshold_bytes integer default 65536
)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- 256 KiB: a piece fits comfortably into one message of the protocol and one allocation.
  c_piece constant integer := 262144;
  v_headers constant jsonb := case when coalesce(p_dedup_key, '') = '' then '{}'
                                   else jsonb_build_object('dedup_key', p_dedup_key) end;
  v_bytes bytea;
  v_pieces integer;
  v_id bigint;
begin
  if p_payload is null or pg_column_size(p_payload) <= coalesce(p_threshold_bytes, 65536) then
    perform tide.outbox_publish_id(p_name, p_payload, v_headers);
    return;
  end if;
  v_bytes := convert_to(p_payload::text, 'UTF8');
  v_pieces := (length(v_bytes) + c_piece - 1) / c_piece;
  v_id := tide.outbox_publish_id(
    p_name,
    jsonb_build_object('_cc', true, 'size', length(v_bytes), 'dedup_key', coalesce(p_dedup_key, ''), 'blob', v_pieces),
    v_headers);
  insert into tide.outbox_blobs (message_id, seq, data)
  select v_id, s.seq, substr(v_bytes, s.seq * c_piece + 1, c_piece) from generate_series(0, v_pieces - 1) as s (seq);
end;
$$;
comment on function tide.outbox_publish_large(text, jsonb, text, integer) is
  'Publishes an event whose payload may be large; the relay puts it together again.';

-- The large object that holds the payload of a message which pg_tide stored; NULL for every other message.
--
-- The envelope that names a large object is a text of the publisher, who could name anybody's. So rights are lent
-- below only for what an install took over: messages up to that time, objects that it gave to the schema's owner and that
-- bear pg_tide's mark, the grant to pg_read_all_data.
create or replace function tide.relay_adopted_object(p_id bigint)
  returns oid
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $$
  select l.oid
    from tide.tide_outbox_messages as m
    join pg_largeobject_metadata as l
      on l.oid = case
                   when m.payload ->> 'oid' ~ '^[0-9]{1,10}$' then
                     case when (m.payload ->> 'oid')::bigint < 4294967296 then (m.payload ->> 'oid')::bigint::oid end
                 end
     and l.lomowner = (select n.nspowner from pg_namespace as n where n.nspname = 'tide')
   where m.id = p_id
     and m.payload @> '{"_cc": true}'
     and m.id <= (select a.value::bigint from tide.meta as a where a.key = 'adopted_through')
     and exists (select from aclexplode(l.lomacl) as g
                   join pg_roles as r on r.oid = g.grantee
                  where r.rolname = 'pg_read_all_data')
$$;
comment on function tide.relay_adopted_object(bigint) is 'The large object that an adopted message has its payload in.';

-- Its content; NULL when there is none. Lends the owner's right to read what the owner was given.
create or replace function tide.relay_adopted_payload(p_id bigint)
  returns bytea
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select lo_get(tide.relay_adopted_object(p_id))
$$;
comment on function tide.relay_adopted_payload(bigint) is 'What the large object of an adopted message holds.';

-- Removes the large objects of these messages (NULL: of all), which go. Only the owner can, and only what it was given:
-- a pipeline never does, because another one may not have read it yet.
create or replace function tide.relay_unlink_adopted(p_outbox text, p_ids bigint[])
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from tide.meta as a where a.key = 'adopted_through') then
    return;
  end if;
  perform lo_unlink(d.object)
     from (select distinct tide.relay_adopted_object(m.id) as object
             from tide.tide_outbox_messages as m
            where m.outbox_name = p_outbox
              and (p_ids is null or m.id = any (p_ids))
              and m.payload @> '{"_cc": true}') as d
    where d.object is not null;
end;
$$;
comment on function tide.relay_unlink_adopted(text, bigint[]) is
  'Removes the large objects of adopted messages that are about to go.';

-- The payload of a message as text: itself, its pieces put together, or the large object that an older version stored.
-- NULL when there is no such message. A large object that was not taken over is read with the caller's rights.
create or replace function tide.outbox_payload(p_id bigint)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_payload jsonb;
  v_bytes bytea;
begin
  select m.payload into v_payload from tide.tide_outbox_messages as m where m.id = p_id;
  if jsonb_typeof(v_payload) is distinct from 'object' or v_payload -> '_cc' is distinct from 'true'::jsonb then
    return v_payload::text;
  end if;
  select string_agg(b.data, ''::bytea order by b.seq) into v_bytes from tide.outbox_blobs as b where b.message_id = p_id;
  if v_bytes is null and v_payload ->> 'oid' ~ '^[0-9]{1,10}$' then
    v_bytes := coalesce(tide.relay_adopted_payload(p_id), lo_get((v_payload ->> 'oid')::oid));
    -- Whoever wrote it may have written anything.
    return convert_from(v_bytes, 'UTF8')::jsonb::text;
  end if;
  return coalesce(convert_from(v_bytes, 'UTF8'), v_payload::text);
end;
$$;
comment on function tide.outbox_payload(bigint) is 'The whole payload of a message, however it is stored.';

-- What a relay sends for an envelope: the payload, or the envelope when there is nothing to be had for it (forged,
-- removed, not this role's to read, over 64 MiB). The relay makes a dead letter of that one; an error here would stop
-- everything behind it.
create or replace function tide.relay_claimed_payload(p_id bigint, p_envelope text)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_most constant numeric := 67108864;
begin
  if jsonb_typeof(p_envelope::jsonb -> 'size') is distinct from 'number'
     or (p_envelope::jsonb ->> 'size')::numeric > c_most
     -- One that relay_page put in the place of a payload that is too large.
     or not exists (select from tide.tide_outbox_messages as m where m.id = p_id and m.payload @> '{"_cc": true}') then
    return p_envelope;
  end if;
  return coalesce(tide.outbox_payload(p_id), p_envelope);
exception
  when undefined_object or insufficient_privilege or data_exception or program_limit_exceeded then
    return p_envelope;
end;
$$;
comment on function tide.relay_claimed_payload(bigint, text) is
  'The payload that an envelope stands for, or the envelope itself.';

-- Retention -----------------------------------------------------------------------------------------------------------

-- One batch of one outbox. A row goes when it is older than the retention and every reader is past it: pipelines, also
-- disabled ones, and consumer groups; a reader without a position is at 0. While a consumer works on a lease nothing
-- goes. The lock on outbox_cleanup_state comes before the look at positions, and a rewind takes the same one,
-- so a position cannot be moved back below what is being deleted.
create or replace function tide.relay_sweep_one(p_outbox text, p_retention_hours integer, p_batch integer, p_dry_run boolean)
  returns jsonb
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_started constant timestamptz := clock_timestamp();
  v_cutoff constant timestamptz := now() - make_interval(hours => p_retention_hours);
  v_participants bigint;
  v_safe bigint;
  v_blockers jsonb := '[]';
  v_leased boolean;
  v_ids bigint[] := '{}';
  v_more boolean := false;
  v_deleted bigint := 0;
  v_highest bigint;
  v_ms double precision;
begin
  if not p_dry_run then
    insert into tide.outbox_cleanup_state (outbox_name) values (p_outbox) on conflict do nothing;
    perform from tide.outbox_cleanup_state as s where s.outbox_name = p_outbox for update;
  end if;
  select count(*), min(p.safe_offset) into v_participants, v_safe
    from tide.relay_participants as p where p.outbox_name = p_outbox;
  select exists (select from tide.tide_consumer_leases as l
                   join tide.tide_consumer_groups as g on g.group_name = l.group_name
                  where g.outbox_name = p_outbox and l.expires_at > clock_timestamp()) into v_leased;
  if v_leased then
    v_blockers := '[{"type": "active_lease"}]';
  elsif v_participants > 0 then
    select coalesce(jsonb_agg(jsonb_build_object('type', p.kind, 'name', p.name, 'enabled', p.enabled,
                                                 'safe_offset', p.safe_offset) order by p.safe_offset, p.name), '[]')
      into v_blockers
      from tide.relay_participants as p
     where p.outbox_name = p_outbox
       and exists (select from tide.tide_outbox_messages as m
                    where m.outbox_name = p_outbox and m.id > p.safe_offset and m.created_at < v_cutoff);
  end if;
  if v_leased then
    null;
  elsif p_dry_run then
    select coalesce(array_agg(d.id order by d.id), '{}') into v_ids
      from (select m.id from tide.tide_outbox_messages as m
             where m.outbox_name = p_outbox
               and m.created_at < v_cutoff
               and (v_participants = 0 or m.id <= v_safe)
             order by m.id limit p_batch + 1) as d;
  else
    select coalesce(array_agg(d.id order by d.id), '{}') into v_ids
      from (select m.id from tide.tide_outbox_messages as m
             where m.outbox_name = p_outbox
               and m.created_at < v_cutoff
               and (v_participants = 0 or m.id <= v_safe)
             order by m.id limit p_batch + 1 for update skip locked) as d;
  end if;
  v_more := cardinality(v_ids) > p_batch;
  v_ids := v_ids[1:p_batch];
  if not p_dry_run then
    perform tide.relay_unlink_adopted(p_outbox, v_ids);
    delete from tide.tide_outbox_messages as m where m.outbox_name = p_outbox and m.id = any (v_ids);
    get diagnostics v_deleted = row_count;
  end if;
  v_ms := extract(epoch from clock_timestamp() - v_started) * 1000;
  if not p_dry_run then
    update tide.outbox_cleanup_state as s
       set last_success_at = clock_timestamp(),
           last_safe_offset = v_safe,
           highest_deleted_id = greatest(s.highest_deleted_id, v_ids[cardinality(v_ids)]),
           last_batch_rows = v_deleted,
           total_rows_deleted = s.total_rows_deleted + v_deleted,
           last_duration_ms = v_ms,
           last_partition_action = 'none'
     where s.outbox_name = p_outbox;
  end if;
  select s.highest_deleted_id into v_highest from tide.outbox_cleanup_state as s where s.outbox_name = p_outbox;
  return jsonb_build_object(
    'outbox', p_outbox,
    'retention_cutoff', v_cutoff,
    'safe_offset', v_safe,
    'participants', v_participants,
    'blockers', v_blockers,
    'eligible_in_batch', cardinality(v_ids),
    'affected_rows', v_deleted,
    'has_more', v_more,
    'highest_deleted_id', coalesce(v_highest, 0),
    'duration_ms', round(v_ms::numeric, 3),
    'partition_action', 'none');
end;
$$;
comment on function tide.relay_sweep_one(text, integer, integer, boolean) is 'One batch of the sweep of one outbox.';

-- Deletes what is old and delivered, one batch per outbox. Lends the owner's right to delete; what may go is decided
-- here, not by the caller.
create or replace function tide.outbox_sweep(
  p_outbox_name text default null, p_batch_size integer default 1000, p_dry_run boolean default false
)
  returns jsonb
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_outbox record;
  v_outboxes jsonb := '[]';
begin
  if p_batch_size is null or p_batch_size not between 1 and 10000 then
    perform tide.relay_refuse('batch size must be between 1 and 10000', 'Call the sweep again while has_more is true.');
  end if;
  if p_outbox_name is not null
     and not exists (select from tide.tide_outbox_config as c where c.outbox_name = p_outbox_name) then
    perform tide.relay_outbox_missing(p_outbox_name);
  end if;
  for v_outbox in
    select c.outbox_name, c.retention_hours
      from tide.tide_outbox_config as c
     where p_outbox_name is null or c.outbox_name = p_outbox_name
     order by c.outbox_name
  loop
    begin
      v_outboxes := v_outboxes || tide.relay_sweep_one(
        v_outbox.outbox_name, v_outbox.retention_hours, p_batch_size, coalesce(p_dry_run, false));
    exception when others then
      raise exception using
        errcode = sqlstate,
        message = format('outbox sweep failed for ''%s'': %s', v_outbox.outbox_name, sqlerrm),
        detail = 'PGTIDE_SWEEP_FAILED',
        hint = 'Nothing was deleted. Sweep again; when it fails again, look at what holds locks on the outbox.';
    end;
  end loop;
  return jsonb_build_object('batch_size', p_batch_size, 'dry_run', coalesce(p_dry_run, false), 'outboxes', v_outboxes);
end;
$$;
comment on function tide.outbox_sweep(text, integer, boolean) is 'Deletes delivered messages older than the retention.';

create or replace function tide.outbox_truncate_delivered(p_outbox_name text default null)
  returns bigint
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum((o.value ->> 'affected_rows')::bigint), 0)::bigint
    from jsonb_array_elements(tide.outbox_sweep(p_outbox_name, 1000, false) -> 'outboxes') as o
$$;
comment on function tide.outbox_truncate_delivered(text) is 'Deprecated: one sweep of 1000 rows. Use tide.outbox_sweep.';

-- Looking -------------------------------------------------------------------------------------------------------------

-- How many messages of a range, of those that are still there, were delivered by the receipts. Lends the owner's right to read those.
create or replace function tide.outbox_delivery_confirm(
  p_outbox_name text, p_from_id bigint default 0, p_to_id bigint default 9223372036854775807
)
  returns table (confirmed_count bigint, latest_delivered_at timestamptz)
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  with receipts as (
    select range_agg(int8range(coalesce(r.first_id, r.message_id), r.message_id, '[]')) as ids, max(r.delivered_at) as latest
      from tide.relay_delivery_receipts as r
     where r.outbox_name = p_outbox_name
       and r.message_id >= p_from_id
       and coalesce(r.first_id, r.message_id) <= p_to_id
  )
  select (select count(*)
            from tide.tide_outbox_messages as m
           where m.outbox_name = p_outbox_name
             and m.id between p_from_id and p_to_id
             and m.id <@ receipts.ids
             and not exists (select from tide.relay_dlq as d where d.outbox_id = m.id and not d.resolved)),
         receipts.latest
    from receipts
$$;
comment on function tide.outbox_delivery_confirm(text, bigint, bigint) is 'How many messages of a range have receipts.';

create or replace function tide.relay_replay_preview(
  p_outbox text, p_from_id bigint default 0, p_to_id bigint default 9223372036854775807, p_limit integer default 100
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if p_limit is null or p_limit not between 1 and 10000 then
    perform tide.relay_refuse('limit must be between 1 and 10000', 'Look at a long range in parts, from one id to another.');
  end if;
  if not exists (select from tide.tide_outbox_config as c where c.outbox_name = p_outbox) then
    perform tide.relay_outbox_missing(p_outbox);
  end if;
  return coalesce(
    (select jsonb_agg(to_jsonb(d) order by d.id)
       from (select m.id, m.outbox_name, m.payload, m.headers, m.created_at,
                    m.consumed_at is not null or m.id <= coalesce(tide.relay_safe_offset(p_outbox), 0) as consumed
               from tide.tide_outbox_messages as m
              where m.outbox_name = p_outbox
                and m.id between p_from_id and p_to_id
              order by m.id
              limit p_limit) as d),
    '[]');
end;
$$;
comment on function tide.relay_replay_preview(text, bigint, bigint, integer) is 'What a replay of a range would send.';

-- Which key payloads of an outbox are encrypted with. The key itself is never here. Lends the owner's right to write;
-- only administrators may.
create or replace function tide.outbox_encryption_config(
  outbox_name text, kms_provider text, key_id text, algorithm text default 'AES256GCM'
)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform tide.relay_require_admin('outbox_encryption_config');
  if not exists (select from tide.tide_outbox_config as c
                  where c.outbox_name = outbox_encryption_config.outbox_name) then
    perform tide.relay_outbox_missing(outbox_encryption_config.outbox_name);
  end if;
  if outbox_encryption_config.kms_provider is null
     or outbox_encryption_config.kms_provider not in ('aws', 'gcp', 'vault', 'local') then
    perform tide.relay_refuse('kms_provider must be aws, gcp, vault or local', 'Name where the key is kept.');
  end if;
  if outbox_encryption_config.algorithm is distinct from 'AES256GCM' then
    perform tide.relay_refuse('algorithm must be AES256GCM', 'Leave it out.');
  end if;
  if coalesce(outbox_encryption_config.key_id, '') = '' then
    perform tide.relay_refuse('key_id must not be empty', 'Give the name of the key, never the key.');
  end if;
  insert into tide.outbox_encryption_config as e (outbox_name, kms_provider, key_id, algorithm)
  values (outbox_encryption_config.outbox_name, outbox_encryption_config.kms_provider,
          outbox_encryption_config.key_id, outbox_encryption_config.algorithm)
  on conflict on constraint outbox_encryption_config_pkey do update
     set kms_provider = excluded.kms_provider,
         key_id = excluded.key_id,
         algorithm = excluded.algorithm,
         updated_at = now();
  perform tide.relay_note_security('OUTBOX_ENCRYPTION_CONFIG', null, outbox_encryption_config.outbox_name);
end;
$$;
comment on function tide.outbox_encryption_config(text, text, text, text) is 'Notes which key an outbox is encrypted with.';

-- Who may publish -----------------------------------------------------------------------------------------------------

create or replace function tide.relay_check_role(p_role text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if p_role is null or p_role = '' or octet_length(p_role) > 63 or p_role ~ '[[:cntrl:]]' or lower(p_role) = 'public' then
    perform tide.relay_refuse('role name cannot be that of a role', 'Give the name of a role, without quotes.');
  end if;
end;
$$;
comment on function tide.relay_check_role(text) is 'Refuses what cannot be the name of a role.';

create or replace function tide.outbox_grant_publish(p_outbox text, p_role text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.relay_check_name('outbox', p_outbox);
  perform tide.relay_check_role(p_role);
  if not exists (select from tide.tide_outbox_config as c where c.outbox_name = p_outbox) then
    perform tide.relay_outbox_missing(p_outbox);
  end if;
  insert into tide.outbox_publishers (outbox_name, role_name) values (p_outbox, p_role) on conflict do nothing;
  if found then
    perform tide.relay_note_security('GRANT_OUTBOX_PUBLISH', p_role, p_outbox);
  end if;
end;
$$;
comment on function tide.outbox_grant_publish(text, text) is
  'Puts a role on the list of those who may publish to an outbox; from then on only listed ones may.';

create or replace function tide.outbox_revoke_publish(p_outbox text, p_role text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.relay_check_name('outbox', p_outbox);
  perform tide.relay_check_role(p_role);
  delete from tide.outbox_publishers as p where p.outbox_name = p_outbox and p.role_name = p_role;
  if found then
    perform tide.relay_note_security('REVOKE_OUTBOX_PUBLISH', p_role, p_outbox);
  end if;
end;
$$;
comment on function tide.outbox_revoke_publish(text, text) is 'Takes a role off the list of publishers of an outbox.';

-- The older way: INSERT on the message table, which is for all outboxes at once. Lends the owner's right to grant; only
-- administrators may. outbox_grant_publish is what one wants.
create or replace function tide.grant_publish(p_role text, p_outbox text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.relay_require_admin('grant_publish');
  perform tide.relay_check_role(p_role);
  perform tide.relay_check_name('outbox', p_outbox);
  if not exists (select from tide.tide_outbox_config as c where c.outbox_name = p_outbox) then
    perform tide.relay_outbox_missing(p_outbox);
  end if;
  execute format('grant usage on schema tide to %I', p_role);
  execute format('grant insert (outbox_name, payload, headers) on tide.tide_outbox_messages to %I', p_role);
  execute format('grant usage on sequence tide.tide_outbox_messages_id_seq to %I', p_role);
  perform tide.relay_note_security('GRANT_PUBLISH', p_role, p_outbox);
end;
$$;
comment on function tide.grant_publish(text, text) is 'Deprecated: INSERT on all outboxes. Use tide.outbox_grant_publish.';

create or replace function tide.revoke_publish(p_role text, p_outbox text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.relay_require_admin('revoke_publish');
  perform tide.relay_check_role(p_role);
  perform tide.relay_check_name('outbox', p_outbox);
  execute format('revoke insert on tide.tide_outbox_messages from %I', p_role);
  execute format('revoke insert (outbox_name, payload, headers) on tide.tide_outbox_messages from %I', p_role);
  execute format('revoke usage on sequence tide.tide_outbox_messages_id_seq from %I', p_role);
  perform tide.relay_note_security('REVOKE_PUBLISH', p_role, p_outbox);
end;
$$;
comment on function tide.revoke_publish(text, text) is 'Takes back what tide.grant_publish gave.';

-- Storage -------------------------------------------------------------------------------------------------------------
-- One table for all outboxes; when it grows large it can be divided by ranges of ids. Children are named by the number
-- of their range, "_r<n>" holds ids from n x span up to, not including, (n + 1) x span.

-- Makes the child of one range unless it is there. Ids of that range that wait in the default child move over, when
-- they are few: the move and the attachment are one transaction, so no reader misses a row meanwhile. Gives what was
-- done: exists, created, drained, or full (too many rows or too large pieces to move at once).
create or replace function tide.relay_ensure_partition(p_number bigint, p_span bigint)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Rows and bytes of pieces that are moved while publishers wait.
  c_rows constant integer := 1000;
  c_bytes constant bigint := 67108864;
  v_name constant text := format('tide_outbox_messages_r%s', p_number);
  v_from constant bigint := p_number * p_span;
  v_to constant bigint := v_from + p_span;
  v_waiting bigint;
  v_blobs tide.outbox_blobs[];
begin
  if p_number is null or p_number < 0 or p_span is null or p_span < 1
     or to_regclass('tide.tide_outbox_messages_default') is null then
    perform tide.relay_refuse('there is no such range of ids', 'Call tide.outbox_maintain_partitions instead.');
  end if;
  if to_regclass(format('tide.%I', v_name)) is not null then
    return 'exists';
  end if;
  -- Publishers begin with the configuration: whoever holds it alone meets none of them half-way, in a circle.
  lock table tide.tide_outbox_config, tide.tide_outbox_messages_default in access exclusive mode;
  select count(*) into v_waiting
    from (select from tide.tide_outbox_messages_default as d
           where d.id >= v_from and d.id < v_to limit c_rows + 1) as d;
  if v_waiting > c_rows
     or (select coalesce(sum(octet_length(b.data)), 0) from tide.outbox_blobs as b
          where b.message_id >= v_from and b.message_id < v_to) > c_bytes then
    return 'full';
  end if;
  execute format('create table tide.%I (like tide.tide_outbox_messages including defaults including constraints)', v_name);
  if v_waiting > 0 then
    -- Pieces hang on their rows and would go with them.
    select array_agg(b) into v_blobs from tide.outbox_blobs as b where b.message_id >= v_from and b.message_id < v_to;
    execute format(
      'with moved as (delete from tide.tide_outbox_messages_default as d where d.id >= $1 and d.id < $2 returning d.*) '
      || 'insert into tide.%I select moved.* from moved', v_name) using v_from, v_to;
  end if;
  execute format('alter table tide.tide_outbox_messages attach partition tide.%I for values from (%s) to (%s)',
                 v_name, v_from, v_to);
  if v_blobs is not null then
    insert into tide.outbox_blobs select b.* from unnest(v_blobs) as b;
  end if;
  insert into tide.tide_partition_events (event_type, partition, strategy, details)
  values (case when v_waiting > 0 then 'drained' else 'created' end, v_name, 'id_range',
          jsonb_build_object('from', v_from, 'to', v_to, 'rows', v_waiting));
  return case when v_waiting > 0 then 'drained' else 'created' end;
end;
$$;
comment on function tide.relay_ensure_partition(bigint, bigint) is 'Makes the child table of one range of ids.';

-- Looks after the children: makes those that are needed next, moves what landed in the default one, drops old ones that
-- are empty. Publishers wait while it works, so it waits for those that are there at most two seconds and gives up then.
-- Lends the owner's right to alter the table; only administrators may.
create or replace function tide.outbox_maintain_partitions(p_ahead integer default 2, p_dry_run boolean default false)
  returns jsonb
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '2s'
as $$
declare
  v_layout text;
  v_span bigint;
  v_last bigint;
  v_number bigint;
  v_done text;
  v_child record;
  v_created jsonb := '[]';
  v_drained jsonb := '[]';
  v_dropped jsonb := '[]';
  v_full jsonb := '[]';
  v_default_rows bigint;
  v_empty boolean;
begin
  perform tide.relay_require_admin('outbox_maintain_partitions');
  if p_ahead is null or p_ahead not between 0 and 100 then
    perform tide.relay_refuse('p_ahead must be between 0 and 100', 'Two are enough when it runs daily.');
  end if;
  select s.storage_layout, s.partition_span into v_layout, v_span from tide.outbox_storage_config as s;
  if v_layout = 'heap' then
    return '{"storage_layout": "heap", "created": [], "default_partition_rows": 0}';
  elsif v_layout is distinct from 'id_range' then
    perform tide.relay_refuse('the storage of the outboxes is divided by something else than ids',
                              'Copy its rows into a new database, or restore the layout that tide makes.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('pg_tide:partition-maintenance', 0));
  select case when s.is_called then s.last_value else 0 end into v_last from tide.tide_outbox_messages_id_seq as s;
  for v_number in
    select n.number
      from (select distinct d.id / v_span as number from tide.tide_outbox_messages_default as d
             union
            select g.number from generate_series(v_last / v_span, v_last / v_span + p_ahead) as g (number)) as n
     order by n.number
  loop
    if p_dry_run then
      v_done := case when to_regclass(format('tide.tide_outbox_messages_r%s', v_number)) is null then 'created' end;
    else
      v_done := tide.relay_ensure_partition(v_number, v_span);
    end if;
    case v_done
      when 'created' then v_created := v_created || to_jsonb(format('tide_outbox_messages_r%s', v_number));
      when 'drained' then
        v_created := v_created || to_jsonb(format('tide_outbox_messages_r%s', v_number));
        v_drained := v_drained || to_jsonb(format('tide_outbox_messages_r%s', v_number));
      when 'full' then v_full := v_full || to_jsonb(format('tide_outbox_messages_r%s', v_number));
      else null;
    end case;
  end loop;
  for v_child in
    select c.oid, c.relname, substr(c.relname, 23)::bigint as number
      from pg_inherits as i
      join pg_class as c on c.oid = i.inhrelid
     where i.inhparent = 'tide.tide_outbox_messages'::regclass
       and c.relname ~ '^tide_outbox_messages_r[0-9]{1,18}$'
     order by 3
  loop
    continue when v_child.number >= v_last / v_span;
    execute format('select not exists (select from tide.%I)', v_child.relname) into v_empty;
    continue when not v_empty;
    if not p_dry_run then
      -- Ids of this range are all given out, but a transaction that is still open may not have inserted its row yet.
      execute format('lock table tide.tide_outbox_config, tide.tide_outbox_messages, tide.%I in access exclusive mode',
                     v_child.relname);
      execute format('select not exists (select from tide.%I)', v_child.relname) into v_empty;
      continue when not v_empty;
      execute format('alter table tide.tide_outbox_messages detach partition tide.%I', v_child.relname);
      execute format('drop table tide.%I', v_child.relname);
      insert into tide.tide_partition_events (event_type, partition, strategy)
      values ('dropped', v_child.relname, 'id_range');
    end if;
    v_dropped := v_dropped || to_jsonb(v_child.relname);
  end loop;
  select count(*) into v_default_rows from tide.tide_outbox_messages_default;
  if not p_dry_run then
    update tide.outbox_storage_config as s set last_maintenance_at = now(), updated_at = now();
  end if;
  return jsonb_build_object('storage_layout', v_layout, 'dry_run', coalesce(p_dry_run, false), 'created', v_created,
                            'drained', v_drained, 'dropped', v_dropped, 'too_full', v_full,
                            'default_partition_rows', v_default_rows);
exception when lock_not_available then
  raise exception using
    errcode = '55P03',
    message = 'partitions are as they were: the outboxes are in use by a transaction that does not end',
    detail = 'PGTIDE_SPI_ERROR',
    hint = 'Try again; SELECT * FROM tide.relay_holders(outbox) names who publishes for long.';
end;
$$;
comment on function tide.outbox_maintain_partitions(integer, boolean) is 'Makes, drains and drops child tables.';

-- Divides the message table by ranges of ids. Copies every row while nobody publishes or reads, so it asks for a
-- confirmation; the old table stays as tide_outbox_messages_v043_legacy until somebody drops it. What hangs on the table goes over:
-- rights, triggers, and views of the same owner. Lends the owner's rights; only administrators may.
create or replace function tide.admin_convert_outbox_storage(
  p_partition_span bigint default 10000000, p_premake integer default 2, confirm_blocking_copy boolean default false
)
  returns jsonb
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '30s'
as $$
declare
  -- More children than this make every query plan slow.
  c_most constant bigint := 1000;
  v_layout text;
  v_last bigint;
  v_called boolean;
  v_first bigint;
  v_rows bigint;
  v_triggers text[];
  v_grants text[];
  v_views record;
  v_statements text[];
  v_statement text;
  v_number bigint;
  v_index record;
begin
  if confirm_blocking_copy is not true then
    perform tide.relay_refuse('converting the storage copies every message while nobody can publish',
                              'Call it again with confirm_blocking_copy => true when that is acceptable.');
  end if;
  if p_partition_span is null or p_partition_span < 1 or p_premake is null or p_premake not between 0 and 100 then
    perform tide.relay_refuse('the span must be at least 1 and p_premake between 0 and 100', 'Leave both out.');
  end if;
  perform tide.relay_require_admin('admin_convert_outbox_storage');
  perform pg_advisory_xact_lock(hashtextextended('pg_tide:partition-maintenance', 0));
  select s.storage_layout into v_layout from tide.outbox_storage_config as s;
  if v_layout is distinct from 'heap' then
    perform tide.relay_refuse(format('the storage is divided already (%s)', coalesce(v_layout, 'unknown')),
                              'Look after it with tide.outbox_maintain_partitions.');
  end if;
  if to_regclass('tide.tide_outbox_messages_v043_legacy') is not null then
    perform tide.relay_refuse('tide.tide_outbox_messages_v043_legacy is there already', 'Drop it once nobody needs it.');
  end if;
  -- In the order in which publishers and relays take them, so that they wait and none is in a circle with us: publishers
  -- begin with the configuration, relays with the sequence (a new name needs its strongest lock).
  lock table tide.tide_outbox_config in access exclusive mode;
  alter sequence tide.tide_outbox_messages_id_seq rename to tide_outbox_messages_v043_legacy_seq;
  lock table tide.tide_outbox_messages, tide.outbox_blobs in access exclusive mode;
  select s.last_value, s.is_called into v_last, v_called from tide.tide_outbox_messages_v043_legacy_seq as s;
  select coalesce(min(m.id), v_last), count(*) into v_first, v_rows from tide.tide_outbox_messages as m;
  if v_last / p_partition_span - v_first / p_partition_span >= c_most then
    perform tide.relay_refuse(format('a span of %s would need more than %s child tables', p_partition_span, c_most),
                              'Give a larger p_partition_span, or sweep first.');
  end if;
  -- All of this is read before the names change hands, while it still names the table that is to come.
  select coalesce(array_agg(pg_get_triggerdef(t.oid)), '{}') into v_triggers
    from pg_trigger as t
   where t.tgrelid = 'tide.tide_outbox_messages'::regclass and not t.tgisinternal;
  select coalesce(array_agg(distinct g.statement), '{}') into v_grants
    from (select format('grant %s on tide.tide_outbox_messages to %s%s', a.privilege_type,
                        case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
                        case when a.is_grantable then ' with grant option' else '' end) as statement
            from pg_class as c, aclexplode(c.relacl) as a
           where c.oid = 'tide.tide_outbox_messages'::regclass and a.grantee <> c.relowner
           union all
          select format('grant %s (%I) on tide.tide_outbox_messages to %s%s', a.privilege_type, t.attname,
                        case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
                        case when a.is_grantable then ' with grant option' else '' end)
            from pg_attribute as t, aclexplode(t.attacl) as a
           where t.attrelid = 'tide.tide_outbox_messages'::regclass
           union all
          select format('grant %s on sequence tide.tide_outbox_messages_id_seq to %s', a.privilege_type,
                        case a.grantee when 0 then 'public' else a.grantee::regrole::text end)
            from pg_class as c, aclexplode(c.relacl) as a
           where c.oid = 'tide.tide_outbox_messages_v043_legacy_seq'::regclass and a.grantee <> c.relowner) as g;
  select coalesce(array_agg(v.statement) filter (where v.mine), '{}') as statements,
         coalesce(jsonb_agg(v.name) filter (where not v.mine), '[]') as foreign_views
    into v_views
    from (select distinct on (c.oid) c.oid::regclass::text as name,
                 pg_has_role(current_user, c.relowner, 'usage') as mine,
                 format('create or replace view %s%s as %s', c.oid::regclass,
                        case when c.reloptions is null then ''
                             else ' with (' || array_to_string(c.reloptions, ', ') || ')' end,
                        pg_get_viewdef(c.oid)) as statement
            from pg_depend as d
            join pg_rewrite as r on r.oid = d.objid
            join pg_class as c on c.oid = r.ev_class and c.relkind = 'v'
           where d.classid = 'pg_rewrite'::regclass
             and d.refclassid = 'pg_class'::regclass
             and d.refobjid = 'tide.tide_outbox_messages'::regclass) as v;

  alter table tide.outbox_blobs drop constraint if exists outbox_blobs_message_id_fkey;
  alter table tide.tide_outbox_messages alter column id drop identity if exists;
  alter table tide.tide_outbox_messages alter column id drop default;
  drop sequence if exists tide.tide_outbox_messages_v043_legacy_seq;
  alter table tide.tide_outbox_messages drop constraint if exists tide_outbox_messages_outbox_name_fkey;
  alter table tide.tide_outbox_messages rename to tide_outbox_messages_v043_legacy;
  for v_index in
    select c.relname
      from pg_index as i
      join pg_class as c on c.oid = i.indexrelid
     where i.indrelid = 'tide.tide_outbox_messages_v043_legacy'::regclass
  loop
    execute format('alter index tide.%I rename to %I', v_index.relname, left('legacy_' || v_index.relname, 63));
  end loop;

  create sequence tide.tide_outbox_messages_id_seq as bigint cache 1;
  perform setval('tide.tide_outbox_messages_id_seq', v_last, v_called);
  create table tide.tide_outbox_messages (
    id bigint not null default nextval('tide.tide_outbox_messages_id_seq'),
    outbox_name text not null,
    payload jsonb not null,
    headers jsonb not null default '{}',
    created_at timestamptz not null default now(),
    consumed_at timestamptz,
    consumer_group text,
    constraint tide_outbox_messages_pkey primary key (id)
  ) partition by range (id);
  alter sequence tide.tide_outbox_messages_id_seq owned by tide.tide_outbox_messages.id;
  create table tide.tide_outbox_messages_default partition of tide.tide_outbox_messages default;
  for v_number in
    select g.number from generate_series(v_first / p_partition_span, v_last / p_partition_span + p_premake) as g (number)
  loop
    perform tide.relay_ensure_partition(v_number, p_partition_span);
  end loop;
  insert into tide.tide_outbox_messages (id, outbox_name, payload, headers, created_at, consumed_at, consumer_group)
  select l.id, l.outbox_name, l.payload, l.headers, l.created_at, l.consumed_at, l.consumer_group
    from tide.tide_outbox_messages_v043_legacy as l
   order by l.id;
  create index idx_tide_outbox_messages_pending on tide.tide_outbox_messages (outbox_name, id) where consumed_at is null;
  create index idx_tide_outbox_messages_poll on tide.tide_outbox_messages (outbox_name, id);
  create index idx_tide_outbox_messages_cleanup on tide.tide_outbox_messages (outbox_name, created_at, id);
  alter table tide.tide_outbox_messages
    add constraint tide_outbox_messages_outbox_name_fkey foreign key (outbox_name)
    references tide.tide_outbox_config (outbox_name) on delete cascade;
  alter table tide.outbox_blobs
    add constraint outbox_blobs_message_id_fkey foreign key (message_id)
    references tide.tide_outbox_messages (id) on delete cascade;
  foreach v_statement in array v_triggers || v_grants || v_views.statements loop
    execute v_statement;
  end loop;
  analyze tide.tide_outbox_messages;
  update tide.outbox_storage_config as s
     set storage_layout = 'id_range', partition_span = p_partition_span, premake_count = p_premake, updated_at = now();
  insert into tide.tide_partition_events (event_type, partition, strategy, details)
  values ('converted', 'tide_outbox_messages', 'id_range',
          jsonb_build_object('rows', v_rows, 'partition_span', p_partition_span));
  perform pg_notify('tide_partition_events', '{"event": "converted", "outbox": null, "strategy": "id_range"}');
  perform tide.relay_note_security('ADMIN_CONVERT_OUTBOX_STORAGE', null, 'tide_outbox_messages');
  return jsonb_build_object('storage_layout', 'id_range', 'rows_copied', v_rows, 'partition_span', p_partition_span,
                            'premake', p_premake, 'legacy_table', 'tide.tide_outbox_messages_v043_legacy',
                            'views_left', v_views.foreign_views);
end;
$$;
comment on function tide.admin_convert_outbox_storage(bigint, integer, boolean) is
  'Divides the message table by ranges of ids, copying it while nobody can publish.';

create or replace function tide.outbox_convert_to_partitioned(p_name text, p_strategy text default 'daily')
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.relay_refuse('outbox_convert_to_partitioned is deprecated: all outboxes share one table',
                            'Use tide.admin_convert_outbox_storage, which divides that table by ids.');
end;
$$;
comment on function tide.outbox_convert_to_partitioned(text, text) is 'Deprecated; always refuses.';
