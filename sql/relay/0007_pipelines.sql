-- Pipelines: what may be configured, and every way in which it is.
--
-- Several generations of callers describe a pipeline: three positional forms, two that take one object, and rows
-- written
-- by hand. All functions here turn what they get into one canonical configuration, check it, and store it:
--   {schema_version, source_type, source, sink_type, sink, batch_size, dlq, ...}
-- What is allowed at the top level stands once, in relay_config_grammar(). The keys of a sink or source are the relay
-- process's business; only type names are checked here, against relay_connector_types().
--
-- Secrets stay references (${env:NAME}, ${file:/path}). A literal in a field that holds a secret is refused, so that no
-- copy of the catalog carries one.

-- Grammar ---------------------------------------------------------------------------------------------------------

-- Connectors that the relay process of this version has, as its install noted them in tide.meta. Anything else is refused
-- when a pipeline is stored. Definer: whoever stores pipelines need not see the notes.
create or replace function tide.relay_connector_types()
  returns table (direction text, connector_type text)
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
  select substr(m.key, 12), t.connector_type
    from tide.meta as m
   cross join lateral unnest(string_to_array(m.value, ' ')) as t (connector_type)
   where m.key in ('connectors/forward', 'connectors/reverse')
$body$;
comment on function tide.relay_connector_types() is 'Sinks (forward) and sources (reverse) that the relay can run.';

-- Formats of events on the wire that the relay can write (forward) and read (reverse).
create or replace function tide.relay_wire_formats()
  returns table (direction text, wire_format text)
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select d.direction, f.wire_format
    from (values ('forward'), ('reverse')) as d (direction)
   cross join unnest(array['native', 'cloudevents', 'debezium', 'maxwell', 'canal', 'cdc_json']) as f (wire_format)
   where (d.direction, f.wire_format) <> ('forward', 'cdc_json')
$body$;
comment on function tide.relay_wire_formats() is 'Formats that the relay can write (forward) and read (reverse).';

-- Every key of a stored configuration. `parent` is '' for the top level. `direction` null: both. `is_lifted`: may also
-- stand among the connector's own keys, from where it is moved to the top. `at_least` and `at_most` bound numbers.
create or replace function tide.relay_config_grammar()
  returns table (
    parent text, key text, kind text, direction text, is_lifted boolean, at_least numeric, at_most numeric, choices text[]
  )
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  values ('', 'schema_version', 'integer', null, true, 1::numeric, 1::numeric, null::text[]),
         ('', 'source_type', 'string', null, false, null, null, null),
         ('', 'source', 'object', null, false, null, null, null),
         ('', 'sink_type', 'string', null, false, null, null, null),
         ('', 'sink', 'object', null, false, null, null, null),
         ('', 'batch_size', 'integer', null, true, 1, 1000000, null),
         ('', 'wire_format', 'string', null, true, null, null, null),
         ('', 'wire_config', 'object', null, true, null, null, null),
         ('', 'dlq', 'object', null, true, null, null, null),
         ('', 'retry', 'object', null, true, null, null, null),
         ('', 'transform', 'object', 'forward', true, null, null, null),
         ('', 'routing', 'object', null, true, null, null, null),
         ('', 'rate_limit', 'object', null, true, null, null, null),
         ('', 'circuit_breaker', 'object', null, true, null, null, null),
         ('', 'dry_run', 'boolean', null, true, null, null, null),
         ('', 'poll_interval_ms', 'integer', null, true, 1, 86400000, null),
         ('', 'max_poll_backoff_ms', 'integer', null, true, 1, 86400000, null),
         ('', 'sink_max_inflight', 'integer', null, true, 0, 1000000, null),
         ('', 'order_key', 'string', null, true, null, null, null),
         ('', 'on_dead_letter', 'string', null, true, null, null, array['block', 'skip']),
         ('', 'db_role', 'string', null, true, null, null, null),
         ('', 'auto_resume_after', 'interval', null, true, null, null, null),
         ('', 'on_schema_change', 'string', null, true, null, null, array['warn', 'pause', 'dlq', 'continue']),
         ('', 'schema_registry', 'object', null, true, null, null, null),
         ('', 'serialization', 'object', null, true, null, null, null),
         ('', 'encryption', 'object', 'forward', true, null, null, null),
         ('', 'ssrf_allow', 'array', null, true, null, null, null),
         ('', 'ssrf_protection', 'boolean', null, true, null, null, null),
         ('source', 'outbox', 'string', 'forward', false, null, null, null),
         ('source', 'subject_template', 'string', 'forward', false, null, null, null),
         ('source', 'consumer_group', 'string', 'forward', false, null, null, null),
         ('source', 'consumer_id', 'string', 'forward', false, null, null, null),
         ('source', 'visibility_seconds', 'integer', 'forward', false, 1, 2147483647, null),
         ('sink', 'inbox', 'string', 'reverse', false, null, null, null),
         ('sink', 'max_retries', 'integer', 'reverse', false, 0, 100000, null),
         ('sink', 'idempotent', 'boolean', 'reverse', false, null, null, null),
         ('dlq', 'enabled', 'boolean', null, false, null, null, null),
         ('dlq', 'max_retries', 'integer', null, false, 0, 100000, null),
         ('dlq', 'retry_delay_seconds', 'integer', null, false, 0, 2147483647, null),
         ('dlq', 'retention_days', 'integer', null, false, 1, 36500, null),
         ('retry', 'max_retries', 'integer', null, false, 0, 100000, null),
         ('retry', 'backoff_ms', 'integer', null, false, 0, 86400000, null),
         ('retry', 'max_backoff_ms', 'integer', null, false, 0, 86400000, null),
         ('transform', 'filter', 'expression', 'forward', false, null, null, null),
         ('transform', 'payload', 'expression', 'forward', false, null, null, null),
         ('routing', 'rules', 'array', null, false, null, null, null),
         ('routing', 'default_template', 'string', null, false, null, null, null),
         ('rate_limit', 'enabled', 'boolean', null, false, null, null, null),
         ('rate_limit', 'max_messages_per_second', 'number', null, false, 0, 10000000, null),
         ('rate_limit', 'burst_size', 'integer', null, false, 1, 10000000, null),
         ('circuit_breaker', 'enabled', 'boolean', null, false, null, null, null),
         ('circuit_breaker', 'failure_threshold', 'integer', null, false, 1, 1000000, null),
         ('circuit_breaker', 'success_threshold', 'integer', null, false, 1, 1000000, null),
         ('circuit_breaker', 'half_open_timeout_seconds', 'number', null, false, 0.001, 86400, null),
         ('circuit_breaker', 'on_open', 'string', null, false, null, null, array['pause', 'dlq']),
         ('serialization', 'format', 'string', null, false, null, null, null),
         ('serialization', 'subject_name_strategy', 'string', null, false, null, null, null)
