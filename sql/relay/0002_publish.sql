-- Publishing, and the mark below which the relay may read.
--
-- Ids are given out before commits, so whoever reads "everything above my position" passes by events whose transactions are
-- still open. Therefore each transaction marks where it began: before its first id of an outbox it takes a shared
-- advisory lock whose number is the last id given out by then. The relay reads the sequence, then the lowest
-- such lock, and no row above either. Nobody waits for anybody: publishers share the locks, the relay only looks.
--
-- What makes this right, in this order: (publisher) lock, then id; (relay) sequence, then locks, then rows in a later snapshot. An
-- id that the relay's look at the sequence covers was preceded by its lock, which stands until the transaction has
-- ended for everybody; then its row is visible to the later snapshot, or never will be. Prepared transactions keep
-- their locks. Depends on ids being given out one at a time: the sequence's CACHE must stay 1.

-- The first half of an outbox's lock numbers. '*' stands for inserts that did not come through a function below.
create or replace function tide.fence_class(p_outbox text) returns integer
language sql immutable strict parallel safe
as $$ select pg_catalog.hashtext('tide:outbox:' operator(pg_catalog.||) p_outbox) $$;

-- Marks where this transaction began to publish to an outbox. Once per transaction and outbox: the setting that remembers
-- it is local to the transaction and goes with a rolled-back savepoint, as the lock does.
create or replace function tide.fence_enter(p_outbox text) returns void
language plpgsql volatile
as $$
declare
  v_class integer := tide.fence_class(p_outbox);
  v_name text := 'tide.fence_' || (v_class::bigint & 4294967295)::text;
  v_transaction text := pg_current_xact_id()::text;
  v_last bigint;
  v_mark bigint;
  v_has boolean;
begin
  if current_setting(v_name, true) = v_transaction then
    return;
  end if;
  select case when s.is_called then s.last_value else s.last_value - 1 end
    into strict v_last from tide.tide_outbox_messages_id_seq as s;
  -- Anybody may hold any advisory lock, also alone, and publishers would wait for that. So one that cannot be had at once is
  -- left; a lower mark, which nobody can foresee, says the same and holds readers back a little more.
  v_mark := v_last;
  for v_try in 1..8 loop
    v_has := pg_try_advisory_xact_lock_shared(v_class, (v_mark & 4294967295)::bit(32)::integer);
    exit when v_has;
    v_mark := v_last - 1 - floor(random() * 1000000)::bigint;
  end loop;
  if not v_has then
    perform pg_advisory_xact_lock_shared(v_class, (v_mark & 4294967295)::bit(32)::integer);
  end if;
  perform set_config(v_name, v_transaction, true);
end
$$;

-- Inserts that bypass the functions (a role with INSERT, COPY) are marked too, for every outbox at once: which one they
-- are for is known only after their ids are given out.
create or replace function tide.fence_direct_insert() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform tide.fence_enter('*');
  return null;
end
$$;

create or replace trigger tide_outbox_messages_fence
  before insert on tide.tide_outbox_messages
  for each statement
  when (pg_catalog.current_setting('tide.publishing', true) is distinct from 'on')
  execute function tide.fence_direct_insert();

-- Who publishes: the role chosen by SET ROLE, else the one that logged in. Inside SECURITY DEFINER functions current_user
-- is the owner.
--
-- Refused where neither is the one who calls: while an index, a materialized view or statistics are made, functions run
-- as the table's owner, and whoever maintains it, autovacuum too, lends its name without knowing. Closing a cursor that nobody has
-- is refused there and nowhere else.
create or replace function tide.publisher_identity() returns name
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  begin
    execute 'close "tide: no such cursor"';
  exception
    when invalid_cursor_name then
      null;
    when insufficient_privilege then
      raise exception 'who calls cannot be told while an index, a view or statistics are being made' using
        errcode = '42501', detail = 'PGTIDE_AUTHORIZATION_FAILED', hint = 'Call it from a statement of its own.';
  end;
  return case when current_setting('role') = 'none' then session_user else current_setting('role')::name end;
end
$$;

