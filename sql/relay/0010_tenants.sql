-- Tenants: pipelines that belong to a customer or team, and the roles that may see them.
--
-- A tenant is a name on pipelines (tenant_name) and a list of roles. Row level security shows a pipeline to the roles
-- of its
-- tenant. Everything here is for administrators: the functions run with the caller's rights, and who may write the
-- grants decides who sees what.

-- Refuses what cannot be a tenant's name.
create or replace function tide.tenant_check(p_tenant text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_tenant is null or p_tenant !~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the tenant name is not valid',
      'Use letters, digits, underscores, dots and hyphens; at most 63 in all.');
  end if;
end
$body$;
comment on function tide.tenant_check(text) is 'Refuses what cannot be the name of a tenant.';

-- Refuses what cannot, or must not, be the role of a tenant: odd names, and roles with a meaning of their own.
create or replace function tide.tenant_check_role(p_role text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_role is null or p_role !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: the role name is not valid',
      'Use a letter or underscore, then letters, digits and underscores; at most 63 in all.');
  end if;
  if lower(p_role) ~ '^(pg_|tide_)' or lower(p_role) in ('public', 'none', 'postgres', 'current_user', 'session_user',
       'current_role', 'user') then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: role "%s" is reserved', p_role),
      'Choose a role that stands for the tenant alone.');
  end if;
end
$body$;
comment on function tide.tenant_check_role(text) is 'Refuses roles that cannot stand for a tenant.';

