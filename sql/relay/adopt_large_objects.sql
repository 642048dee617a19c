-- After the migrations, when pg_tide's schema was taken over: large objects that hold payloads of its messages become the
-- schema owner's, so that they can be read for pipelines and go with their messages.
--
-- Only objects with the grant that pg_tide gave them (to pg_read_all_data), and only those that the installing role may
-- give away; the others stay as they are.
do $pgkeep$
declare
  v_owner constant name := pg_catalog.current_setting('pgkeep.owner');
  v_object record;
begin
  set local search_path = pg_catalog, pg_temp;
  for v_object in
    select distinct l.oid
      from tide.tide_outbox_messages as m
      join pg_largeobject_metadata as l on l.oid::text = m.payload ->> 'oid'
      join pg_roles as o on o.oid = l.lomowner
     where m.payload @> '{"_cc": true}'
       and o.rolname <> v_owner
       and pg_has_role(current_user, l.lomowner, 'member')
       and exists (select from aclexplode(l.lomacl) as g
                     join pg_roles as r on r.oid = g.grantee
                    where r.rolname = 'pg_read_all_data')
  loop
    execute format('alter large object %s owner to %I', v_object.oid, v_owner);
  end loop;
end;
$pgkeep$;
