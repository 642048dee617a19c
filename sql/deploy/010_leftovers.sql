-- Removes what an earlier deploy left in this session's temporary schema, as happens behind a connection pool that
-- reuses sessions. A session that never had a temporary schema skips it all, so the usual deploy pays for one test.
-- Locks only objects of this session.
do $leftovers$
declare
  _object record;
begin
  if pg_catalog.pg_my_temp_schema() = 0 then
    return;
  end if;
  for _object in
    select pg_catalog.format('drop routine %s cascade', p.oid::pg_catalog.regprocedure) as command
      from pg_catalog.pg_proc as p
     where p.pronamespace = pg_catalog.pg_my_temp_schema()
       and p.proname ~ '^(pgmi_|_pgmi_|_pgkeep_)'
  loop
    execute _object.command;
  end loop;
  for _object in
    select case
             when c.relkind = 'v' then pg_catalog.format('drop view if exists pg_temp.%I cascade', c.relname)
             when c.relkind = 'S' then pg_catalog.format('drop sequence if exists pg_temp.%I cascade', c.relname)
             when c.relkind = 'c' then pg_catalog.format('drop type if exists pg_temp.%I cascade', c.relname)
             else pg_catalog.format('drop table if exists pg_temp.%I cascade', c.relname)
           end as command
      from pg_catalog.pg_class as c
     where c.relnamespace = pg_catalog.pg_my_temp_schema()
       and c.relkind in ('r', 'v', 'S', 'c')
       and c.relname ~ '^(pgmi_|_pgmi_|_pgkeep_)'
  loop
    execute _object.command;
  end loop;
end
$leftovers$;
