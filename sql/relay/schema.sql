-- Before the first migration: the role that owns schema tide, and the schema itself. Its name waits in the setting
-- pgkeep.owner, so that no name can be read as SQL. Everything may be there already.
--
-- The owner cannot log in, since what runs with its rights (security definer functions, views) must not be somebody's
-- login. Whoever installs becomes a member of it, because upgrades run as the owner.
do $pgkeep$
declare
  v_owner constant name := pg_catalog.current_setting('pgkeep.owner');
  -- From 16 on membership alone does not let one become the role.
  c_become constant text := case when pg_catalog.current_setting('server_version_num')::integer operator(pg_catalog.>=) 160000
                                 then 'set' else 'member' end;
begin
  if not exists (select from pg_catalog.pg_roles as r where r.rolname operator(pg_catalog.=) v_owner) then
    execute pg_catalog.format(
      'create role %I nologin nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls', v_owner);
    execute pg_catalog.format(
      'comment on role %I is %L', v_owner, 'Owns schema tide (pgkeep relay). Nobody logs in as it.');
  end if;
  if not pg_catalog.pg_has_role(current_user, v_owner, c_become) then
    execute pg_catalog.format('grant %I to %I', v_owner, current_user);
  end if;
  if pg_catalog.to_regnamespace('tide') is null then
    execute pg_catalog.format('create schema tide authorization %I', v_owner);
  end if;
end;
$pgkeep$;
