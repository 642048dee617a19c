-- The application's role can do its work and nothing else. The proof is to become that role and try.

do $test$
declare
  v_role text := coalesce(nullif(current_setting('pgmi.app_role', true), ''), current_database() || '_app');
  v_statement text;
  v_user public."user";
begin
  if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
    raise warning 'not proved: role "%" does not exist', v_role;
    return;
  end if;

  -- A role may become another only as its member; this membership is undone with everything else the tests do.
  begin
    execute format('grant %I to %I', v_role, current_user);
    execute format('set local role %I', v_role);
  exception
    when insufficient_privilege then
      raise warning 'not proved: "%" may not become "%"', session_user, v_role;
      return;
  end;

  v_user := public.upsert_user('app@test.example', 'App');
  if v_user.name is distinct from 'App' then
    raise exception 'the application cannot make users';
  end if;

  foreach v_statement in array array[
    'alter table public."user" add column extra text',
    'alter table public."user" disable trigger all',
    'alter table public."user" owner to current_user',
    'truncate public."user"',
    'drop table public."user"',
    'drop function public.get_user(text)',
    'create or replace function public.get_user(p_email text) returns setof public."user" language sql as ''select null''',
    'create index on public."user" (name)',
    'create table public.made_by_the_application (id int)',
    'create schema made_by_the_application',
    'create role made_by_the_application'
  ]
  loop
    begin
      execute v_statement;
    exception
      when insufficient_privilege then
        continue;
    end;
    if v_statement like 'create table public.%' and has_schema_privilege('public', 'public', 'create') then
      raise warning 'everybody may create in schema public'
        using hint = 'Let its owner run: revoke create on schema public from public;';
      continue;
    end if;
    raise exception 'the application may: %', v_statement;
  end loop;

  reset role;
end;
$test$;