$body$;
comment on function tide.relay_config_grammar() is
  'Keys that a stored pipeline configuration may have, with kinds and bounds.';

-- Secrets ---------------------------------------------------------------------------------------------------------

-- Whether a field of this name holds a secret. The relay process decides by the same pattern.
create or replace function tide.relay_is_secret_key(p_key text)
  returns boolean
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select lower(p_key) ~ ('(?:^|_)(?:password|passwd|passphrase|secret|secrets|secret_key|token|api_key|apikey|private_key'
           '|credentials|credentials_json)$|^(?:webhook_url|connection_string|sas_key|nkey|nkey_seed'
           '|auth_header|authorization|proxy-authorization|cookie|x-api-key)$')
         and lower(p_key) !~ '(?:^|_)(?:partition_key|credentials_file)$'
$body$;
comment on function tide.relay_is_secret_key(text) is 'Whether a configuration field of this name holds a secret.';

-- Every text, number and boolean of `p_value` with its path; `in_secret`: it stands in a field that holds a secret.
-- Stops 32 levels down.
create or replace function tide.relay_config_leaves(p_value jsonb)
  returns table (place text, leaf jsonb, in_secret boolean, depth integer)
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  with recursive walk as (
    select ''::text as place, p_value as node, false as in_secret, 0 as depth
    union all
    select case when w.place = '' then c.name else concat(w.place, '.', c.name) end,
           c.node,
           w.in_secret or (c.is_key and tide.relay_is_secret_key(c.name)),
           w.depth + 1
      from walk as w
     cross join lateral (
             select e.key as name, e.value as node, true as is_key
               from jsonb_each(case jsonb_typeof(w.node) when 'object' then w.node else '{}' end) as e
             union all
             select (a.position - 1)::text, a.value, false
               from jsonb_array_elements(case jsonb_typeof(w.node) when 'array' then w.node else '[]' end)
                      with ordinality as a (value, position)
           ) as c
     where w.depth < 33
  )
  select w.place, w.node, w.in_secret, w.depth
    from walk as w
   where jsonb_typeof(w.node) in ('string', 'number', 'boolean')
      or w.depth = 33
$body$;
comment on function tide.relay_config_leaves(jsonb) is 'Single values of a configuration with their places.';

