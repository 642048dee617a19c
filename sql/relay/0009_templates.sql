-- Templates: pipelines with blanks, filled in by name.
--
-- A template's config is what relay_set_outbox_v2 (or relay_set_inbox_v2) takes, with {{key}} inside of its texts.
-- Blanks
-- are filled value by value, never in the text of the whole document, and in one pass, so that a value can be nothing
-- but a
-- value. A text that is one blank and nothing else takes the value as it is: a number stays a number.

-- Names of the blanks in `p_config`.
create or replace function tide.relay_template_blanks(p_config jsonb)
  returns setof text
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select distinct m.parts[1]
    from tide.relay_config_leaves(p_config) as l
   cross join lateral regexp_matches(l.leaf #>> '{}', '\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}', 'g') as m (parts)
   where jsonb_typeof(l.leaf) = 'string'
$body$;
comment on function tide.relay_template_blanks(jsonb) is 'Names of the blanks in a template.';

-- `p_value` with its blanks filled from `p_values`. Raises for a blank without a value, and for an object or array
-- where
-- only text fits.
create or replace function tide.relay_template_fill(p_value jsonb, p_values jsonb)
  returns jsonb
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_rest text;
  v_filled text := '';
  v_parts text[];
begin
  case jsonb_typeof(p_value)
    when 'object' then
      return (
        select coalesce(jsonb_object_agg(e.key, tide.relay_template_fill(e.value, p_values)), '{}') from jsonb_each(p_value) as e
      );
    when 'array' then
      return (
        select coalesce(jsonb_agg(tide.relay_template_fill(a.value, p_values) order by a.position), '[]')
          from jsonb_array_elements(p_value) with ordinality as a (value, position)
      );
    when 'string' then
      v_rest := p_value #>> '{}';
      v_parts := regexp_match(v_rest, '^\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}$');
      if v_parts is not null then
        return tide.relay_template_value(v_parts[1], p_values);
      end if;
      loop
        v_parts := regexp_match(v_rest, '^(.*?)\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}(.*)$');
        exit when v_parts is null;
        if jsonb_typeof(tide.relay_template_value(v_parts[2], p_values)) in ('object', 'array') then
          perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: "%s" must be text, a number or a boolean', v_parts[2]),
            null);
        end if;
        v_filled := v_filled || v_parts[1] || (tide.relay_template_value(v_parts[2], p_values) #>> '{}');
        v_rest := v_parts[3];
      end loop;
      return to_jsonb(v_filled || v_rest);
    else
      return p_value;
  end case;
end
$body$;
comment on function tide.relay_template_fill(jsonb, jsonb) is 'A template''s configuration with its blanks filled.';

create or replace function tide.relay_template_value(p_key text, p_values jsonb)
  returns jsonb
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if coalesce(p_values -> p_key, 'null') = 'null'::jsonb or p_values ->> p_key = '' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: the template needs "%s"', p_key),
      format('Give it among the overrides: {"%s": "..."}.', p_key));
  end if;
  return p_values -> p_key;
end
$body$;
comment on function tide.relay_template_value(text, jsonb) is 'The value of a blank; raises when there is none.';

-- Makes or replaces a template.
create or replace function tide.relay_template_create(
  p_name text, p_config jsonb, p_description text default '', p_required_keys jsonb default '[]'
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_config jsonb := tide.relay_as_object('p_config', p_config);
begin
  perform tide.relay_check_name('template', p_name);
  if v_config = '{}' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the template is empty',
      'Give what relay_set_outbox_v2 takes, with {{key}} where a value is missing.');
  end if;
  if octet_length(v_config::text) > 262144
     or exists (select from tide.relay_config_leaves(v_config) as l where l.depth = 33) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the template is too large or too deep',
      'At most 256 KiB and 32 levels.');
  end if;
  if jsonb_typeof(coalesce(p_required_keys, '[]')) <> 'array'
     or exists (select from jsonb_array_elements(coalesce(p_required_keys, '[]')) as k where jsonb_typeof(k) <> 'string') then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: p_required_keys must be an array of texts', null);
  end if;
  -- A blank is no secret; what will be filled in is checked when it is.
  perform tide.relay_check_secrets(
    regexp_replace(v_config::text, '"\{\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}\}"', '"${env:BLANK}"', 'g')::jsonb);
  insert into tide.relay_pipeline_templates as t (name, config, description, required_keys)
  values (p_name, v_config, coalesce(p_description, ''), coalesce(p_required_keys, '[]'))
  on conflict (name) do update
     set config = excluded.config, description = excluded.description, required_keys = excluded.required_keys,
         updated_at = now();
