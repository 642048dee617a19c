-- Rights in schema tide: what is not granted by name is closed.
--
-- PostgreSQL lets everybody run a new function, and default privileges can open more. So the last step of every install
-- closes both, in the transaction that made the objects: nobody ever meets them open.

-- Takes from PUBLIC whatever it has in schema tide, and gives every function that runs with its owner's rights a fixed
-- search path. With `p_first`, everybody but the owner loses everything: what there is then came from default privileges,
-- not from a grant. Touches only what the current role owns.
create or replace function tide.relay_close_rights(p_first boolean default false)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant record;
  v_function regprocedure;
begin
  for v_grant in
    select distinct x.target, x.grantee
      from (select 'schema tide' as target, n.nspowner as owner, a.grantee
              from pg_namespace as n, aclexplode(n.nspacl) as a
             where n.nspname = 'tide'
             union all
            select format('table %s', c.oid::regclass), c.relowner, a.grantee
              from pg_class as c, aclexplode(c.relacl) as a
             where c.relnamespace = 'tide'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
             union all
            select format('sequence %s', c.oid::regclass), c.relowner, a.grantee
              from pg_class as c, aclexplode(c.relacl) as a
             where c.relnamespace = 'tide'::regnamespace and c.relkind = 'S'
             union all
            -- No list of rights means the built-in one, in which PUBLIC may execute.
            select format('routine %s', p.oid::regprocedure), p.proowner, a.grantee
              from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
             where p.pronamespace = 'tide'::regnamespace
             union all
            select format('type %s', t.oid::regtype), t.typowner, a.grantee
              from pg_type as t, aclexplode(t.typacl) as a
             where t.typnamespace = 'tide'::regnamespace and t.typtype in ('e', 'd', 'r')) as x
     where x.grantee <> x.owner
       and (x.grantee = 0 or p_first)
       and pg_has_role(current_user, x.owner, 'usage')
  loop
    execute format('revoke all on %s from %s cascade', v_grant.target,
                   case v_grant.grantee when 0 then 'public' else v_grant.grantee::regrole::text end);
  end loop;
  for v_function in
    select p.oid::regprocedure
      from pg_proc as p
     where p.pronamespace = 'tide'::regnamespace
       and p.prosecdef
       and pg_has_role(current_user, p.proowner, 'usage')
       and not exists (select from unnest(p.proconfig) as s (setting) where s.setting like 'search_path=%')
  loop
    execute format('alter routine %s set search_path = pg_catalog, pg_temp', v_function);
  end loop;
  -- For functions that somebody adds to the schema later. Default privileges of one schema cannot take away what the
  -- database gives, only those of a role can; that is right for a role that owns this schema alone and
  -- cannot log in, and would be a surprise for anybody else.
  if exists (select from pg_roles as r where r.rolname = current_user and not r.rolcanlogin) then
    alter default privileges revoke execute on functions from public;
  end if;
end;
$$;
comment on function tide.relay_close_rights(boolean) is 'Closes what is open to everybody in schema tide.';
