-- Inboxes: events that arrived, once each, and what became of them.
--
-- An inbox is a table "<name>_inbox" of its own, in schema tide or another one. Sender and network may deliver an event
-- twice; the unique event_id makes it one row. A consumer claims rows, works, and marks them in the transaction of its
-- own effect, so that effect and mark come or go together.
--
-- Whose rights. Applications hold no right on the tables: the functions below lend the owner's, for one inbox at a time,
-- and a relay stores events with its own. Whoever owns the schema of an inbox could put another table in its place, with
-- triggers that run with those rights; and by renaming schemas even between a look at the table and its use. So an inbox
-- stands only in a schema that belongs to a superuser or to somebody who can act as the owner of schema tide anyway, and every
-- use looks whether that is still so.

-- Failing -------------------------------------------------------------------------------------------------------------

-- Raises an error the way all functions of this schema do: SQLSTATE by kind, the machine's code as DETAIL, what to do
-- next as HINT.
create or replace function tide.fail(p_code text, p_message text, p_hint text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  raise exception using
    errcode = case
                when p_code like '%\_ALREADY\_EXISTS' then '42710'
                when p_code like '%\_NOT\_FOUND' then '42704'
                when p_code in ('PGTIDE_PUBLISH_DENIED', 'PGTIDE_AUTHORIZATION_FAILED') then '42501'
                when p_code = 'PGTIDE_CONFIG_UNSUPPORTED_SURFACE' then '0A000'
                else '22023'
              end,
    message = p_message,
    detail = p_code,
    hint = coalesce(p_hint, 'Correct the argument and call again.');
end
$body$;
comment on function tide.fail(text, text, text) is 'Raises an error with a machine code and what to do next.';

-- Making and dropping ------------------------------------------------------------------------------------------------

-- Refuses a name that an inbox cannot have, or that leaves no room for "_inbox".
create or replace function tide.inbox_check_name(p_name text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_name is null or p_name !~ '^[A-Za-z_][A-Za-z0-9_-]{0,56}$' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the inbox name is not valid',
      'Use a letter or underscore, then letters, digits, underscores and hyphens; at most 57 in all.');
  end if;
end
$body$;
comment on function tide.inbox_check_name(text) is 'Refuses what cannot be the name of an inbox.';

-- Whether the table of an inbox can be used: whoever can drop or rename it, or its schema, has the rights that are lent
-- anyway. NULL for the table's name: of the schema alone.
create or replace function tide.inbox_is_safe(p_schema text, p_table text)
  returns boolean
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select exists (
    select
      from pg_namespace as n
      join pg_namespace as t
        on t.nspname = 'tide'
      join pg_database as d
        on d.datname = current_database()
      join pg_roles as o
        on o.oid = case n.nspowner when 'pg_database_owner'::regrole then d.datdba else n.nspowner end
     where n.nspname = p_schema
       and (o.rolsuper or pg_has_role(o.oid, t.nspowner, 'member'))
       and (p_table is null
            or exists (select
                         from pg_class as c
                        where c.relnamespace = n.oid
                          and c.relname = p_table
                          and c.relkind in ('r', 'p')
                          and c.relowner = t.nspowner))
  )
$body$;
comment on function tide.inbox_is_safe(text, text) is 'Whether nobody can put another table in an inbox''s place.';

create or replace function tide.inbox_refuse(p_inbox text, p_schema text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.fail('PGTIDE_AUTHORIZATION_FAILED',
    format('authorization check failed for inbox ''%s'': others can replace its table', p_inbox),
    format('Give schema %I and the table to the owner of schema tide, after a look at triggers; or make the inbox in schema tide.',
      p_schema))
$body$;
comment on function tide.inbox_refuse(text, text) is 'Refuses an inbox whose table others can replace.';

-- Refuses to make a table in `p_schema` for a caller who could not make one there, and where this schema's owner
-- cannot.
create or replace function tide.inbox_check_schema(p_schema text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_schema is null or p_schema !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' or p_schema like 'pg\_%' or p_schema = 'information_schema' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the schema name is not valid',
      'Use a letter or underscore, then letters, digits and underscores; system schemas cannot hold an inbox.');
  end if;
  if p_schema = 'tide' then
    return;
  end if;
  if to_regnamespace(quote_ident(p_schema)) is null then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: there is no schema "%s"', p_schema),
      format('Create it first: create schema %I;', p_schema));
  end if;
  if not has_schema_privilege(tide.publisher_identity(), quote_ident(p_schema), 'create') then
    perform tide.fail('PGTIDE_AUTHORIZATION_FAILED',
      format('role "%s" may not create tables in schema "%s"', tide.publisher_identity(), p_schema),
      format('Ask its owner for: grant create on schema %I to %I;', p_schema, tide.publisher_identity()));
  end if;
  if not tide.inbox_is_safe(p_schema, null) then
    perform tide.fail('PGTIDE_AUTHORIZATION_FAILED',
      format('the owner of schema "%s" could replace the inbox''s table by another one', p_schema),
      format('Make the inbox in schema tide; or: alter schema %I owner to %I;', p_schema, current_user));
  end if;
  if not has_schema_privilege(current_user, quote_ident(p_schema), 'create')
     or not has_schema_privilege(current_user, quote_ident(p_schema), 'usage') then
    perform tide.fail('PGTIDE_AUTHORIZATION_FAILED',
      format('the owner of schema tide may not create tables in schema "%s"', p_schema),
      format('Ask its owner for: grant usage, create on schema %I to %I;', p_schema, current_user));
  end if;
end
$body$;
comment on function tide.inbox_check_schema(text) is 'Refuses schemas in which the caller could not make a table.';

-- Makes inbox_pending anew: one branch per inbox whose table is where it belongs. Takes a lock that makes calls wait
-- for
-- each other, and for a moment one that readers of the view wait for. Definer: the view must be the schema owner's,
-- whoever
-- calls. (Who drops a schema with an inbox in it by CASCADE drops this view too; this makes it again, without its
-- grants.)
create or replace function tide.inbox_rebuild_view()
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '10s'
as $body$
declare
  v_branches text;
begin
  perform pg_advisory_xact_lock(hashtextextended('pgkeep:tide:inbox_pending', 0));
  select string_agg(format(
           'select %L::text as inbox_name, t.event_id, t.source, t.payload, t.headers, t.received_at, t.retry_count,'
           ' t.last_error from %I.%I as t where t.processed_at is null',
           i.inbox_name, i.inbox_schema, i.inbox_name || '_inbox'), ' union all ' order by i.inbox_name)
    into v_branches
    from tide.tide_inbox_config as i
    join pg_namespace as n
      on n.nspname = i.inbox_schema
    join pg_class as c
      on c.relnamespace = n.oid
     and c.relname = i.inbox_name || '_inbox'
     and c.relkind in ('r', 'p')
     and c.relowner = (select r.oid from pg_roles as r where r.rolname = current_user)
     and (i.inbox_schema = 'tide' or tide.inbox_is_safe(i.inbox_schema, null))
   -- A table of another shape, which an older product may have left, must not keep the schema from being installed.
   where (
           select count(*)
             from pg_attribute as a
            where a.attrelid = c.oid
              and not a.attisdropped
              and (a.attname, a.atttypid::regtype::text) in (
                    ('event_id', 'text'), ('source', 'text'), ('payload', 'jsonb'), ('headers', 'jsonb'),
                    ('received_at', 'timestamp with time zone'), ('processed_at', 'timestamp with time zone'),
                    ('retry_count', 'integer'), ('last_error', 'text')
                  )
         ) = 8;
  execute 'create or replace view tide.inbox_pending with (security_barrier = true) as '
    || coalesce(v_branches,
         'select null::text as inbox_name, null::text as event_id, null::text as source, null::jsonb as payload,'
         ' null::jsonb as headers, null::timestamptz as received_at, null::integer as retry_count,'
         ' null::text as last_error where false');
end
$body$;
comment on function tide.inbox_rebuild_view() is 'Makes the view inbox_pending over the inboxes that there are.';

-- Gives a table the columns that claims need. For inboxes that pg_tide made.
create or replace function tide.inbox_add_columns(p_schema text, p_table text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if not exists (
       select from pg_attribute as a
        where a.attrelid = to_regclass(format('%I.%I', p_schema, p_table)) and a.attname = 'available_at'
     ) then
    execute format('alter table %I.%I add column if not exists claimed_until timestamptz,'
      ' add column if not exists available_at timestamptz', p_schema, p_table);
    execute format('create index on %I.%I (id) where processed_at is null', p_schema, p_table);
    execute format('create index on %I.%I (claimed_until) where processed_at is null and claimed_until is not null',
      p_schema, p_table);
  end if;
end
$body$;
comment on function tide.inbox_add_columns(text, text) is 'Gives the table of an older inbox what claims need.';

-- Makes an inbox and its table. Definer: the table must be the schema owner's, whoever asks; what the caller may do is
-- checked first.
create or replace function tide.inbox_create(
  p_name text,
  p_schema text default 'tide',
  p_max_retries integer default 3,
  p_processed_retention_hours integer default 72,
  p_dlq_retention_hours integer default 0
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '10s'
as $body$
begin
  if not tide.inbox_make(p_name, p_schema, p_max_retries, p_processed_retention_hours, p_dlq_retention_hours,
       tide.publisher_identity()) then
    perform tide.fail('PGTIDE_INBOX_ALREADY_EXISTS', format('inbox already exists: %s', p_name),
      'Choose another name, or call tide.inbox_create_if_not_exists.');
  end if;
end
$body$;
comment on function tide.inbox_create(text, text, integer, integer, integer) is 'Makes an inbox and its table.';

-- The same for scripts that run more than once: true when the inbox was made, false when there was one.
create or replace function tide.inbox_create_if_not_exists(
  p_name text,
  p_schema text default 'tide',
  p_max_retries integer default 3,
  p_processed_retention_hours integer default 72,
  p_dlq_retention_hours integer default 0
)
  returns boolean
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '10s'
as $body$
begin
  return tide.inbox_make(p_name, p_schema, p_max_retries, p_processed_retention_hours, p_dlq_retention_hours,
    tide.publisher_identity());
end
$body$;
comment on function tide.inbox_create_if_not_exists(text, text, integer, integer, integer) is
  'Makes an inbox unless there is one of that name; true when it was made.';

-- What both do. False when there is an inbox of that name already.
create or replace function tide.inbox_make(
  p_name text, p_schema text, p_max_retries integer, p_processed_retention_hours integer, p_dlq_retention_hours integer,
  p_owner text
)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  perform tide.inbox_check_name(p_name);
  perform tide.inbox_check_schema(p_schema);
  if coalesce(p_max_retries, -1) < 0 or coalesce(p_processed_retention_hours, -1) < 0
     or coalesce(p_dlq_retention_hours, -1) < 0 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: retries and retention hours must not be negative',
      'Use 0 or more; a retention of 0 hours for dead rows keeps them for good.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('pgkeep:tide:inbox_pending', 0));
  if exists (select from tide.tide_inbox_config as i where i.inbox_name = p_name) then
    return false;
  end if;
  if to_regclass(format('%I.%I', p_schema, p_name || '_inbox')) is not null then
    perform tide.fail('PGTIDE_INBOX_ALREADY_EXISTS',
      format('inbox already exists: %s', p_name),
      format('There is a table %I.%I that no inbox belongs to; rename it or choose another name.',
        p_schema, p_name || '_inbox'));
  end if;
  execute format('create table %I.%I (
      id bigint generated always as identity primary key,
      event_id text not null constraint %I unique,
      source text,
      payload jsonb,
      headers jsonb,
      received_at timestamptz not null default pg_catalog.now(),
      processed_at timestamptz,
      retry_count integer not null default 0,
      last_error text,
      claimed_until timestamptz,
      available_at timestamptz
    )',
    p_schema, p_name || '_inbox',
    -- Cut where the whole would be longer than a name can be, and then made unique again.
    format('uq_%s_event_id', case when length(p_name) > 51 then left(p_name, 42) || '_' || left(md5(p_name), 8) else p_name end));
  execute format('create index on %I.%I (id) where processed_at is null', p_schema, p_name || '_inbox');
  execute format('create index on %I.%I (claimed_until) where processed_at is null and claimed_until is not null',
    p_schema, p_name || '_inbox');
  -- Default privileges of the owner would otherwise give rights to others in the same moment.
  execute format('revoke all on %I.%I from public', p_schema, p_name || '_inbox');
  insert into tide.tide_inbox_config (inbox_name, inbox_schema, max_retries, processed_retention_hours, dlq_retention_hours,
    owner)
  values (p_name, p_schema, p_max_retries, p_processed_retention_hours, p_dlq_retention_hours, p_owner);
  perform tide.inbox_rebuild_view();
  return true;
end
$body$;
comment on function tide.inbox_make(text, text, integer, integer, integer, text) is
  'Makes an inbox; false when there is one of that name.';

-- The table of inbox `p_name`, as `"schema"."table"`. Refuses a table that is not, or no longer, safe to use. Works only inside functions that run with that owner's rights.
create or replace function tide.inbox_table(p_name text)
  returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_schema text;
  v_table text;
begin
  select i.inbox_schema, format('%I.%I', i.inbox_schema, i.inbox_name || '_inbox')
    into v_schema, v_table
    from tide.tide_inbox_config as i
   where i.inbox_name = p_name;
  if not found then
    perform tide.fail('PGTIDE_INBOX_NOT_FOUND', format('inbox not found: %s', left(p_name, 63)),
      'Create it: select tide.inbox_create(name). tide.inbox_status() lists those that there are.');
  end if;
  if to_regclass(v_table) is null then
    perform tide.fail('PGTIDE_INBOX_NOT_FOUND', format('inbox not found: %s', p_name),
      format('Its table %s is gone; tide.inbox_drop(%L) removes what is left of it.', v_table, p_name));
  end if;
  -- In schema tide nobody else can make or drop a table.
  if v_schema <> 'tide' and not tide.inbox_is_safe(v_schema, p_name || '_inbox') then
    perform tide.inbox_refuse(p_name, v_schema);
  end if;
  return v_table;
end
$body$;
comment on function tide.inbox_table(text) is 'The table of an inbox, after a look at whose it is.';

-- Drops an inbox, its table and every event in it. For administrators and the inbox's owner. Waits 10 s for consumers
-- that
-- are at work, then gives up.
create or replace function tide.inbox_drop(p_name text, p_if_exists boolean default false)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '10s'
as $body$
declare
  v_inbox tide.tide_inbox_config%rowtype;
  v_table text;
  v_is_ours boolean;
begin
  perform pg_advisory_xact_lock(hashtextextended('pgkeep:tide:inbox_pending', 0));
  select i.* into v_inbox from tide.tide_inbox_config as i where i.inbox_name = p_name for update;
  if not found then
    if coalesce(p_if_exists, false) then
      return;
    end if;
    perform tide.fail('PGTIDE_INBOX_NOT_FOUND', format('inbox not found: %s', left(p_name, 63)),
      'tide.inbox_status() lists those that there are.');
  end if;
  perform tide.inbox_require_admin(v_inbox.owner);
  v_table := format('%I.%I', v_inbox.inbox_schema, p_name || '_inbox');
  v_is_ours := exists (
    select
      from pg_class as c
      join pg_roles as r
        on r.oid = c.relowner
     where c.oid = to_regclass(v_table)
       and r.rolname = current_user
  );
  if v_is_ours then
    -- Waits for consumers here, before the view is locked that everybody else reads.
    execute format('lock table %s in access exclusive mode', v_table);
  end if;
  delete from tide.tide_inbox_config as i where i.inbox_name = p_name;
  perform tide.inbox_rebuild_view();
  if v_is_ours then
    execute format('drop table %s', v_table);
  end if;
end
$body$;
comment on function tide.inbox_drop(text, boolean) is 'Drops an inbox and every event in it.';

-- Refuses callers who are neither the inbox's owner nor allowed to change every inbox.
create or replace function tide.inbox_require_admin(p_owner text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if tide.publisher_identity() = p_owner
     or has_table_privilege(tide.publisher_identity(), 'tide.tide_inbox_config', 'delete')
     or exists (
          select
            from pg_roles as r
           where r.rolname in ('tide_admin', 'pg_tide_admin')
             and pg_has_role(tide.publisher_identity(), r.oid, 'usage')
        ) then
    return;
  end if;
  perform tide.fail('PGTIDE_AUTHORIZATION_FAILED', format('role "%s" does not own this inbox', tide.publisher_identity()),
    'Ask its owner or a member of tide_admin.');
end
$body$;
comment on function tide.inbox_require_admin(text) is 'Refuses callers who neither own an inbox nor administer all.';

-- Lets a role deliver into an inbox: what a relay needs to insert events, once each, and nothing more.
create or replace function tide.inbox_grant_deliver(p_inbox text, p_role text)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text;
begin
  if p_role is null or not exists (select from pg_roles as r where r.rolname = p_role) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: there is no such role',
      'Create the role first; its name is taken letter by letter.');
  end if;
  perform tide.inbox_require_admin((select i.owner from tide.tide_inbox_config as i where i.inbox_name = p_inbox));
  v_table := tide.inbox_table(p_inbox);
  execute format('grant insert (event_id, source, payload, headers), select (event_id) on %s to %I', v_table, p_role);
  insert into tide.tide_security_audit (action, target_role, target_object, performed_by)
  values ('GRANT_INBOX_DELIVER', p_role, p_inbox, tide.publisher_identity());
end
$body$;
comment on function tide.inbox_grant_deliver(text, text) is 'Lets a role insert events into an inbox.';

create or replace function tide.inbox_revoke_deliver(p_inbox text, p_role text)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text;
begin
  if p_role is null or not exists (select from pg_roles as r where r.rolname = p_role) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: there is no such role', 'Check its name.');
  end if;
  perform tide.inbox_require_admin((select i.owner from tide.tide_inbox_config as i where i.inbox_name = p_inbox));
  v_table := tide.inbox_table(p_inbox);
  execute format('revoke insert (event_id, source, payload, headers), select (event_id) on %s from %I', v_table, p_role);
  insert into tide.tide_security_audit (action, target_role, target_object, performed_by)
  values ('REVOKE_INBOX_DELIVER', p_role, p_inbox, tide.publisher_identity());
end
$body$;
comment on function tide.inbox_revoke_deliver(text, text) is 'Takes back what inbox_grant_deliver gave.';

-- Working -------------------------------------------------------------------------------------------------------------

-- Notes that an event is done. Only the first call counts; an unknown event changes nothing. Definer, as are all below:
-- callers need EXECUTE and no right on the table.
create or replace function tide.inbox_mark_processed(p_name text, p_event_id text)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
begin
  perform tide.inbox_complete(p_name, p_event_id);
end
$body$;
comment on function tide.inbox_mark_processed(text, text) is
  'Notes that an event is done; repeating it changes nothing.';

-- The same, and says whether this call was the one that did it. A consumer whose effect stands in the same transaction
-- rolls back when it is false: somebody else was first.
create or replace function tide.inbox_complete(p_name text, p_event_id text)
  returns boolean
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text := tide.inbox_table(p_name);
  v_count bigint;
begin
  execute format('update %s as t set processed_at = now() where t.event_id = $1 and t.processed_at is null', v_table)
    using p_event_id;
  get diagnostics v_count = row_count;
  return v_count > 0;
end
$body$;
comment on function tide.inbox_complete(text, text) is 'Notes that an event is done; true when it was not before.';

-- Notes a failed attempt, frees the claim, keeps the first 4096 characters of the reason.
create or replace function tide.inbox_mark_failed(p_name text, p_event_id text, p_error text)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text := tide.inbox_table(p_name);
begin
  perform tide.inbox_upgrade(p_name);
  execute format(
    'update %s as t set retry_count = t.retry_count + 1, last_error = left($2, 4096), claimed_until = null'
    ' where t.event_id = $1 and t.processed_at is null', v_table)
    using p_event_id, p_error;
end
$body$;
comment on function tide.inbox_mark_failed(text, text, text) is 'Notes a failed attempt at an event.';

-- Makes an older inbox's table what the functions here need.
create or replace function tide.inbox_upgrade(p_name text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.inbox_add_columns(i.inbox_schema, i.inbox_name || '_inbox')
    from tide.tide_inbox_config as i
   where i.inbox_name = p_name
$body$;
comment on function tide.inbox_upgrade(text) is 'Gives the table of an older inbox what claims need.';

-- Takes up to `p_batch` events for the caller, oldest first, skipping those that somebody else has. With
-- `p_lease_seconds`
-- they stay the caller's for that long, in whatever transaction; with 0 only until this transaction ends, which is the
-- way to do work and mark it together. Events that failed max_retries times are left out. A lease that ran out counts
-- as a
-- failed attempt: an event that kills its consumer must come to an end too.
create or replace function tide.inbox_claim(p_name text, p_batch integer default 100, p_lease_seconds integer default 30)
  returns table (
    id bigint, event_id text, source text, payload jsonb, headers jsonb, received_at timestamptz, retry_count integer
  )
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text;
  v_max_retries integer;
begin
  if p_batch is null or p_batch not between 1 and 10000 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_batch is out of range', 'Use 1 to 10000.');
  end if;
  if p_lease_seconds is null or p_lease_seconds not between 0 and 86400 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_lease_seconds is out of range',
      'Use 0 (until the transaction ends) to 86400.');
  end if;
  v_table := tide.inbox_table(p_name);
  perform tide.inbox_upgrade(p_name);
  select i.max_retries into strict v_max_retries from tide.tide_inbox_config as i where i.inbox_name = p_name;
  return query execute format($sql$
    with expired as (
      update %1$s as t
         set retry_count = t.retry_count + 1,
             last_error = 'the claim ran out',
             claimed_until = null
        from (
          select e.id
            from %1$s as e
           where e.processed_at is null
             and e.claimed_until <= $4
             and e.retry_count + 1 >= $3
           order by e.id
           limit $1
             for update skip locked
        ) as e
       where t.id = e.id
    ), due as (
      select d.id
        from %1$s as d
       where d.processed_at is null
         and d.retry_count + (d.claimed_until is not null)::integer < $3
         and (d.claimed_until is null or d.claimed_until <= $4)
         and (d.available_at is null or d.available_at <= $4)
       order by d.id
       limit $1
         for update skip locked
    ), claimed as (
      update %1$s as t
         set claimed_until = case when $2 > 0 then $4 + $2 * interval '1 second' end,
             retry_count = t.retry_count + (t.claimed_until is not null)::integer,
             last_error = case when t.claimed_until is not null then 'the claim ran out' else t.last_error end
        from due as d
       where t.id = d.id
      returning t.id, t.event_id, t.source, t.payload, t.headers, t.received_at, t.retry_count
    )
    select c.id, c.event_id, c.source, c.payload, c.headers, c.received_at, c.retry_count from claimed as c order by c.id
  $sql$, v_table)
    using p_batch, p_lease_seconds, greatest(v_max_retries, 1), clock_timestamp();
end
$body$;
comment on function tide.inbox_claim(text, integer, integer) is 'Takes events for one consumer, oldest first.';

-- Gives a claimed event back without counting an attempt, for others at once or after a delay. True when it was
-- pending.
create or replace function tide.inbox_release(p_name text, p_event_id text, p_delay_seconds integer default 0)
  returns boolean
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text := tide.inbox_table(p_name);
  v_count bigint;
begin
  if p_delay_seconds is null or p_delay_seconds not between 0 and 604800 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_delay_seconds is out of range', 'Use 0 to 604800.');
  end if;
  perform tide.inbox_upgrade(p_name);
  execute format(
    'update %s as t'
    '   set claimed_until = null,'
    '       available_at = case when $2 > 0 then clock_timestamp() + $2 * interval ''1 second'' end'
    ' where t.event_id = $1 and t.processed_at is null', v_table)
    using p_event_id, p_delay_seconds;
  get diagnostics v_count = row_count;
  return v_count > 0;
end
$body$;
comment on function tide.inbox_release(text, text, integer) is 'Gives a claimed event back, at once or after a delay.';

-- Looking and keeping order ------------------------------------------------------------------------------------------

-- How many events of an inbox wait, and how many of them have failed too often. Without a name: all inboxes.
create or replace function tide.inbox_status(p_name text default null)
  returns jsonb
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_inbox record;
  v_table text;
  v_one jsonb;
  v_all jsonb := '[]';
begin
  if p_name is not null then
    v_table := tide.inbox_table(p_name);
    execute format(
      'select jsonb_build_object(''inbox_name'', $1, ''pending'', count(*),'
      ' ''dlq_count'', count(*) filter (where t.retry_count >= $2)) from %s as t where t.processed_at is null', v_table)
       into v_one
      using p_name, (select greatest(i.max_retries, 1) from tide.tide_inbox_config as i where i.inbox_name = p_name);
    return v_one;
  end if;
  for v_inbox in select i.inbox_name from tide.tide_inbox_config as i order by i.inbox_name loop
    begin
      execute format(
        'select jsonb_build_object(''inbox_name'', $1, ''pending'', count(*)) from %s as t where t.processed_at is null',
        tide.inbox_table(v_inbox.inbox_name))
         into v_one
        using v_inbox.inbox_name;
    exception when undefined_object or insufficient_privilege then
      -- One table that is gone must not hide the others.
      v_one := jsonb_build_object('inbox_name', v_inbox.inbox_name, 'pending', null, 'error', sqlerrm);
    end;
    v_all := v_all || v_one;
  end loop;
  return jsonb_build_object('inboxes', v_all);
end
$body$;
comment on function tide.inbox_status(text) is 'How many events wait in an inbox, or in each.';

-- Gives failed events their attempts back; done ones stay done. Returns how many.
create or replace function tide.replay_inbox_messages(p_name text, p_event_ids text[])
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text := tide.inbox_table(p_name);
  v_count bigint;
begin
  perform tide.inbox_upgrade(p_name);
  execute format(
    'update %s as t set retry_count = 0, last_error = null, claimed_until = null, available_at = null'
    ' where t.event_id = any ($1) and t.processed_at is null', v_table)
    using p_event_ids;
  get diagnostics v_count = row_count;
  return v_count;
end
$body$;
comment on function tide.replay_inbox_messages(text, text[]) is
  'Gives failed events their attempts back; returns how many.';

-- Deletes events that were done longer ago than the inbox keeps them. Returns how many.
create or replace function tide.inbox_truncate_processed(p_inbox_name text)
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text := tide.inbox_table(p_inbox_name);
  v_count bigint;
begin
  execute format('delete from %s as t where t.processed_at < now() - $1 * interval ''1 hour''', v_table)
    using (select i.processed_retention_hours from tide.tide_inbox_config as i where i.inbox_name = p_inbox_name);
  get diagnostics v_count = row_count;
  return v_count;
end
$body$;
comment on function tide.inbox_truncate_processed(text) is
  'Deletes events that were done long enough ago; returns how many.';

-- Deletes events that failed too often and arrived longer ago than the inbox keeps those. With a retention of 0 it
-- keeps them
-- for good. Returns how many.
create or replace function tide.inbox_truncate_dlq(p_inbox_name text)
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_table text := tide.inbox_table(p_inbox_name);
  v_inbox tide.tide_inbox_config%rowtype;
  v_count bigint;
begin
  select i.* into strict v_inbox from tide.tide_inbox_config as i where i.inbox_name = p_inbox_name;
  if v_inbox.dlq_retention_hours = 0 then
    return 0;
  end if;
  execute format(
    'delete from %s as t where t.processed_at is null and t.retry_count >= $1'
    ' and t.received_at < now() - $2 * interval ''1 hour''', v_table)
    -- Without retries an event still has its first attempt: one that was never tried is not dead.
    using greatest(v_inbox.max_retries, 1), v_inbox.dlq_retention_hours;
  get diagnostics v_count = row_count;
  return v_count;
end
$body$;
comment on function tide.inbox_truncate_dlq(text) is
  'Deletes events that failed too often, long enough ago; returns how many.';

select tide.inbox_rebuild_view();
