-- Between schema.sql and the migrations, when the schema was there before: everything in it becomes the owner's, and what
-- belongs to the extension pg_tide leaves it. Tables and their rows stay where they are; functions and views of the
-- extension go, because the migrations make them anew in SQL; then so does the extension.
--
-- Needs the rights of whoever owns the extension, or of a superuser. A view or function of somebody else's that uses one of
-- the extension's stops this with the server's own message, which names it.
do $pgkeep$
declare
  v_owner constant name := pg_catalog.current_setting('pgkeep.owner');
  v_member record;
  v_object record;
  v_routines regprocedure[] := '{}';
  v_views regclass[] := '{}';
begin
  set local search_path = pg_catalog, pg_temp;
  for v_member in
    select d.classid, d.objid, (pg_identify_object(d.classid, d.objid, 0)).type as kind,
           (pg_identify_object(d.classid, d.objid, 0)).identity as identity
      from pg_depend as d
      join pg_extension as e on e.oid = d.refobjid and d.refclassid = 'pg_extension'::regclass
     where e.extname = 'pg_tide' and d.deptype = 'e'
       -- Types of rows and of arrays leave with what they belong to.
       and not exists (select from pg_type as t
                        left join pg_class as c on c.oid = t.typrelid
                       where d.classid = 'pg_type'::regclass and t.oid = d.objid
                         and (t.typcategory = 'A' or c.relkind <> 'c'))
     order by d.objid desc
  loop
    if v_member.classid = 'pg_proc'::regclass then
      v_routines := v_routines || v_member.objid::regprocedure;
    elsif v_member.kind = 'view' then
      v_views := v_views || v_member.objid::regclass;
    end if;
    execute format('alter extension pg_tide drop %s %s', v_member.kind, v_member.identity);
  end loop;
  -- Triggers and policies hang on those functions; the migrations have their own.
  for v_object in
    select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass) as statement
      from pg_trigger as t
     where t.tgfoid = any (v_routines) and not t.tgisinternal and t.tgparentid = 0
     union all
    select format('drop policy %I on %s', p.polname, p.polrelid::regclass)
      from pg_policy as p
      join pg_class as c on c.oid = p.polrelid
     where c.relnamespace = 'tide'::regnamespace and cardinality(v_routines) > 0
  loop
    execute v_object.statement;
  end loop;
  -- The latest first, since views are made of views.
  for v_object in select format('drop view %s', v.name) as statement from unnest(v_views) as v (name) loop
    execute v_object.statement;
  end loop;
  for v_object in select format('drop routine %s', r.name) as statement from unnest(v_routines) as r (name) loop
    execute v_object.statement;
  end loop;
  if exists (select from pg_extension as e where e.extname = 'pg_tide') then
    drop extension pg_tide;
  end if;

  for v_object in
    select format('alter %s %s owner to %I',
                  case c.relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view'
                                 when 'f' then 'foreign table' else 'table' end,
                  c.oid::regclass, v_owner) as statement
      from pg_class as c
      join pg_roles as o on o.oid = c.relowner
     where c.relnamespace = 'tide'::regnamespace
       and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
       and o.rolname <> v_owner
       -- A sequence that belongs to a column goes with its table.
       and not exists (select from pg_depend as d
                        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
                          and c.relkind = 'S')
     union all
    select format('alter routine %s owner to %I', p.oid::regprocedure, v_owner)
      from pg_proc as p
      join pg_roles as o on o.oid = p.proowner
     where p.pronamespace = 'tide'::regnamespace and o.rolname <> v_owner
     union all
    select format('alter schema tide owner to %I', v_owner)
      from pg_namespace as n
      join pg_roles as o on o.oid = n.nspowner
     where n.nspname = 'tide' and o.rolname <> v_owner
  loop
    execute v_object.statement;
  end loop;
end;
$pgkeep$;