end
$body$;
comment on function tide.relay_template_create(text, jsonb, text, jsonb) is 'Makes or replaces a template.';

create or replace function tide.relay_template_not_found(p_name text)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $body$
  select tide.fail('PGTIDE_RELAY_NOT_FOUND', format('template not found: %s', left(p_name, 63)),
    (select format('There are %s.', string_agg(t.name, ', ' order by t.name)) from tide.relay_pipeline_templates as t))
$body$;
comment on function tide.relay_template_not_found(text) is 'Says that there is no such template.';

create or replace function tide.relay_template_drop(p_name text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  delete from tide.relay_pipeline_templates as t where t.name = p_name;
  if not found then
    perform tide.relay_template_not_found(p_name);
  end if;
end
$body$;
comment on function tide.relay_template_drop(text) is 'Removes a template.';

create or replace function tide.relay_template_list()
  returns jsonb
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'description', t.description, 'required_keys', t.required_keys)
           order by t.name), '[]')
    from tide.relay_pipeline_templates as t
$body$;
comment on function tide.relay_template_list() is 'All templates: name, description, required_keys.';

create or replace function tide.relay_template_get(p_name text)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_template jsonb;
begin
  select to_jsonb(t) into v_template from tide.relay_pipeline_templates as t where t.name = p_name;
  if not found then
    perform tide.relay_template_not_found(p_name);
  end if;
  return v_template;
end
$body$;
comment on function tide.relay_template_get(text) is 'One template as it is stored.';

-- Keys among the overrides that are not blanks but go into the pipeline itself.
create or replace function tide.relay_template_pipeline_keys()
  returns setof text
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $body$
  select unnest(array['name', 'enabled', 'config'])
  union
  select g.key from tide.relay_config_grammar() as g where g.parent = '' and g.is_lifted
$body$;
comment on function tide.relay_template_pipeline_keys() is 'Overrides that go into the pipeline itself.';

-- What is missing for a template, and which overrides it has no use for. The name of the outbox or inbox comes with the
-- call and never counts as missing.
create or replace function tide.relay_template_validate(p_name text, p_overrides jsonb default '{}')
  returns table (is_valid boolean, missing_keys text[], invalid_keys text[])
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_overrides jsonb := tide.relay_as_object('p_overrides', p_overrides);
  v_template tide.relay_pipeline_templates%rowtype;
begin
  select t.* into v_template from tide.relay_pipeline_templates as t where t.name = p_name;
  if not found then
    perform tide.relay_template_not_found(p_name);
  end if;
  missing_keys := array(
    select n.key
      from (
        select jsonb_array_elements_text(v_template.required_keys) as key
        union
        select tide.relay_template_blanks(v_template.config)
      ) as n
     where n.key not in ('outbox_name', 'inbox_name')
       and coalesce(btrim(v_overrides ->> n.key), '') = ''
     order by n.key);
  invalid_keys := array(
    select k.key
      from jsonb_object_keys(v_overrides) as k (key)
     where k.key not in ('outbox_name', 'inbox_name')
       and k.key not in (select tide.relay_template_pipeline_keys())
       and k.key not in (select tide.relay_template_blanks(v_template.config))
       and not v_template.required_keys ? k.key
     order by k.key);
  is_valid := missing_keys = '{}' and invalid_keys = '{}';
  return next;
end
$body$;
comment on function tide.relay_template_validate(text, jsonb) is
  'What a template still needs, and what it has no use for.';

-- The argument for relay_set_outbox_v2 or relay_set_inbox_v2. `p_kind` is "outbox" or "inbox".
create or replace function tide.relay_template_resolve(p_kind text, p_peer text, p_template_name text, p_overrides jsonb)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_overrides jsonb := tide.relay_as_object('p_overrides', p_overrides);
  v_check record;
  v_resolved jsonb;
