-- Dead letters: events that could not be delivered, and what people do with them.
--
-- States of a row: waiting (not resolved, retried_at null) -> due (retried_at set) -> resolved, or waiting again when the
-- redelivery failed. The relay that owns the pipeline redelivers what is due, by the same way and with the same dedup key,
-- and records the end of it (0012_delivery.sql). So retry and requeue are the same mark.
--
-- Nothing that was done to a dead letter gets lost: who, when and why is written by a trigger, whatever statement did it,
-- to a history that nobody changes. An edit keeps what it replaced.

-- Every change of what would be delivered, and every row that goes, is noted. Definer: whoever may change a dead letter
-- need not be able to write history.
create or replace function tide.relay_dlq_changed()
  returns trigger
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  -- The functions below say what they do and why; a plain statement is an edit without a reason. The text is a note of
  -- whoever runs the statement, as everything in a reason is.
  v_action text := nullif(current_setting('tide.dlq_action', true), '');
  v_reason text := nullif(current_setting('tide.dlq_reason', true), '');
begin
  if tg_op = 'DELETE' then
    insert into tide.relay_dlq_history (dlq_id, action, actor, reason, old_payload, old_headers)
    -- Only what was dealt with goes without a copy: the setting is anybody's to make.
    values (old.id, case when old.resolved and v_action = 'purged' then v_action else 'deleted' end,
      tide.publisher_identity(), v_reason,
      case when not old.resolved or v_action is distinct from 'purged' then old.payload end,
      case when not old.resolved or v_action is distinct from 'purged' then old.headers end);
    return null;
  end if;
  if new.id <> old.id then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the id of a dead letter cannot be changed',
      'Its history hangs on it.');
  end if;
  if new.payload is distinct from old.payload or new.headers is distinct from old.headers
     or new.subject is distinct from old.subject or new.dedup_key is distinct from old.dedup_key then
    new.version := old.version + 1;
    insert into tide.relay_dlq_history (dlq_id, action, actor, reason, old_payload, old_headers)
    values (old.id, 'edited', tide.publisher_identity(), v_reason, old.payload, old.headers);
  else
    new.version := old.version;
  end if;
  return new;
end
$body$;
comment on function tide.relay_dlq_changed() is 'Trigger: notes edits and removals of dead letters.';

create or replace trigger relay_dlq_edited before update on tide.relay_dlq
  for each row
  when (new.payload is distinct from old.payload or new.headers is distinct from old.headers
        or new.subject is distinct from old.subject or new.dedup_key is distinct from old.dedup_key
        or new.version is distinct from old.version or new.id is distinct from old.id)
  execute function tide.relay_dlq_changed();
create or replace trigger relay_dlq_deleted after delete on tide.relay_dlq
  for each row execute function tide.relay_dlq_changed();
create or replace trigger relay_dlq_truncated before truncate on tide.relay_dlq
  for each statement execute function tide.relay_refuse_audit_change();

-- Writes one line of history for each of `p_ids`. Definer, for the reason above.
create or replace function tide.relay_dlq_note(p_ids bigint[], p_action text, p_reason text)
  returns void
  language sql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
  insert into tide.relay_dlq_history (dlq_id, action, actor, reason)
  select d.id, left(p_action, 63), tide.publisher_identity(), left(p_reason, 4096)
    from tide.relay_dlq as d
   where d.id = any (p_ids)
$body$;
comment on function tide.relay_dlq_note(bigint[], text, text) is 'Adds a line to the history of dead letters.';

create or replace function tide.relay_dlq_not_found(p_id bigint)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.fail('PGTIDE_RELAY_NOT_FOUND', format('there is no unresolved dead letter %s', coalesce(p_id::text, 'without id')),
    'select id from tide.relay_dlq_list() lists those that wait.')
$body$;
comment on function tide.relay_dlq_not_found(bigint) is 'Says that there is no such dead letter.';

-- Dead letters that wait or are due, oldest first; of one pipeline and at most so many, if asked.
create or replace function tide.relay_dlq_list(p_pipeline text default null, p_limit integer default null)
  returns setof tide.relay_dlq
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select d.*
    from tide.relay_dlq as d
   where not d.resolved
     and (p_pipeline is null or d.pipeline_name = p_pipeline)
   order by d.first_failed_at, d.id
   limit greatest(p_limit, 0)
$body$;
comment on function tide.relay_dlq_list(text, integer) is 'Unresolved dead letters, oldest first.';

-- Marks the dead letters `p_ids` as due and tells the relays. Those that are resolved stay so. Returns how many are due
-- now that were not before.
create or replace function tide.relay_dlq_mark_due(p_ids bigint[], p_action text, p_reason text)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_due bigint[];
  v_pipeline text;
