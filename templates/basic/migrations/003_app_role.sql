-- The role that the running application uses: it works with the data and cannot change what the data looks like.
--
-- The deploying role owns every object; the application's role owns none. It cannot log in by itself: give it to the
-- login role of the application with  GRANT <role> TO <login>.  Its name is parameter app_role, by default the
-- database's name with _app behind it.
--
-- Making a role needs CREATEROLE. Without that right this file says what is missing and goes on.

do $role$
declare
  v_role text := coalesce(nullif(current_setting('pgmi.app_role', true), ''), current_database() || '_app');
begin
  if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
    if not exists (
      select
        from pg_catalog.pg_roles as r
       where r.rolname = current_user
         and (r.rolsuper or r.rolcreaterole)
    ) then
      raise warning 'role "%" does not exist and "%" may not make it', v_role, current_user
        using hint = format('Let an administrator run: create role %I nologin;', v_role);
      return;
    end if;
    execute format('create role %I nologin nosuperuser nocreatedb nocreaterole noreplication', v_role);
  end if;

  execute format('grant usage on schema public to %I', v_role);
  execute format('grant select, insert, update, delete on public."user" to %I', v_role);
  execute format('grant execute on function public.upsert_user(text, text) to %I', v_role);
  execute format('grant execute on function public.get_user(text) to %I', v_role);
  execute format('grant execute on function public.delete_user(text) to %I', v_role);
end;
$role$;

-- Nobody reaches the functions but those who were granted them.
revoke execute on function public.upsert_user(text, text) from public;
revoke execute on function public.get_user(text) from public;
revoke execute on function public.delete_user(text) from public;

-- Before PostgreSQL 15 everybody may create in schema public. Only the schema's owner can end that.
do $public$
begin
  if exists (
    select
      from pg_catalog.pg_namespace as n
     where n.nspname = 'public'
       and pg_has_role(n.nspowner, 'usage')
  ) then
    revoke create on schema public from public;
  end if;
end;
$public$;
