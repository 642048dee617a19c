/** A schema as text that is the same on every major: what pg_dump would say, without what differs between versions. */
import type { Session } from "../../src/pg/session.ts";

/**
 * Tables with their columns and constraints, indexes, triggers, policies, the columns of views, and what callers see of
 * functions. Definitions of views and bodies of functions are left out: servers print the former each in
 * their way, and both stand in the migrations.
 */
export async function dumpSchema(session: Session, schema: string): Promise<string> {
  await session.script("set search_path = pg_catalog");
  const rows = await session.query(DUMP, [schema]);
  return rows.map(({ line }) => line).join("\n");
}

const DUMP = `
with place as (select oid from pg_namespace where nspname = $1),
columns as (
  select a.attrelid,
         string_agg(format(E'  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                           case when a.attnotnull then ' not null' else '' end,
                           case when a.attidentity = 'a' then ' generated always as identity'
                                when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid)
                                else '' end), E',\\n' order by a.attnum) as lines
    from pg_attribute as a
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attnum > 0 and not a.attisdropped
   group by a.attrelid
), parts as (
  select 1 as part, c.relname as name, ''::text as more,
         format(E'create table %s.%I (\\n%s%s\\n);%s', $1, c.relname, k.lines,
                (select string_agg(format(E',\\n  constraint %I %s', o.conname, pg_get_constraintdef(o.oid)), ''
                                   order by o.contype <> 'p', o.conname)
                   from pg_constraint as o where o.conrelid = c.oid and o.contype in ('p', 'u', 'f', 'c')),
                case when c.relrowsecurity then format(E'\\nalter table %s.%I enable row level security;', $1, c.relname)
                     else '' end) as line
    from pg_class as c
    join place on place.oid = c.relnamespace
    join columns as k on k.attrelid = c.oid
   where c.relkind in ('r', 'p')
   union all
  select 2, c.relname, i.relname::text, pg_get_indexdef(x.indexrelid) || ';'
    from pg_index as x
    join pg_class as c on c.oid = x.indrelid
    join pg_class as i on i.oid = x.indexrelid
    join place on place.oid = c.relnamespace
   where not exists (select from pg_constraint as o where o.conindid = x.indexrelid and o.contype in ('p', 'u'))
   union all
  select 3, c.relname, t.tgname, pg_get_triggerdef(t.oid) || ';'
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    join place on place.oid = c.relnamespace
   where not t.tgisinternal
   union all
  select 4, c.relname, p.polname,
         format('create policy %I on %s.%I for %s using (%s);', p.polname, $1, c.relname,
                case p.polcmd when 'r' then 'select' when 'w' then 'update' when '*' then 'all' else p.polcmd::text end,
                regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\\s+', ' ', 'g'))
    from pg_policy as p
    join pg_class as c on c.oid = p.polrelid
    join place on place.oid = c.relnamespace
   union all
  select 5, c.relname, '', format(E'-- view %s.%I%s\\n%s', $1, c.relname,
                                  coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', ''),
                                  regexp_replace(k.lines, '^', '--', 'gn'))
    from pg_class as c
    join place on place.oid = c.relnamespace
    join columns as k on k.attrelid = c.oid
   where c.relkind = 'v'
   union all
  select 6, p.proname::text, pg_get_function_identity_arguments(p.oid)::text,
         format('-- function %s.%I(%s) returns %s %s%s%s', $1, p.proname, pg_get_function_arguments(p.oid),
                pg_get_function_result(p.oid),
                case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                case when p.prosecdef then ' security definer' else '' end,
                coalesce((select string_agg(' set ' || s, '' order by s) from unnest(p.proconfig) as s), ''))
    from pg_proc as p
    join place on place.oid = p.pronamespace
)
select line from parts order by part, name collate "C", more collate "C"`;