-- Fields of `p_config` that hold a secret as it is. `is_field`: the whole value is one; otherwise a password stands
-- inside
-- a URL. Places only: values never leave this function.
create or replace function tide.relay_inline_secrets(p_config jsonb)
  returns table (place text, is_field boolean)
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select t.place,
         (t.in_secret and not t.has_url_reference) or t.value like '%BEGIN%PRIVATE KEY%'
    from (
      select l.place,
             l.in_secret,
             l.leaf #>> '{}' as value,
             (l.leaf #>> '{}') ~* '^[a-z][a-z0-9+.-]*://[^/?#@:]*:\$\{(?:env:[A-Za-z0-9_]+|file:/[^{}]+)\}@' as has_url_reference
        from tide.relay_config_leaves(p_config) as l
       where l.depth < 33
    ) as t
   where t.value <> ''
     and (
           t.value like '%BEGIN%PRIVATE KEY%'
        or (t.in_secret
            and not t.has_url_reference
            and t.value !~ '^\$\{(?:(?:env|ENV):[A-Za-z0-9_]+|file:/[^{}]+)\}$'
            -- The scheme of an authorization header stands before its secret.
            and t.value !~ '^[A-Za-z]+ \$\{(?:(?:env|ENV):[A-Za-z0-9_]+|file:/[^{}]+)\}$')
        or (not t.has_url_reference
            and t.value ~* '^[a-z][a-z0-9+.-]*://[^/?#@:]*:[^@/?#]+@')
         )
$body$;
comment on function tide.relay_inline_secrets(jsonb) is
  'Places of a configuration where a secret stands instead of a reference.';

-- Checking --------------------------------------------------------------------------------------------------------

-- Refuses what is not a name of an outbox, inbox or pipeline.
create or replace function tide.relay_check_name(p_kind text, p_name text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_name is null or p_name !~ '^[A-Za-z_][A-Za-z0-9_-]{0,62}$' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: the %s name is not valid', p_kind),
      'Use a letter or underscore, then letters, digits, underscores and hyphens; at most 63 in all.');
  end if;
end
$body$;
comment on function tide.relay_check_name(text, text) is
  'Refuses what cannot be the name of an outbox, inbox or pipeline.';

-- Refuses one value that the grammar does not allow at `p_place`.
create or replace function tide.relay_check_value(
  p_place text, p_value jsonb, p_kind text, p_least numeric, p_most numeric, p_choices text[]
)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_type text := jsonb_typeof(p_value);
  v_expected text := case when p_kind = 'integer' then 'number' when p_kind in ('interval', 'expression') then 'string' else p_kind end;
  v_number numeric;
  v_interval interval;
begin
  if v_type <> v_expected then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: "%s" must be %s, not %s', p_place, v_expected, v_type), null);
  end if;
  if v_expected = 'number' then
    v_number := (p_value #>> '{}')::numeric;
    if (p_kind = 'integer' and v_number <> trunc(v_number)) or v_number < p_least or v_number > p_most then
      perform tide.fail('PGTIDE_INVALID_ARGUMENT',
        format('invalid argument: "%s" is out of range', p_place),
        format('Use %s from %s to %s.', case p_kind when 'integer' then 'a whole number' else 'a number' end,
          p_least, p_most));
    end if;
  elsif p_choices is not null and p_value #>> '{}' <> all (p_choices) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: "%s" is none of the known values', p_place),
      format('Use one of %s.', array_to_string(p_choices, ', ')));
  elsif p_kind = 'interval' then
    begin
      v_interval := (p_value #>> '{}')::interval;
    exception when others then
      v_interval := null;
    end;
    if v_interval is null or v_interval <= interval '0' then
      perform tide.fail('PGTIDE_INVALID_ARGUMENT',
        format('invalid argument: "%s" is not a length of time', p_place), 'Write it like ''15 minutes''.');
    end if;
  elsif p_kind = 'string' and p_value #>> '{}' ~ '[[:cntrl:]]' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: "%s" holds control characters', p_place), null);
  elsif p_kind = 'string' and length(btrim(p_value #>> '{}')) not between 1 and 1024 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: "%s" is blank or too long', p_place), 'Use 1 to 1024 characters.');
  end if;
end
$body$;
comment on function tide.relay_check_value(text, jsonb, text, numeric, numeric, text[]) is
  'Refuses a value of another kind, out of its bounds, or none of its choices.';

-- Refuses the first key of `p_object` that the grammar does not know below `p_parent`, and every value it does not
-- allow.
create or replace function tide.relay_check_keys(p_direction text, p_parent text, p_object jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_prefix text := case p_parent when '' then '' else p_parent || '.' end;
  v_entry record;
begin
  for v_entry in
    select e.key, e.value, g.kind, g.at_least, g.at_most, g.choices
      from jsonb_each(p_object) as e
      left join tide.relay_config_grammar() as g
        on g.parent = p_parent
       and g.key = e.key
       and coalesce(g.direction, p_direction) = p_direction
     order by g.key is not null, e.key
  loop
    if v_entry.kind is null then
      perform tide.fail('PGTIDE_INVALID_ARGUMENT',
        format('invalid argument: unknown key "%s%s"', v_prefix, left(v_entry.key, 63)),
        (
          select format('Known here: %s.', string_agg(g.key, ', ' order by g.key))
            from tide.relay_config_grammar() as g
           where g.parent = p_parent
             and coalesce(g.direction, p_direction) = p_direction
        ));
    end if;
    perform tide.relay_check_value(v_prefix || v_entry.key, v_entry.value, v_entry.kind, v_entry.at_least, v_entry.at_most,
      v_entry.choices);
  end loop;
end
$body$;
comment on function tide.relay_check_keys(text, text, jsonb) is
  'Refuses keys and values that the grammar does not know below a parent.';

-- Refuses routing rules that are not {match_field, match_value, subject}.
create or replace function tide.relay_check_rules(p_rules jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_rule record;
begin
  for v_rule in
    select a.value as rule, a.position - 1 as position
      from jsonb_array_elements(p_rules) with ordinality as a (value, position)
  loop
    if jsonb_typeof(v_rule.rule) <> 'object'
       or jsonb_typeof(v_rule.rule -> 'match_field') is distinct from 'string'
       or jsonb_typeof(v_rule.rule -> 'subject') is distinct from 'string'
       or concat(v_rule.rule ->> 'match_field', v_rule.rule ->> 'subject') ~ '[[:cntrl:]]'
       or length(btrim(v_rule.rule ->> 'match_field')) not between 1 and 1024
       or length(btrim(v_rule.rule ->> 'subject')) not between 1 and 1024
       or length(v_rule.rule ->> 'match_value') > 1024
       or coalesce(jsonb_typeof(v_rule.rule -> 'match_value'), '') not in ('string', 'number', 'boolean')
       or v_rule.rule - array['match_field', 'match_value', 'subject'] <> '{}'::jsonb then
      perform tide.fail('PGTIDE_INVALID_ARGUMENT',
        format('invalid argument: "routing.rules.%s" is not a rule', v_rule.position),
        'Write {"match_field": "event_type", "match_value": "order.created", "subject": "orders.created"}.');
    end if;
  end loop;
end
$body$;
comment on function tide.relay_check_rules(jsonb) is 'Refuses routing rules of another shape.';

-- Refuses literal secrets and broken references; warns of passwords in URLs.
create or replace function tide.relay_check_secrets(p_config jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_found record;
  v_place text;
begin
  select l.place
    into v_place
    from tide.relay_config_leaves(p_config) as l
   where l.leaf #>> '{}' like '%${%'
     and regexp_replace(replace(l.leaf #>> '{}', '$${', ' '),
           '\$\{(?:(?:env|ENV):[A-Za-z0-9_]+(?::-[^{}]*)?|file:/[^{}]+)\}', ' ', 'g') like '%${%'
   order by l.place
   limit 1;
  if found then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: "%s" holds a reference that cannot be read', v_place),
      'Write ${env:NAME} or ${file:/absolute/path}, and $${ for the text itself.');
  end if;
  select l.place
    into v_place
    from tide.relay_config_leaves(p_config) as l
   where l.leaf #>> '{}' like '%[REDACTED]%'
   order by l.place
   limit 1;
  if found then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: "%s" holds a mask in the place of a secret', v_place),
      'What is shown of a secret cannot be stored again: put ${env:NAME} or ${file:/run/secrets/name} there.');
  end if;
  for v_found in select i.place, i.is_field from tide.relay_inline_secrets(p_config) as i order by i.place loop
    if not v_found.is_field then
      raise warning 'field "%" holds a password as it is', v_found.place
        using errcode = '01000',
              hint = 'Put ${env:NAME} or ${file:/run/secrets/name} in the place of the password.';
    elsif coalesce((select s.value from tide.settings as s where s.key = 'inline_secrets'), 'refuse') <> 'allow' then
      perform tide.fail('PGTIDE_INVALID_ARGUMENT',
        format('invalid argument: "%s" holds a secret as it is', v_found.place),
        'Store ${env:NAME} or ${file:/run/secrets/name} instead; the relay puts the value in.');
    else
      raise warning 'field "%" holds a secret as it is', v_found.place
        using errcode = '01000', hint = 'Store ${env:NAME} or ${file:/run/secrets/name} instead.';
    end if;
  end loop;
end
$body$;
comment on function tide.relay_check_secrets(jsonb) is
  'Refuses configurations with a secret in them instead of a reference.';

-- Refuses a connector that the relay cannot run.
create or replace function tide.relay_check_type(p_direction text, p_type text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if not exists (
       select from tide.relay_connector_types() as t where t.direction = p_direction and t.connector_type = p_type
     ) then
    perform tide.fail('PGTIDE_CONFIG_UNSUPPORTED_SURFACE',
      format('invalid argument: unsupported %s type "%s"', case p_direction when 'forward' then 'sink' else 'source' end,
        left(p_type, 63)),
      (
        select format('Use one of %s.', string_agg(t.connector_type, ', ' order by t.connector_type))
          from tide.relay_connector_types() as t
         where t.direction = p_direction
      ));
  end if;
end
$body$;
comment on function tide.relay_check_type(text, text) is
  'Refuses the type of a sink or source that the relay cannot run.';

-- Refuses what pg_tide's configuration can ask for and the relay does not do: to ignore it would be worse.
create or replace function tide.relay_check_surface(p_direction text, p_config jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_place text;
begin
  v_place := case
    when p_config ? 'schema_registry' then 'schema_registry'
    when coalesce(p_config #>> '{serialization,format}', 'json') <> 'json' then 'serialization.format'
    when p_direction = 'reverse' and coalesce(p_config ->> 'on_schema_change', 'continue') <> 'continue' then 'on_schema_change'
    when not exists (
           select
             from tide.relay_wire_formats() as f
            where f.direction = p_direction and f.wire_format = coalesce(p_config ->> 'wire_format', 'native')
         ) then 'wire_format'
  end;
  if v_place is not null then
    perform tide.fail('PGTIDE_CONFIG_UNSUPPORTED_SURFACE',
      format('invalid argument: the relay does not support this "%s"', v_place),
      case v_place
        when 'wire_format' then (
          select format('Use one of %s.', string_agg(f.wire_format, ', ' order by f.wire_format))
            from tide.relay_wire_formats() as f
           where f.direction = p_direction
        )
        else 'Leave it out: events travel as JSON, whatever their columns.'
      end);
  end if;
  if coalesce(p_config ->> 'order_key', 'dedup') !~ '^(?:dedup|subject|(?:payload|headers)(?:\.[^.[:space:]]+)+)$' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: "order_key" names no field',
      'Use dedup, subject, payload.customer_id or headers.key.');
  end if;
end
$body$;
comment on function tide.relay_check_surface(text, jsonb) is 'Refuses what the relay does not do.';

-- Refuses a canonical configuration that cannot be stored. Says which key, never which value.
create or replace function tide.relay_check_config(p_direction text, p_config jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_parent text;
begin
  if p_config is null or jsonb_typeof(p_config) <> 'object' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the configuration must be an object', null);
  end if;
  -- 262144 bytes: a configuration is read by every relay at every change.
  if octet_length(p_config::text) > 262144 then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the configuration is larger than 256 KiB', null);
  end if;
  if exists (select from tide.relay_config_leaves(p_config) as l where l.depth = 33) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the configuration is nested more than 32 levels deep',
      null);
  end if;
  perform tide.relay_check_keys(p_direction, '', p_config);
  for v_parent in
    select distinct g.parent
      from tide.relay_config_grammar() as g
     where g.parent <> ''
       and coalesce(g.direction, p_direction) = p_direction
       and p_config ? g.parent
     order by 1
  loop
    perform tide.relay_check_keys(p_direction, v_parent, p_config -> v_parent);
  end loop;
  perform tide.relay_check_rules(coalesce(p_config #> '{routing,rules}', '[]'));
  if p_direction = 'forward' then
    if p_config ->> 'source_type' is distinct from 'outbox' then
      perform tide.fail('PGTIDE_CONFIG_UNSUPPORTED_SURFACE',
        format('invalid argument: unsupported source type "%s"', left(p_config ->> 'source_type', 63)),
        'Forward pipelines read an outbox: leave source_type and source_mode out.');
    end if;
    perform tide.relay_check_type('forward', p_config ->> 'sink_type');
  else
    if p_config ->> 'sink_type' is distinct from 'inbox' then
      perform tide.fail('PGTIDE_CONFIG_UNSUPPORTED_SURFACE',
        format('invalid argument: unsupported sink type "%s"', left(p_config ->> 'sink_type', 63)),
        'Reverse pipelines write an inbox: leave sink_type out.');
    end if;
    perform tide.relay_check_type('reverse', p_config ->> 'source_type');
  end if;
  perform tide.relay_check_surface(p_direction, p_config);
  perform tide.relay_check_secrets(p_config);
end
$body$;
comment on function tide.relay_check_config(text, jsonb) is
  'Refuses a canonical pipeline configuration that cannot be stored.';

-- Normalising -----------------------------------------------------------------------------------------------------

-- One configuration out of a connector's `p_body` (with shared keys still among its own) and the shared keys given
-- beside it. Other spellings become the known ones: transforms, messages_per_second. Null is the same as not given.
create or replace function tide.relay_canonical(p_direction text, p_type text, p_peer jsonb, p_body jsonb, p_shared jsonb)
  returns jsonb
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_body jsonb := tide.relay_respell(jsonb_strip_nulls(p_body));
  v_shared jsonb := tide.relay_respell(jsonb_strip_nulls(p_shared));
  v_lifted jsonb;
  v_twice text;
begin
  select coalesce(jsonb_object_agg(e.key, e.value), '{}')
    into v_lifted
    from jsonb_each(v_body) as e
    join tide.relay_config_grammar() as g
      on g.parent = '' and g.is_lifted and g.key = e.key;
  select e.key
    into v_twice
    from jsonb_each(v_lifted) as e
   where v_shared ? e.key
     and v_shared -> e.key <> e.value
   order by e.key
   limit 1;
  if found then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: "%s" is given twice', v_twice),
      'Leave it out of the inner configuration.');
  end if;
  v_body := v_body - array(select jsonb_object_keys(v_lifted));
  return jsonb_build_object('schema_version', 1, 'batch_size', 100)
    || v_lifted
    || v_shared
    || jsonb_build_object('dlq', coalesce(
         jsonb_build_object('enabled', true)
           || case jsonb_typeof(coalesce(v_shared -> 'dlq', v_lifted -> 'dlq'))
                when 'object' then coalesce(v_shared -> 'dlq', v_lifted -> 'dlq')
              end,
         v_shared -> 'dlq', v_lifted -> 'dlq', '{"enabled": true}'))
    || case p_direction
         when 'forward' then
           jsonb_build_object('source_type', 'outbox', 'source', p_peer, 'sink_type', p_type, 'sink', v_body)
         else
           jsonb_build_object('source_type', p_type, 'source', v_body, 'sink_type', 'inbox', 'sink', p_peer)
       end;
end
$body$;
comment on function tide.relay_canonical(text, text, jsonb, jsonb, jsonb) is
  'The canonical configuration of a pipeline out of what any of the older forms say.';

-- `p_object` with the second names of keys replaced by the first.
create or replace function tide.relay_respell(p_object jsonb)
  returns jsonb
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_object jsonb := coalesce(p_object, '{}');
begin
  if v_object ? 'transforms' and not v_object ? 'transform' then
    v_object := v_object - 'transforms' || jsonb_build_object('transform', v_object -> 'transforms');
  end if;
  if jsonb_typeof(v_object -> 'rate_limit') = 'object'
     and v_object -> 'rate_limit' ? 'messages_per_second'
     and not v_object -> 'rate_limit' ? 'max_messages_per_second' then
    v_object := v_object || jsonb_build_object('rate_limit', (v_object -> 'rate_limit') - 'messages_per_second'
      || jsonb_build_object('max_messages_per_second', v_object #> '{rate_limit,messages_per_second}'));
  end if;
  return v_object;
end
$body$;
comment on function tide.relay_respell(jsonb) is
  'A configuration with the second names of its keys replaced by the first.';

-- A configuration argument as an object; null is an empty one.
create or replace function tide.relay_as_object(p_place text, p_value jsonb)
  returns jsonb
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_value is null or p_value = 'null'::jsonb then
    return '{}';
  end if;
  if jsonb_typeof(p_value) <> 'object' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: %s must be an object, not %s', p_place, jsonb_typeof(p_value)), null);
  end if;
  return p_value;
end
$body$;
comment on function tide.relay_as_object(text, jsonb) is
  'An argument that must be an object; null counts as an empty one.';

-- Storing ---------------------------------------------------------------------------------------------------------

-- Checks and stores a forward pipeline; an existing one keeps its owner and tenant. The relay hears of it at commit.
create or replace function tide.relay_store_outbox(p_name text, p_enabled boolean, p_config jsonb)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_outbox text := p_config #>> '{source,outbox}';
begin
  perform tide.relay_check_name('pipeline', p_name);
  perform tide.relay_check_config('forward', p_config);
  if not exists (select from tide.tide_outbox_config as o where o.outbox_name = v_outbox) then
    perform tide.fail('PGTIDE_OUTBOX_NOT_FOUND', format('outbox not found: %s', v_outbox),
      format('Create it first: select tide.outbox_create(%L);', v_outbox));
  end if;
  -- Positions are kept by name and outbox: two that share both would move each other's.
  if exists (select from tide.relay_fanin_config as f where f.name = p_name) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: there is a fan-in of the name "%s"', p_name),
      'Choose another name.');
  end if;
  insert into tide.relay_outbox_config as c (name, enabled, config, wire_format)
  values (p_name, coalesce(p_enabled, true), p_config, coalesce(p_config ->> 'wire_format', 'native'))
  on conflict (name) do update
     set enabled = excluded.enabled, config = excluded.config, wire_format = excluded.wire_format;
  perform pg_notify('tide_relay_config', p_name);
end
$body$;
comment on function tide.relay_store_outbox(text, boolean, jsonb) is
  'Checks and stores the canonical configuration of a forward pipeline.';

-- Checks and stores a reverse pipeline. Its inbox may be made later: the relay waits for it.
create or replace function tide.relay_store_inbox(p_name text, p_enabled boolean, p_config jsonb)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_inbox text := p_config #>> '{sink,inbox}';
begin
  perform tide.relay_check_name('pipeline', p_name);
  perform tide.relay_check_name('inbox', v_inbox);
  perform tide.relay_check_config('reverse', p_config);
  if not exists (select from tide.tide_inbox_config as i where i.inbox_name = v_inbox) then
    raise warning 'inbox not found: %', v_inbox
      using errcode = '01000',
            detail = 'PGTIDE_INBOX_NOT_FOUND',
            hint = format('The pipeline waits for it: select tide.inbox_create(%L);', v_inbox);
  end if;
  insert into tide.relay_inbox_config as c (name, enabled, config, wire_format)
  values (p_name, coalesce(p_enabled, true), p_config, coalesce(p_config ->> 'wire_format', 'native'))
  on conflict (name) do update
     set enabled = excluded.enabled, config = excluded.config, wire_format = excluded.wire_format;
  perform pg_notify('tide_relay_config', p_name);
end
$body$;
comment on function tide.relay_store_inbox(text, boolean, jsonb) is
  'Checks and stores the canonical configuration of a reverse pipeline.';

-- Forms that take one object --------------------------------------------------------------------------------------

-- The text at `p_key`; refuses anything else, and blank text.
create or replace function tide.relay_required_text(p_function text, p_config jsonb, p_key text)
  returns text
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if coalesce(jsonb_typeof(p_config -> p_key), '') <> 'string' or btrim(p_config ->> p_key) = '' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('%s: config must include a non-empty "%s" key', p_function, p_key), null);
  end if;
  return p_config ->> p_key;
end
$body$;
comment on function tide.relay_required_text(text, jsonb, text) is 'A key that must be there and hold text.';

-- The boolean at `p_key`, or the default.
create or replace function tide.relay_optional_boolean(p_config jsonb, p_key text, p_default boolean)
  returns boolean
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if coalesce(p_config -> p_key, 'null') = 'null'::jsonb then
    return p_default;
  end if;
  perform tide.relay_check_value(p_key, p_config -> p_key, 'boolean', null, null, null);
  return (p_config ->> p_key)::boolean;
end
$body$;
comment on function tide.relay_optional_boolean(jsonb, text, boolean) is
  'A key that holds true or false, or its default.';

-- The keys of `p_config` that all pipelines share; refuses those that are neither shared nor in `p_own`.
create or replace function tide.relay_shared_keys(p_function text, p_config jsonb, p_own text[])
  returns jsonb
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_unknown text;
begin
  select e.key
    into v_unknown
    from jsonb_each(p_config) as e
   where e.key <> all (p_own)
     and e.key <> 'transforms'
     and not exists (
           select from tide.relay_config_grammar() as g where g.parent = '' and g.is_lifted and g.key = e.key
         )
   order by e.key
   limit 1;
  if found then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('%s: unknown key "%s"', p_function, left(v_unknown, 63)),
      format('Known here: %s. What belongs to the connector goes into "config".', (
        select string_agg(k.key, ', ' order by k.key)
          from (
            select unnest(p_own) as key
            union
            select g.key from tide.relay_config_grammar() as g where g.parent = '' and g.is_lifted
          ) as k
      )));
  end if;
  return p_config - p_own;
end
$body$;
comment on function tide.relay_shared_keys(text, jsonb, text[]) is
  'The keys that all pipelines share; refuses unknown ones.';

-- Stores a forward pipeline: {name, outbox, sink_type, config, batch_size, enabled, ...}.
create or replace function tide.relay_set_outbox_v2(p_config jsonb)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb := tide.relay_as_object('p_config', p_config);
  v_name text;
  v_outbox text;
  v_type text;
  v_source jsonb;
  v_body jsonb;
  v_shared jsonb;
begin
  v_name := tide.relay_required_text('relay_set_outbox_v2', v_config, 'name');
  v_source := case jsonb_typeof(v_config -> 'source') when 'object' then v_config -> 'source' else '{}' end;
  if not v_config ? 'outbox' and v_source ? 'outbox' then
    v_config := v_config || jsonb_build_object('outbox', v_source -> 'outbox');
  end if;
  v_outbox := tide.relay_required_text('relay_set_outbox_v2', v_config, 'outbox');
  v_body := tide.relay_as_object('"config"', coalesce(v_config -> 'config', v_config -> 'sink'));
  if not v_config ? 'sink_type' and v_body ? 'sink_type' then
    v_config := v_config || jsonb_build_object('sink_type', v_body -> 'sink_type');
  end if;
  v_type := tide.relay_required_text('relay_set_outbox_v2', v_config, 'sink_type');
  v_shared := tide.relay_shared_keys('relay_set_outbox_v2', v_config,
    array['name', 'outbox', 'sink_type', 'config', 'sink', 'source', 'source_type', 'source_mode', 'enabled']);
  if coalesce(v_config ->> 'source_mode', 'native') not in ('native', 'outbox')
     or coalesce(v_config ->> 'source_type', 'outbox') <> 'outbox' then
    perform tide.fail('PGTIDE_CONFIG_UNSUPPORTED_SURFACE',
      'relay_set_outbox_v2: forward pipelines read an outbox of this schema and nothing else',
      'Leave "source_mode" and "source_type" out.');
  end if;
  perform tide.relay_store_outbox(
    v_name,
    tide.relay_optional_boolean(v_config, 'enabled', true),
    tide.relay_canonical('forward', v_type, v_source || jsonb_build_object('outbox', v_outbox), v_body - 'sink_type',
      v_shared));
end
$body$;
comment on function tide.relay_set_outbox_v2(jsonb) is 'Stores a forward pipeline, described by one object.';

-- Stores a reverse pipeline: {name, inbox, source, config, batch_size, enabled, max_retries, idempotent, ...}.
create or replace function tide.relay_set_inbox_v2(p_config jsonb)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb := tide.relay_as_object('p_config', p_config);
  v_name text;
  v_inbox text;
  v_type text;
  v_body jsonb;
  v_shared jsonb;
begin
  v_name := tide.relay_required_text('relay_set_inbox_v2', v_config, 'name');
  if not v_config ? 'inbox' and jsonb_typeof(v_config -> 'sink') = 'object' then
    v_config := v_config - 'sink'
      || jsonb_strip_nulls(jsonb_build_object(
           'inbox', v_config #> '{sink,inbox}',
           'max_retries', coalesce(v_config -> 'max_retries', v_config #> '{sink,max_retries}'),
           'idempotent', coalesce(v_config -> 'idempotent', v_config #> '{sink,idempotent}')));
  end if;
  v_inbox := tide.relay_required_text('relay_set_inbox_v2', v_config, 'inbox');
  if v_config ->> 'sink_type' = 'inbox' then
    v_config := v_config - 'sink_type';
  end if;
  if jsonb_typeof(v_config -> 'source') = 'object' then
    v_config := v_config - 'source' || jsonb_build_object('config', coalesce(v_config -> 'config', v_config -> 'source'));
  end if;
  v_body := tide.relay_as_object('"config"', v_config -> 'config');
  -- The type inside of the connector's configuration is the one that its author wrote beside its keys.
  v_config := jsonb_build_object('source', coalesce(v_body -> 'source_type', v_config -> 'source_type',
    v_config -> 'source', '"stdin"')) || (v_config - array['source', 'source_type']);
  v_type := tide.relay_required_text('relay_set_inbox_v2', v_config, 'source');
  v_shared := tide.relay_shared_keys('relay_set_inbox_v2', v_config,
    array['name', 'inbox', 'source', 'config', 'enabled', 'max_retries', 'idempotent']);
  perform tide.relay_store_inbox(
    v_name,
    tide.relay_optional_boolean(v_config, 'enabled', true),
    tide.relay_canonical('reverse', tide.relay_source_type(v_type),
      jsonb_build_object(
        'inbox', v_inbox,
        'max_retries', coalesce(nullif(v_config -> 'max_retries', 'null'), '3'),
        'idempotent', tide.relay_optional_boolean(v_config, 'idempotent', true)),
      v_body - 'source_type',
      v_shared));
end
$body$;
comment on function tide.relay_set_inbox_v2(jsonb) is 'Stores a reverse pipeline, described by one object.';

-- "stdout" was the default of older forms for a source, where it can only mean the standard input.
create or replace function tide.relay_source_type(p_type text)
  returns text
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select case p_type when 'stdout' then 'stdin' else p_type end
$body$;
comment on function tide.relay_source_type(text) is 'The name of a source type, older names replaced.';

-- Positional forms ------------------------------------------------------------------------------------------------

-- Stores a forward pipeline whose sink_type stands among the keys of its sink.
create or replace function tide.relay_set_outbox(p_name text, p_outbox text, p_config jsonb)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb := tide.relay_as_object('p_config', p_config);
begin
  perform tide.relay_check_name('outbox', p_outbox);
  perform tide.relay_store_outbox(
    p_name,
    tide.relay_optional_boolean(v_config, 'enabled', true),
    tide.relay_canonical('forward',
      tide.relay_required_text('relay_set_outbox', v_config, 'sink_type'),
      jsonb_build_object('outbox', p_outbox),
      v_config - array['sink_type', 'enabled'],
      '{}'));
end
$body$;
comment on function tide.relay_set_outbox(text, text, jsonb) is
  'Stores a forward pipeline; sink_type stands in its configuration.';

-- Stores a forward pipeline by position. `p_sink` is the sink's type, or the name of a consumer group when the
-- configuration
-- names the type; positions are kept by pipeline all the same. A configuration that comes in its place without a cast
-- (PostgreSQL then takes it for text) is taken for what it is.
create or replace function tide.relay_set_outbox(
  p_name text,
  p_outbox text,
  p_sink text,
  p_config jsonb default '{}',
  p_batch_size integer default 100,
  p_enabled boolean default true
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb := tide.relay_as_object('p_config', p_config);
  v_source jsonb;
begin
  if p_sink like '{%' and v_config = '{}' then
    perform tide.relay_set_outbox(p_name, p_outbox, p_sink::jsonb);
    return;
  end if;
  perform tide.relay_check_name('outbox', p_outbox);
  v_source := jsonb_build_object('outbox', p_outbox);
  if v_config ? 'sink_type' and p_sink <> v_config ->> 'sink_type' then
    v_source := v_source || jsonb_build_object('consumer_group', p_sink);
  end if;
  perform tide.relay_store_outbox(
    p_name,
    coalesce(p_enabled, true) and tide.relay_optional_boolean(v_config, 'enabled', true),
    tide.relay_canonical('forward',
      tide.relay_required_text('relay_set_outbox', jsonb_build_object('sink_type', p_sink) || v_config, 'sink_type'),
      v_source,
      v_config - array['sink_type', 'enabled', 'batch_size'],
      jsonb_build_object('batch_size',
        case when coalesce(p_batch_size, 100) = 100 then v_config -> 'batch_size' else to_jsonb(p_batch_size) end)));
end
$body$;
comment on function tide.relay_set_outbox(text, text, text, jsonb, integer, boolean) is
  'Stores a forward pipeline by position.';

-- Stores a reverse pipeline by position. source_type in the configuration comes before `p_source`.
create or replace function tide.relay_set_inbox(
  p_name text,
  p_inbox text,
  p_config jsonb default '{}',
  p_batch_size integer default 100,
  p_source text default 'stdout',
  p_enabled boolean default true,
  p_max_retries integer default 3,
  p_idempotent boolean default true
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb := tide.relay_as_object('p_config', p_config);
begin
  perform tide.relay_store_inbox(
    p_name,
    coalesce(p_enabled, true) and tide.relay_optional_boolean(v_config, 'enabled', true),
    tide.relay_canonical('reverse',
      tide.relay_source_type(tide.relay_required_text('relay_set_inbox',
        jsonb_build_object('source_type', coalesce(p_source, 'stdin')) || v_config, 'source_type')),
      jsonb_build_object('inbox', p_inbox, 'max_retries', coalesce(p_max_retries, 3),
        'idempotent', coalesce(p_idempotent, true)),
      v_config - array['source_type', 'enabled', 'batch_size'],
      jsonb_build_object('batch_size',
        case when coalesce(p_batch_size, 100) = 100 then v_config -> 'batch_size' else to_jsonb(p_batch_size) end)));
end
$body$;
comment on function tide.relay_set_inbox(text, text, jsonb, integer, text, boolean, integer, boolean) is
  'Stores a reverse pipeline by position.';

-- Stores a reverse pipeline the way one generation wrote it: the source's type second, the inbox third. Its arguments
-- have names of their own, or calls by name would fit both forms.
create or replace function tide.relay_set_inbox(p_name text, p_source_type text, p_target_inbox text, p_config jsonb)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_set_inbox(p_name => p_name, p_inbox => p_target_inbox, p_config => p_config, p_source => p_source_type)
$body$;
comment on function tide.relay_set_inbox(text, text, text, jsonb) is
  'Stores a reverse pipeline, the source''s type before the inbox.';

-- The same for four literals that nobody cast: PostgreSQL takes them for text where a form accepts it, and could choose
-- between the two above by nothing else.
create or replace function tide.relay_set_inbox(p_name text, p_source_type text, p_target_inbox text, p_config text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb;
begin
  begin
    v_config := p_config::jsonb;
  exception when data_exception then
    -- The server's own words repeat the text, which may hold a secret.
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_config is not JSON', null);
  end;
  perform tide.relay_set_inbox(p_name, p_source_type, p_target_inbox, v_config);
end
$body$;
comment on function tide.relay_set_inbox(text, text, text, text) is
  'Stores a reverse pipeline, the source''s type before the inbox, its configuration not cast.';

-- Living with them ------------------------------------------------------------------------------------------------

-- Says that there is no such pipeline.
create or replace function tide.relay_not_found(p_name text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.fail('PGTIDE_RELAY_NOT_FOUND', format('relay pipeline not found: %s', left(p_name, 63)),
    'select tide.relay_list_configs() lists the pipelines that you may see.')
$body$;
comment on function tide.relay_not_found(text) is 'Says that there is no such pipeline.';

-- Whether the caller may switch a pipeline of `p_owner` and `p_tenant`: its owner, the tenant's roles, operators, and
-- whoever may
-- change the table. The same that the row level policies say, for use with borrowed rights.
create or replace function tide.relay_may_operate(p_owner text, p_tenant text)
  returns boolean
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(tide.publisher_identity() = p_owner, false)
      or has_any_column_privilege(tide.publisher_identity(), 'tide.relay_outbox_config', 'update')
      or tide.relay_sees_tenant(tide.publisher_identity(), p_tenant)
      or exists (
           select
             from pg_roles as r
            where r.rolname in ('tide_operator', 'tide_admin', 'pg_tide_admin', 'tide_relay')
              and pg_has_role(tide.publisher_identity(), r.oid, 'usage')
         )
$body$;
comment on function tide.relay_may_operate(text, text) is 'Whether the caller may switch a pipeline on and off.';

-- Switches a pipeline or fan-in on, or with false off. False when there is none of that name.
-- Definer: operators switch pipelines without the right to change what they do. A pipeline of a tenant is out of reach
-- for roles that are neither its owner, nor granted the tenant, nor members of a role that runs the relay.
create or replace function tide.relay_enable(p_name text, p_enabled boolean default true)
  returns boolean
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_count bigint;
begin
  with forward as (
    update tide.relay_outbox_config as c
       set enabled = coalesce(p_enabled, true)
     where c.name = p_name
       and tide.relay_may_operate(c.owner, c.tenant_name)
    returning 1
  ), reverse as (
    update tide.relay_inbox_config as c
       set enabled = coalesce(p_enabled, true)
     where c.name = p_name
       and tide.relay_may_operate(c.owner, c.tenant_name)
    returning 1
  ), fan_in as (
    update tide.relay_fanin_config as f
       set enabled = coalesce(p_enabled, true), updated_at = now()
     where f.name = p_name
       and tide.relay_may_operate(null, f.tenant_name)
    returning 1
  )
  select (select count(*) from forward) + (select count(*) from reverse) + (select count(*) from fan_in)
    into v_count;
  if v_count = 0 then
    return false;
  end if;
  -- Whoever switches by hand has decided: an automatic resume must not undo it, and an old error says nothing any more.
  update tide.relay_pipeline_state as s
     set pause_started_at = null, failure_count = 0, updated_at = now()
   where s.name = p_name
     and (s.pause_started_at is not null or s.failure_count <> 0);
  perform pg_notify('tide_relay_config', p_name);
  return true;
end
$body$;
comment on function tide.relay_enable(text, boolean) is
  'Switches a pipeline on (or off); false when there is none of that name.';

-- Switches a pipeline off. False when there is none of that name.
create or replace function tide.relay_disable(p_name text)
  returns boolean
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.relay_enable(p_name, false)
$body$;
comment on function tide.relay_disable(text) is 'Switches a pipeline off; false when there is none of that name.';

-- Removes a pipeline. Its positions stay, so that one of the same name goes on where it stopped.
create or replace function tide.relay_delete(p_name text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_count bigint;
begin
  with forward as (
    delete from tide.relay_outbox_config as c where c.name = p_name returning 1
  ), reverse as (
    delete from tide.relay_inbox_config as c where c.name = p_name returning 1
  )
  select (select count(*) from forward) + (select count(*) from reverse)
    into v_count;
  if v_count = 0 then
    perform tide.relay_not_found(p_name);
  end if;
  delete from tide.relay_pipeline_state as s where s.name = p_name;
  perform pg_notify('tide_relay_config', p_name);
end
$body$;
comment on function tide.relay_delete(text) is 'Removes a pipeline; its positions stay.';

-- A configuration to show: as it is stored, unless somebody wrote a secret into it by hand.
create or replace function tide.relay_shown_config(p_config jsonb)
  returns jsonb
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select case when exists (select from tide.relay_inline_secrets(p_config)) then tide.relay_masked(p_config) else p_config end
$body$;
comment on function tide.relay_shown_config(jsonb) is 'A configuration as it may be shown: inline secrets are masked.';

-- The stored configuration, references unresolved. A forward pipeline comes before a reverse one of the same name.
create or replace function tide.relay_get_config(p_name text)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb;
begin
  select c.config
    into v_config
    from (
      select tide.relay_shown_config(o.config) as config, 1 as place from tide.relay_outbox_config as o where o.name = p_name
      union all
      select tide.relay_shown_config(i.config), 2 from tide.relay_inbox_config as i where i.name = p_name
    ) as c
   order by c.place
   limit 1;
  if not found then
    perform tide.relay_not_found(p_name);
  end if;
  return v_config;
end
$body$;
comment on function tide.relay_get_config(text) is 'The stored configuration of a pipeline, references unresolved.';

-- Every pipeline that the caller may see, as a JSON array.
create or replace function tide.relay_list_configs()
  returns jsonb
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'direction', c.direction, 'enabled', c.enabled,
           'config', tide.relay_shown_config(c.config)) order by c.name, c.direction), '[]')
    from (
      select o.name, 'outbox' as direction, o.enabled, o.config from tide.relay_outbox_config as o
      union all
      select i.name, 'inbox', i.enabled, i.config from tide.relay_inbox_config as i
    ) as c
$body$;
comment on function tide.relay_list_configs() is 'All pipelines: name, direction (outbox or inbox), enabled, config.';

-- What was changed about a pipeline, newest first. Inline secrets were masked when it was written.
create or replace function tide.relay_config_history(p_pipeline_name text)
  returns table (
    change_id bigint, pipeline_name text, pipeline_type text, changed_at timestamptz, changed_by text,
    old_config jsonb, new_config jsonb
  )
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select a.id, a.pipeline_name, a.pipeline_type, a.changed_at, a.changed_by, a.old_config, a.new_config
    from tide.relay_config_audit as a
   where a.pipeline_name = p_pipeline_name
   order by a.changed_at desc, a.id desc
$body$;
comment on function tide.relay_config_history(text) is 'Changes of a pipeline''s configuration, newest first.';

-- State -----------------------------------------------------------------------------------------------------------

-- Notes how a pipeline is doing. A pause begins with the first failure and ends with a count of zero.
create or replace function tide.relay_pipeline_state_upsert(
  p_name text, p_last_error text default null, p_error_class text default null, p_failure_count integer default 0
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_count integer := greatest(coalesce(p_failure_count, 0), 0);
begin
  perform tide.relay_check_name('pipeline', p_name);
  if p_error_class is not null and p_error_class not in ('transient', 'permanent') then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_error_class is neither transient nor permanent', null);
  end if;
  insert into tide.relay_pipeline_state as s (name, last_error, error_class, pause_started_at, failure_count, updated_at)
  values (p_name, left(p_last_error, 4096), p_error_class, case when v_count > 0 then clock_timestamp() end, v_count,
    clock_timestamp())
  on conflict (name) do update
     set last_error = excluded.last_error,
         error_class = excluded.error_class,
         pause_started_at = case when v_count > 0 then coalesce(s.pause_started_at, excluded.pause_started_at) end,
         failure_count = excluded.failure_count,
         updated_at = excluded.updated_at;
end
$body$;
comment on function tide.relay_pipeline_state_upsert(text, text, text, integer) is
  'Notes the last error and the number of failures of a pipeline.';

-- Why a pipeline is paused; no row when it is not.
create or replace function tide.relay_pipeline_pause_reason(p text)
  returns table (
    pipeline_name text, last_error text, error_class text, pause_started_at timestamptz, failure_count integer
  )
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select s.name, s.last_error, s.error_class, s.pause_started_at, s.failure_count
    from tide.relay_pipeline_state as s
   where s.name = p
     and s.pause_started_at is not null
$body$;
comment on function tide.relay_pipeline_pause_reason(text) is 'Why and since when a pipeline is paused.';

-- Stops a pipeline because of a failure: it is switched off and, with auto_resume_after, switched on again later.
create or replace function tide.relay_pause(p_name text, p_last_error text, p_error_class text default 'permanent')
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_count bigint;
begin
  with forward as (
    update tide.relay_outbox_config as c set enabled = false where c.name = p_name and c.enabled returning 1
  ), reverse as (
    update tide.relay_inbox_config as c set enabled = false where c.name = p_name and c.enabled returning 1
  )
  select (select count(*) from forward) + (select count(*) from reverse)
    into v_count;
  if v_count = 0 then
    return false;
  end if;
  perform tide.relay_pipeline_state_upsert(p_name, p_last_error, p_error_class,
    1 + coalesce((select s.failure_count from tide.relay_pipeline_state as s where s.name = p_name), 0));
  perform pg_notify('tide_relay_config', p_name);
  return true;
end
$body$;
comment on function tide.relay_pause(text, text, text) is
  'Switches a pipeline off because it failed; false when it was not on.';

-- Paused pipelines and how long their pause shall last; `is_due` when it has.
create or replace function tide.relay_paused_pipelines()
  returns table (
    pipeline_name text, direction text, pause_started_at timestamptz, auto_resume_after interval, is_due boolean
  )
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select p.name, p.direction, s.pause_started_at, p.resume_after, s.pause_started_at + p.resume_after <= clock_timestamp()
    from (
      select c.name,
             'outbox' as direction,
             coalesce((c.config ->> 'auto_resume_after')::interval, (
               select o.auto_resume_after
                 from tide.tide_outbox_config as o
                where o.outbox_name = c.config #>> '{source,outbox}'
             )) as resume_after
        from tide.relay_outbox_config as c
       where not c.enabled
      union all
      select c.name,
             'inbox',
             coalesce((c.config ->> 'auto_resume_after')::interval, (
               select i.auto_resume_after
                 from tide.tide_inbox_config as i
                where i.inbox_name = c.config #>> '{sink,inbox}'
             ))
        from tide.relay_inbox_config as c
       where not c.enabled
    ) as p
    join tide.relay_pipeline_state as s
      on s.name = p.name
   where s.pause_started_at is not null
     and p.resume_after is not null
$body$;
comment on function tide.relay_paused_pipelines() is
  'Pipelines that a failure switched off and that shall go on by themselves.';

-- Pipelines whose pause is over, as a JSON array.
create or replace function tide.relay_auto_resume_candidates()
  returns jsonb
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_agg(jsonb_build_object('name', p.pipeline_name, 'direction', p.direction,
           'pause_started_at', p.pause_started_at, 'auto_resume_after', p.auto_resume_after::text)
           order by p.pipeline_name), '[]')
    from tide.relay_paused_pipelines() as p
   where p.is_due
$body$;
comment on function tide.relay_auto_resume_candidates() is 'Pipelines whose pause is over.';

-- Switches on what is due and returns how many that were. Safe when several relays do it at once.
create or replace function tide.relay_auto_resume()
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_pipeline record;
  v_count bigint := 0;
begin
  for v_pipeline in select p.pipeline_name, p.direction from tide.relay_paused_pipelines() as p where p.is_due loop
    if v_pipeline.direction = 'outbox' then
      update tide.relay_outbox_config as c set enabled = true where c.name = v_pipeline.pipeline_name and not c.enabled;
    else
      update tide.relay_inbox_config as c set enabled = true where c.name = v_pipeline.pipeline_name and not c.enabled;
    end if;
    if found then
      update tide.relay_pipeline_state as s
         set pause_started_at = null, updated_at = clock_timestamp()
       where s.name = v_pipeline.pipeline_name;
      perform pg_notify('tide_relay_config', v_pipeline.pipeline_name);
      v_count := v_count + 1;
    end if;
  end loop;
  return v_count;
end
$body$;
comment on function tide.relay_auto_resume() is 'Switches on the pipelines whose pause is over; returns how many.';