begin
  with due as (
    update tide.relay_dlq as d
       set retried_at = clock_timestamp(), next_attempt_at = null
     where d.id = any (p_ids)
       and not d.resolved
    returning d.id
  )
  select array_agg(due.id) into v_due from due;
  if v_due is null then
    return 0;
  end if;
  perform tide.relay_dlq_note(v_due, p_action, p_reason);
  for v_pipeline in select distinct d.pipeline_name from tide.relay_dlq as d where d.id = any (v_due) loop
    perform pg_notify('tide_relay_config', v_pipeline);
  end loop;
  return cardinality(v_due);
end
$body$;
comment on function tide.relay_dlq_mark_due(bigint[], text, text) is 'Marks dead letters as due for redelivery.';

-- Has one dead letter redelivered.
create or replace function tide.relay_dlq_retry(p_id bigint)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if tide.relay_dlq_mark_due(array[p_id], 'retried', null) = 0 then
    perform tide.relay_dlq_not_found(p_id);
  end if;
end
$body$;
comment on function tide.relay_dlq_retry(bigint) is 'Has a dead letter redelivered.';

-- Has all of them redelivered that wait, of one pipeline if named. Returns how many.
create or replace function tide.relay_dlq_retry_all(p_pipeline text default null)
  returns bigint
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_dlq_mark_due(array(
           select d.id
             from tide.relay_dlq as d
            where not d.resolved
              and d.retried_at is null
              and (p_pipeline is null or d.pipeline_name = p_pipeline)
            order by d.id
         ), 'retried', null)
$body$;
comment on function tide.relay_dlq_retry_all(text) is 'Has all waiting dead letters redelivered; returns how many.';

-- Has those of `p_ids` redelivered that are unresolved. Returns how many.
create or replace function tide.relay_dlq_retry_many(p_ids bigint[], p_reason text default null)
  returns bigint
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_dlq_mark_due(p_ids, 'retried', p_reason)
$body$;
comment on function tide.relay_dlq_retry_many(bigint[], text) is 'Has several dead letters redelivered; returns how many.';

-- Ends dead letters without redelivery. Returns how many were open.
create or replace function tide.relay_dlq_close(p_ids bigint[], p_action text, p_reason text)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_closed bigint[];
begin
  with closed as (
    update tide.relay_dlq as d
       set resolved = true, resolved_at = clock_timestamp(), resolved_by = tide.publisher_identity(), retried_at = null
     where d.id = any (p_ids)
       and not d.resolved
    returning d.id
  )
  select array_agg(closed.id) into v_closed from closed;
  if v_closed is not null then
    perform tide.relay_dlq_note(v_closed, p_action, p_reason);
  end if;
  return coalesce(cardinality(v_closed), 0);
end
$body$;
comment on function tide.relay_dlq_close(bigint[], text, text) is 'Ends dead letters without redelivery.';

-- Notes that a dead letter was dealt with by other means.
create or replace function tide.relay_dlq_resolve(p_id bigint)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if tide.relay_dlq_close(array[p_id], 'resolved', null) = 0 then
    perform tide.relay_dlq_not_found(p_id);
  end if;
end
$body$;
comment on function tide.relay_dlq_resolve(bigint) is 'Notes that a dead letter was dealt with by other means.';

create or replace function tide.relay_dlq_resolve_many(p_ids bigint[], p_reason text default null)
  returns bigint
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_dlq_close(p_ids, 'resolved', p_reason)
$body$;
comment on function tide.relay_dlq_resolve_many(bigint[], text) is 'Notes that several dead letters were dealt with; returns how many.';

-- Gives up on a dead letter. The reason must be given: it is what others will ask for.
create or replace function tide.relay_dlq_discard(p_id bigint, p_reason text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if tide.relay_dlq_discard_many(array[p_id], p_reason) = 0 then
    perform tide.relay_dlq_not_found(p_id);
  end if;
end
$body$;
comment on function tide.relay_dlq_discard(bigint, text) is 'Gives up on a dead letter, with a reason.';

create or replace function tide.relay_dlq_discard_many(p_ids bigint[], p_reason text)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if coalesce(btrim(p_reason), '') = '' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: a dead letter is not discarded without a reason',
      'Say why: select tide.relay_dlq_discard(id, ''the order was cancelled'');');
  end if;
  return tide.relay_dlq_close(p_ids, 'discarded', p_reason);
end
$body$;
comment on function tide.relay_dlq_discard_many(bigint[], text) is 'Gives up on several dead letters, with a reason; returns how many.';