-- Whether the caller may publish, where the outbox has a list of publishers or the rule is strict.
create or replace function tide.publisher_is_listed(p_outbox text, p_strict boolean) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with caller as (select oid from pg_roles where rolname = tide.publisher_identity())
  select exists (
    select from caller
    where pg_has_role(caller.oid, (select c.relowner from pg_class as c where c.oid = 'tide.outbox_publishers'::regclass), 'MEMBER')
       or (
         exists (
           select from tide.outbox_publishers as p
           join pg_roles as r on r.rolname = p.role_name
           where p.outbox_name = p_outbox and pg_has_role(caller.oid, r.oid, 'MEMBER')
         )
         and (
           not p_strict
           or exists (select from pg_roles as r where r.rolname = 'tide_publisher' and pg_has_role(caller.oid, r.oid, 'MEMBER'))
         )
       )
  )
$$;

-- Everything that must hold before a row is inserted. Raises; returns when publishing may go on.
create or replace function tide.publish_admit(p_name text) returns void
language plpgsql volatile
as $$
declare
  v_enabled boolean;
  v_has_list boolean;
  v_rule text;
begin
  select c.enabled,
         exists (select from tide.outbox_publishers as p where p.outbox_name = c.outbox_name),
         (select s.value from tide.settings as s where s.key = 'publish_acl')
    into v_enabled, v_has_list, v_rule
    from tide.tide_outbox_config as c
   where c.outbox_name = p_name;
  if not found then
    raise exception 'outbox not found: %', coalesce(p_name, 'NULL') using
      errcode = '42704', detail = 'PGTIDE_OUTBOX_NOT_FOUND',
      hint = 'Create it: SELECT tide.outbox_create(name).';
  end if;
  if not v_enabled then
    raise exception 'invalid argument: outbox ''%'' is disabled', p_name using
      errcode = '55000', detail = 'PGTIDE_INVALID_ARGUMENT',
      hint = format('Enable it: SELECT tide.outbox_enable(%L).', p_name);
  end if;
  if (v_has_list or v_rule = 'strict') and not tide.publisher_is_listed(p_name, v_rule = 'strict') then
    raise exception 'role ''%'' is not authorized to publish to outbox ''%''', tide.publisher_identity(), p_name using
      errcode = '42501', detail = 'PGTIDE_PUBLISH_DENIED',
      hint = format('Ask an administrator for: SELECT tide.outbox_grant_publish(%L, %L).', p_name, tide.publisher_identity());
  end if;
  perform tide.fence_enter(p_name);
end
$$;

-- Wakes relays at commit, unless each that reads this outbox is awake: NOTIFY in every transaction costs writers more than
-- half of their speed. Sessions that are awake or asleep say so by advisory locks, which need no row, are seen
-- at once and vanish with their session. Nobody there counts as asleep, so that plain LISTEN works.
-- Probes are given back at once. Two at the same moment may tell each other "asleep", which is one NOTIFY too many.
create or replace function tide.publish_wake(p_name text) returns void
language plpgsql volatile
as $$
declare
  v_outbox integer := hashtext(p_name);
  v_rule text := coalesce(
    nullif(current_setting('tide.notify', true), ''), (select s.value from tide.settings as s where s.key = 'notify')
  );
begin
  if v_rule in ('off', 'never') then
    return;
  end if;
  if v_rule is distinct from 'always' then
    if pg_try_advisory_lock_shared(hashtext('tide:awake'), v_outbox) then
      perform pg_advisory_unlock_shared(hashtext('tide:awake'), v_outbox);
    elsif pg_try_advisory_lock(hashtext('tide:asleep'), v_outbox) then
      perform pg_advisory_unlock(hashtext('tide:asleep'), v_outbox);
      return;
    end if;
  end if;
  -- One notification is on its way for all transactions that overlap: NOTIFY makes commits queue one behind the other. Whoever
  -- was given ids after this one's mark is held back until it ends anyway, and a relay that was woken goes on looking.
  if v_rule is distinct from 'always' and not pg_try_advisory_xact_lock(hashtext('tide:notifying'), v_outbox) then
    return;
  end if;
  perform pg_notify('tide_outbox_new', p_name);
end
$$;

create or replace function tide.publish_check(p_payload jsonb, p_headers jsonb) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'invalid argument: %',
    case when p_payload is null then 'payload is NULL' else 'headers are no JSON object' end
    using errcode = '22023', detail = 'PGTIDE_INVALID_ARGUMENT',
          hint = 'Give a JSON value as payload and a JSON object as headers.';
end
$$;

-- While one of the functions below inserts, tide.publishing says that the mark is made already. It is set and taken away by
-- hand: only a superuser could make it part of a function's definition.