-- Gives a pipeline or fan-in to a tenant. Both directions, when two pipelines share the name.
create or replace function tide.relay_set_tenant(p_name text, p_tenant text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_count bigint;
begin
  perform tide.tenant_check(p_tenant);
  with forward as (
    update tide.relay_outbox_config as c set tenant_name = p_tenant where c.name = p_name returning 1
  ), reverse as (
    update tide.relay_inbox_config as c set tenant_name = p_tenant where c.name = p_name returning 1
  )
  select (select count(*) from forward) + (select count(*) from reverse)
    into v_count;
  if v_count = 0 and has_table_privilege('tide.relay_fanin_config', 'update') then
    update tide.relay_fanin_config as f set tenant_name = p_tenant where f.name = p_name;
    get diagnostics v_count = row_count;
  end if;
  if v_count = 0 then
    perform tide.relay_not_found(p_name);
  end if;
  perform pg_notify('tide_relay_config', p_name);
end
$body$;
comment on function tide.relay_set_tenant(text, text) is 'Gives a pipeline to a tenant.';

-- Writes a line to the security audit. Definer: administrators of tenants need not be able to write audits by hand.
create or replace function tide.tenant_audit(p_action text, p_role text, p_tenant text)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if not has_table_privilege(tide.publisher_identity(), 'tide.relay_tenant_grants', 'delete') then
    perform tide.fail('PGTIDE_AUTHORIZATION_FAILED', format('role "%s" does not administer tenants', tide.publisher_identity()),
      'Ask a member of tide_admin.');
  end if;
  if p_action not in ('GRANT_TENANT', 'REVOKE_TENANT', 'PROVISION_TENANT', 'DEPROVISION_TENANT') then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: unknown action', null);
  end if;
  insert into tide.tide_security_audit (action, target_role, target_object, performed_by)
  values (p_action, left(p_role, 63), left(p_tenant, 63), tide.publisher_identity());
end
$body$;
comment on function tide.tenant_audit(text, text, text) is 'Notes who gave or took a tenant.';

-- Lets a role see and switch the pipelines of a tenant.
create or replace function tide.relay_grant_tenant(p_tenant text, p_role text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  perform tide.tenant_check(p_tenant);
  perform tide.tenant_check_role(p_role);
  if not exists (select from pg_roles as r where r.rolname = p_role) then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', format('invalid argument: there is no role "%s"', p_role),
      'Create it first, or call tide.relay_provision_tenant.');
  end if;
  insert into tide.relay_tenant_grants (tenant_name, role_name) values (p_tenant, p_role) on conflict do nothing;
  if found then
    perform tide.tenant_audit('GRANT_TENANT', p_role, p_tenant);
  end if;
end
$body$;
comment on function tide.relay_grant_tenant(text, text) is 'Lets a role see the pipelines of a tenant.';

create or replace function tide.relay_revoke_tenant(p_tenant text, p_role text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
begin
  delete from tide.relay_tenant_grants as g where g.tenant_name = p_tenant and g.role_name = p_role;
  if found then
    perform tide.tenant_audit('REVOKE_TENANT', p_role, p_tenant);
  end if;
end
$body$;
comment on function tide.relay_revoke_tenant(text, text) is 'Takes back what relay_grant_tenant gave.';

-- Lets the role of a provisioned tenant look at pipelines, or no longer, as the table of tenants' roles says.
-- Definer: rights on
-- tables are the schema owner's to give. For those who may change that table.
create or replace function tide.tenant_rights(p_role name)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $body$
begin
  if not has_table_privilege(tide.publisher_identity(), 'tide.relay_tenant_roles', 'delete') then
    perform tide.fail('PGTIDE_AUTHORIZATION_FAILED', format('role "%s" does not administer tenants', tide.publisher_identity()),
      'Ask a member of tide_admin.');
  end if;
  perform tide.tenant_check_role(p_role::text);
  if exists (select from tide.relay_tenant_roles as t where t.db_role = p_role) then
    execute format('grant usage on schema tide to %I', p_role);
    execute format('grant select on tide.relay_outbox_config, tide.relay_inbox_config to %I', p_role);
  else
    execute format('revoke select on tide.relay_outbox_config, tide.relay_inbox_config from %I', p_role);
    execute format('revoke usage on schema tide from %I', p_role);
  end if;
end
$body$;
comment on function tide.tenant_rights(name) is 'Lets the role of a tenant look at pipelines, or no longer.';

-- Makes a role for a tenant, if there is none, and lets it see the tenant's pipelines and their state. The role
-- cannot log
-- in and has no other right. Needs CREATEROLE when the role is to be made, and the rights on what is granted.
create or replace function tide.relay_provision_tenant(p_tenant_id text, p_db_role name)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_makes boolean;
  v_known text;
begin
  perform tide.tenant_check(p_tenant_id);
  perform tide.tenant_check_role(p_db_role::text);
  select t.db_role into v_known from tide.relay_tenant_roles as t where t.tenant_id = p_tenant_id;
  if found then
    if v_known <> p_db_role then
      perform tide.fail('PGTIDE_INVALID_ARGUMENT',
        format('invalid argument: tenant "%s" has the role "%s"', p_tenant_id, v_known),
        'Call tide.relay_deprovision_tenant first.');
    end if;
    return;
  end if;
  v_makes := not exists (select from pg_roles as r where r.rolname = p_db_role);
  if v_makes then
    execute format('create role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls', p_db_role);
  end if;
  insert into tide.relay_tenant_roles (tenant_id, db_role, role_made) values (p_tenant_id, p_db_role, v_makes);
  insert into tide.relay_tenant_grants (tenant_name, role_name) values (p_tenant_id, p_db_role) on conflict do nothing;
  perform tide.tenant_rights(p_db_role);
  perform tide.tenant_audit('PROVISION_TENANT', p_db_role::text, p_tenant_id);
end
$body$;
comment on function tide.relay_provision_tenant(text, name) is
  'Makes a role for a tenant and lets it see the tenant''s pipelines.';

-- Takes everything back, and drops the role if provisioning made it and nothing else hangs on it. Pipelines stay.
create or replace function tide.relay_deprovision_tenant(p_tenant_id text)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $body$
declare
  v_tenant tide.relay_tenant_roles%rowtype;
begin
  delete from tide.relay_tenant_roles as t where t.tenant_id = p_tenant_id returning t.* into v_tenant;
  if not found then
    perform tide.fail('PGTIDE_INVALID_ARGUMENT', 'invalid argument: there is no such tenant',
      'select tenant_id from tide.relay_tenant_roles lists those that there are.');
  end if;
  delete from tide.relay_tenant_grants as g where g.tenant_name = p_tenant_id and g.role_name = v_tenant.db_role;
  perform tide.tenant_audit('DEPROVISION_TENANT', v_tenant.db_role, p_tenant_id);
  -- The role may stand for another tenant too.
  if exists (select from tide.relay_tenant_roles as t where t.db_role = v_tenant.db_role)
     or not exists (select from pg_roles as r where r.rolname = v_tenant.db_role) then
    return;
  end if;
  perform tide.tenant_rights(v_tenant.db_role::name);
  if v_tenant.role_made then
    begin
      execute format('drop role %I', v_tenant.db_role);
    exception when dependent_objects_still_exist then
      raise warning 'role "%" stays: other objects depend on it', v_tenant.db_role
        using errcode = '01000', hint = format('After a look: drop owned by %I; drop role %I;', v_tenant.db_role,
          v_tenant.db_role);
    end;
  end if;
end
$body$;
comment on function tide.relay_deprovision_tenant(text) is 'Takes back what relay_provision_tenant gave and made.';