begin
  select c.* into v_check from tide.relay_template_validate(p_template_name, v_overrides) as c;
  if v_check.missing_keys <> '{}' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: template "%s" needs %s', p_template_name, array_to_string(v_check.missing_keys, ', ')),
      'Give them among the overrides.');
  elsif v_check.invalid_keys <> '{}' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT',
      format('invalid argument: template "%s" has no use for %s', p_template_name,
        left(array_to_string(v_check.invalid_keys, ', '), 200)),
      'Settings of the connector go into "config".');
  end if;
  select tide.relay_template_fill(t.config, v_overrides || jsonb_build_object(p_kind || '_name', p_peer))
    into v_resolved
    from tide.relay_pipeline_templates as t
   where t.name = p_template_name;
  return v_resolved
    || (
         select coalesce(jsonb_object_agg(o.key, o.value), '{}')
           from jsonb_each(v_overrides - 'config') as o
          where o.key in (select tide.relay_template_pipeline_keys())
       )
    || jsonb_build_object(
         p_kind, p_peer,
         'name', coalesce(v_overrides -> 'name', v_resolved -> 'name', to_jsonb(p_peer || '-pipeline')),
         'config', tide.relay_as_object('"config"', v_resolved -> 'config')
           || tide.relay_as_object('"config"', v_overrides -> 'config'));
end
$body$;
comment on function tide.relay_template_resolve(text, text, text, jsonb) is 'A template with everything filled in.';

-- Stores a forward pipeline made from a template. Returns what relay_set_outbox_v2 was given.
create or replace function tide.relay_set_outbox_from_template(
  p_outbox_name text, p_template_name text, p_overrides jsonb default '{}'
)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_resolved jsonb := tide.relay_template_resolve('outbox', p_outbox_name, p_template_name, p_overrides);
begin
  perform tide.relay_set_outbox_v2(v_resolved);
  return v_resolved;
end
$body$;
comment on function tide.relay_set_outbox_from_template(text, text, jsonb) is
  'Stores a forward pipeline made from a template.';

-- Stores a reverse pipeline made from a template. Returns what relay_set_inbox_v2 was given.
create or replace function tide.relay_set_inbox_from_template(
  p_inbox_name text, p_template_name text, p_overrides jsonb default '{}'
)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_resolved jsonb := tide.relay_template_resolve('inbox', p_inbox_name, p_template_name, p_overrides);
begin
  perform tide.relay_set_inbox_v2(v_resolved);
  return v_resolved;
end
$body$;
comment on function tide.relay_set_inbox_from_template(text, text, jsonb) is
  'Stores a reverse pipeline made from a template.';

-- Those that come with the schema. One that pg_tide left under the same name could not be instantiated and is replaced.
select tide.relay_template_create('kafka-topic-mirror',
  '{"sink_type": "kafka", "config": {"brokers": "{{kafka_bootstrap_servers}}", "topic": "{{kafka_topic}}"}}',
  'Every event of an outbox to one Kafka topic.',
  '["outbox_name", "kafka_bootstrap_servers", "kafka_topic"]');
select tide.relay_template_create('nats-jetstream-fanout',
  '{"sink_type": "nats", "config": {"url": "{{nats_url}}", "subject": "{{nats_subject}}"}}',
  'Every event of an outbox to a NATS JetStream subject.',
  '["outbox_name", "nats_url", "nats_subject"]');
select tide.relay_template_create('pg-inbox-relay',
  '{"sink_type": "pg_outbox", "config": {"postgres_url": "{{target_postgres_url}}", "inbox": "{{target_inbox_name}}"}}',
  'Every event of an outbox to an inbox in another database.',
  '["outbox_name", "target_postgres_url", "target_inbox_name"]');
select tide.relay_template_create('webhook-notification',
  '{"sink_type": "webhook",
    "config": {"url": "{{webhook_url}}",
               "signature": {"scheme": "hmac-sha256", "secret": "{{hmac_secret}}", "header": "X-Signature-256"}}}',
  'Every event of an outbox as a signed webhook; hmac_secret is a reference such as ${env:WEBHOOK_SECRET}.',
  '["outbox_name", "webhook_url", "hmac_secret"]');
select tide.relay_template_create('ducklake-daily-sink',
  '{"sink_type": "ducklake", "config": {"catalog_connection": "{{ducklake_catalog}}", "table": "{{ducklake_table}}"}}',
  'Every event of an outbox to a DuckLake table. Refused until the relay has that sink.',
  '["outbox_name", "ducklake_catalog", "ducklake_table"]');
