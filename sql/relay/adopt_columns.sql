-- Gives tables that pg_tide made the columns that they lack. What they should be like stands in schema tide_shape, where
-- 0001_tables.sql was run a moment before, empty; it goes at the end. Rows stay. A column without a default that must not be NULL can be NULL in
-- an adopted table that has rows.
do $pgkeep$
declare
  v_column record;
  v_rows boolean;
begin
  set local search_path = pg_catalog, pg_temp;
  for v_column in
    select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) as type,
           replace(pg_get_expr(d.adbin, d.adrelid), 'tide_shape.', 'tide.') as initial, a.attnotnull, a.attidentity
      from pg_class as c
      join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
      join pg_class as old on old.relname = c.relname and old.relnamespace = 'tide'::regnamespace and old.relkind in ('r', 'p')
     where c.relnamespace = 'tide_shape'::regnamespace
       and c.relkind = 'r'
       and not exists (select from pg_attribute as o
                        where o.attrelid = old.oid and o.attname = a.attname and not o.attisdropped)
     order by c.relname, a.attnum
  loop
    execute format('select exists (select from tide.%I)', v_column.relname) into v_rows;
    execute format('alter table tide.%I add column %I %s%s%s', v_column.relname, v_column.attname, v_column.type,
                   case when v_column.attidentity <> '' then ' generated always as identity'
                        when v_column.initial is not null then ' default ' || v_column.initial else '' end,
                   case when v_column.attnotnull and (v_column.initial is not null or not v_rows) then ' not null' else '' end);
  end loop;
  drop schema tide_shape cascade;
end;
$pgkeep$;