-- Replaces what will be delivered. `p_version` is the version that the editor saw: when somebody else was faster, nothing
-- is changed. Null leaves payload or headers as they are. Returns the new version; the row stays waiting until it is retried.
create or replace function tide.relay_dlq_edit(
  p_id bigint, p_payload jsonb, p_headers jsonb, p_version integer, p_reason text
)
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_letter tide.relay_dlq%rowtype;
  v_version integer;
begin
  if coalesce(btrim(p_reason), '') = '' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: a dead letter is not edited without a reason',
      'Give the reason as the last argument.');
  end if;
  if p_headers is not null and jsonb_typeof(p_headers) <> 'object' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_headers must be an object', null);
  end if;
  select d.* into v_letter from tide.relay_dlq as d where d.id = p_id and not d.resolved for update;
  if not found then
    perform tide.relay_dlq_not_found(p_id);
  end if;
  if p_version is distinct from v_letter.version then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: dead letter %s has version %s by now', p_id, v_letter.version),
      'Look at it again, and edit the version that there is.');
  end if;
  if v_letter.retried_at is not null then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: dead letter %s is being redelivered', p_id),
      'Wait for the end of the redelivery.');
  end if;
  perform set_config('tide.dlq_reason', left(p_reason, 4096), true);
  update tide.relay_dlq as d
     set payload = coalesce(p_payload, d.payload), headers = coalesce(p_headers, d.headers)
   where d.id = p_id
  returning d.version into v_version;
  perform set_config('tide.dlq_reason', '', true);
  return v_version;
end
$body$;
comment on function tide.relay_dlq_edit(bigint, jsonb, jsonb, integer, text) is
  'Replaces payload or headers of a dead letter; the history keeps what was there.';

-- What happened to a dead letter, oldest first; also after it was purged.
create or replace function tide.relay_dlq_history_of(p_id bigint)
  returns setof tide.relay_dlq_history
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select h.* from tide.relay_dlq_history as h where h.dlq_id = p_id order by h.id
$body$;
comment on function tide.relay_dlq_history_of(bigint) is 'Everything that was done to a dead letter, oldest first.';

-- Deletes dead letters that were resolved so many days ago. Open ones stay, whatever their age. Returns how many.
create or replace function tide.relay_dlq_purge(retention_days integer default 30)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_count bigint;
begin
  if retention_days is null or retention_days < 0 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: retention_days must not be negative', 'Use 0 or more.');
  end if;
  perform set_config('tide.dlq_action', 'purged', true);
  delete from tide.relay_dlq as d
   where d.resolved
     and d.resolved_at < clock_timestamp() - retention_days * interval '1 day';
  get diagnostics v_count = row_count;
  perform set_config('tide.dlq_action', '', true);
  return v_count;
end
$body$;
comment on function tide.relay_dlq_purge(integer) is 'Deletes dead letters that were resolved long enough ago; returns how many.';

create or replace function tide.relay_dlq_stats()
  returns table (pipeline_name text, error_kind text, total bigint, unresolved bigint)
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select d.pipeline_name, d.error_kind, count(*), count(*) filter (where not d.resolved)
    from tide.relay_dlq as d
   group by d.pipeline_name, d.error_kind
   order by d.pipeline_name, d.error_kind
$body$;
comment on function tide.relay_dlq_stats() is 'How many dead letters there are, by pipeline and kind.';

-- The open dead letter of a pipeline with that key; raises when there is none.
create or replace function tide.relay_dlq_find(p_pipeline_name text, p_dedup_key text)
  returns bigint
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_id bigint;
begin
  select d.id
    into v_id
    from tide.relay_dlq as d
   where d.pipeline_name = p_pipeline_name
     and d.dedup_key = p_dedup_key
     and not d.resolved;
  if not found then
    perform tide.fail('PGTIDE_RELAY_NOT_FOUND', 'there is no unresolved dead letter with that key in that pipeline',
      'select dedup_key from tide.relay_dlq_list(pipeline) lists those that wait.');
  end if;
  return v_id;
end
$body$;
comment on function tide.relay_dlq_find(text, text) is 'The open dead letter of a pipeline with that key.';

create or replace function tide.dlq_resolve(p_pipeline_name text, p_dedup_key text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_dlq_resolve(tide.relay_dlq_find(p_pipeline_name, p_dedup_key))
$body$;
comment on function tide.dlq_resolve(text, text) is 'Notes that a dead letter, found by its key, was dealt with.';

create or replace function tide.dlq_requeue(p_pipeline_name text, p_dedup_key text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_dlq_retry(tide.relay_dlq_find(p_pipeline_name, p_dedup_key))
$body$;
comment on function tide.dlq_requeue(text, text) is 'Has a dead letter, found by its key, redelivered.';