-- Publishes one event in the caller's transaction and gives its id.
create or replace function tide.outbox_publish_id(p_name text, p_payload jsonb, p_headers jsonb default '{}') returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  if p_payload is null or jsonb_typeof(coalesce(p_headers, '{}')) <> 'object' then
    perform tide.publish_check(p_payload, p_headers);
  end if;
  perform tide.publish_admit(p_name);
  perform set_config('tide.publishing', 'on', true);
  insert into tide.tide_outbox_messages (outbox_name, payload, headers)
    values (p_name, p_payload, coalesce(p_headers, '{}'))
    returning id into v_id;
  perform set_config('tide.publishing', '', true);
  perform tide.publish_wake(p_name);
  return v_id;
end
$$;

-- Publishes one event in the caller's transaction. Never overloaded: GRANT EXECUTE ON FUNCTION tide.outbox_publish, without
-- arguments, has to stay possible.
create or replace function tide.outbox_publish(p_name text, p_payload jsonb, p_headers jsonb default '{}') returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_payload is null or jsonb_typeof(coalesce(p_headers, '{}')) <> 'object' then
    perform tide.publish_check(p_payload, p_headers);
  end if;
  perform tide.publish_admit(p_name);
  perform set_config('tide.publishing', 'on', true);
  insert into tide.tide_outbox_messages (outbox_name, payload, headers)
    values (p_name, p_payload, coalesce(p_headers, '{}'));
  perform set_config('tide.publishing', '', true);
  perform tide.publish_wake(p_name);
end
$$;

-- Publishes many events of one outbox, each `{"payload": ..., "headers": {...}}`, in the order given, and gives their ids.
create or replace function tide.outbox_publish_batch(p_name text, p_messages jsonb[]) returns bigint[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
begin
  if exists (
    select from unnest(p_messages) as m(message)
    where jsonb_typeof(message) is distinct from 'object' or not message ? 'payload'
       or jsonb_typeof(coalesce(message -> 'headers', '{}')) <> 'object'
       or exists (select from jsonb_object_keys(case jsonb_typeof(message) when 'object' then message else '{}' end) as k(key)
                  where key not in ('payload', 'headers'))
  ) then
    raise exception 'invalid argument: each message is an object with payload and, if wanted, headers' using
      errcode = '22023', detail = 'PGTIDE_INVALID_ARGUMENT', hint = 'Give {"payload": ..., "headers": {...}} for each event.';
  end if;
  perform tide.publish_admit(p_name);
  perform set_config('tide.publishing', 'on', true);
  with inserted as (
    insert into tide.tide_outbox_messages (outbox_name, payload, headers)
    select p_name, message -> 'payload', coalesce(message -> 'headers', '{}')
      from unnest(p_messages) with ordinality as m(message, place)
     order by place
    returning id
  )
  select coalesce(array_agg(id order by id), '{}') into v_ids from inserted;
  perform set_config('tide.publishing', '', true);
  if cardinality(v_ids) > 0 then
    perform tide.publish_wake(p_name);
  end if;
  return v_ids;
end
$$;

comment on function tide.outbox_publish(text, jsonb, jsonb) is 'Publishes an event in the caller''s transaction.';
comment on function tide.outbox_publish_id(text, jsonb, jsonb) is
  'Publishes an event in the caller''s transaction and gives its id.';
comment on function tide.outbox_publish_batch(text, jsonb[]) is
  'Publishes many events, each {"payload": ..., "headers": {...}}, in the order given, and gives their ids.';

comment on function tide.fence_class(text) is 'First half of the numbers of an outbox''s marks.';
comment on function tide.fence_enter(text) is 'Marks where this transaction began to publish to an outbox.';
comment on function tide.fence_direct_insert() is 'Marks transactions that insert events past the functions.';
comment on function tide.publisher_identity() is 'Who publishes: the role that was set, else the one that logged in.';
comment on function tide.publisher_is_listed(text, boolean) is 'Whether the caller may publish where publishers are listed.';
comment on function tide.publish_admit(text) is 'Checks that the caller may publish now, and marks the transaction.';
comment on function tide.publish_wake(text) is 'Notifies relays at commit, unless all that read the outbox are awake.';
comment on function tide.publish_check(jsonb, jsonb) is 'Says what is wrong with an event.';
