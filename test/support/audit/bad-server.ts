/**
 * A server on which almost everything is wrong, and controls that look alike and are right.
 *
 * Made by hand from what operators really do, not from the checks' own cases: each defect names the check that must find
 * it and a part of the object's name. Controls are objects that no finding may name.
 */
import type { ClusterOptions } from "../cluster.ts";

export interface Defect {
  check: string;
  /** Must be part of a finding's object or detail. */
  names: string;
}

/** pg_hba.conf, worst first; the socket and one exact rule stay usable for the tests themselves. */
export const BAD_HBA = [
  "local all postgres scram-sha-256",
  "host all postgres 127.0.0.1/32 scram-sha-256",
  "host all lab_auditor,lab_plain 127.0.0.1/32 scram-sha-256",
  "local bad_trust all trust",
  "host loopback_db loopback_role 127.0.0.1/32 trust",
  "host far_db far_role 203.0.113.0/24 trust",
  "hostssl mapped_db certified_role 203.0.113.0/24 trust clientcert=verify-ca",
  "host clear_db clear_role 203.0.113.7/32 password",
  "host md5_db md5_role 203.0.113.8/32 md5",
  "host ident_db ident_role 203.0.113.9/32 ident",
  "hostssl anywhere_db anywhere_role 0.0.0.0/0 scram-sha-256",
  "hostssl wide_db wide_role 10.0.0.0/8 scram-sha-256",
  "host all all 198.51.100.0/24 scram-sha-256",
  "host replication all 198.51.100.0/24 scram-sha-256",
  "hostssl near_db near_role samenet scram-sha-256",
  "hostssl named_db named_role db.example.com scram-sha-256",
  "hostssl control_db control_role 192.0.2.10/32 scram-sha-256",
  "hostssl wide_db wide_role 10.1.0.0/16 reject",
];

export const BAD_SETTINGS: ClusterOptions["settings"] = {
  password_encryption: "md5",
  log_disconnections: "off",
  log_connections: "off",
  log_statement: "all",
  log_min_duration_statement: "0",
  log_parameter_max_length_on_error: "-1",
  log_line_prefix: "%p ",
  log_min_messages: "fatal",
  log_error_verbosity: "terse",
  debug_print_plan: "on",
  log_hostname: "on",
  track_activities: "off",
  authentication_timeout: "300",
  superuser_reserved_connections: "0",
  krb_caseins_users: "on",
  lo_compat_privileges: "on",
  allow_system_table_mods: "on",
  zero_damaged_pages: "on",
  fsync: "off",
  standard_conforming_strings: "off",
  dynamic_library_path: "/tmp:$libdir",
  ssl_prefer_server_ciphers: "off",
  ssl_min_protocol_version: "TLSv1",
  ssl_passphrase_command: "echo hunter2",
  unix_socket_permissions: "0777",
};

/** What the settings and rules amount to. */
export const SERVER_DEFECTS: readonly Defect[] = [
  { check: "NET-001", names: "203.0.113.0/24 trust" },
  { check: "NET-002", names: "loopback_db" },
  { check: "NET-003", names: "local bad_trust" },
  { check: "NET-004", names: "clear_db" },
  { check: "NET-005", names: "md5_db" },
  { check: "NET-006", names: "ident_db" },
  { check: "NET-008", names: "anywhere_db" },
  { check: "NET-009", names: "wide_db" },
  { check: "NET-010", names: "198.51.100.0/24" },
  { check: "NET-011", names: "host all all 198.51.100.0/24" },
  { check: "NET-012", names: "replication all" },
  { check: "NET-013", names: "replication all" },
  { check: "NET-014", names: "10.1.0.0/16 reject" },
  { check: "NET-017", names: "host all all 198.51.100.0/24" },
  { check: "NET-018", names: "samenet" },
  { check: "NET-019", names: "db.example.com" },
  { check: "NET-024", names: "mapped_db" },
  { check: "NET-026", names: "far_role" },
  { check: "NET-031", names: "unix_socket_permissions" },
  { check: "NET-033", names: "authentication_timeout" },
  { check: "NET-036", names: "superuser_reserved_connections" },
  { check: "TLS-002", names: "ssl_min_protocol_version" },
  { check: "TLS-005", names: "ssl_prefer_server_ciphers" },
  { check: "TLS-007", names: "ssl_passphrase_command" },
  { check: "TLS-014", names: "krb_caseins_users" },
  { check: "ROL-008", names: "password_encryption" },
  { check: "AUD-001", names: "log_connections" },
  { check: "AUD-002", names: "log_disconnections" },
  { check: "AUD-004", names: "log_statement" },
  { check: "AUD-005", names: "log_min_duration_statement" },
  { check: "AUD-006", names: "log_parameter_max_length_on_error" },
  { check: "AUD-007", names: "log_line_prefix" },
  { check: "AUD-010", names: "log_min_messages" },
  { check: "AUD-011", names: "log_error_verbosity" },
  { check: "AUD-012", names: "debug_print_plan" },
  { check: "AUD-013", names: "log_replication_commands" },
  { check: "AUD-015", names: "log_hostname" },
  { check: "AUD-016", names: "pgaudit" },
  { check: "AUD-023", names: "track_activities" },
  { check: "PRV-017", names: "lo_compat_privileges" },
  { check: "PRV-026", names: "allow_system_table_mods" },
  { check: "VER-006", names: "zero_damaged_pages" },
  { check: "VER-007", names: "fsync" },
  { check: "VER-010", names: "standard_conforming_strings" },
  { check: "VER-012", names: "dynamic_library_path" },
];

/** Roles, once per cluster. */
export const BAD_ROLES = `
  create role bad_boss superuser nologin;
  create role bad_bypass login bypassrls;
  create role bad_maker login createrole;
  create role bad_dbmaker login createdb;
  create role bad_replica login replication createdb;
  create role bad_md5 login password 'hunter2-long-enough';
  create role bad_same login password 'bad_same';
  create role bad_runner login;
  grant pg_execute_server_program to bad_runner;
  create role bad_reader login;
  grant pg_read_server_files to bad_reader;
  create role bad_everything login;
  grant pg_read_all_data to bad_everything;
  create role bad_climber login;
  grant bad_boss to bad_climber;
  create role bad_group_login login;
  create role bad_member login;
  grant bad_group_login to bad_member;
  create role bad_grantor login;
  create role bad_team nologin;
  grant bad_team to bad_grantor with admin option;
  create role admin login;
  create role bad_quiet login;
  alter role bad_quiet set log_statement = 'none';
  create role bad_expired login valid until '2020-01-01';
  create role bad_owner login;
  create role bad_secret login;
  alter role bad_secret set app.api_token = 'canary-tok-5c1f09';
  comment on role bad_secret is 'password: canary-com-77aa10';
  create role good_owner nologin;
  create role good_writer nologin;
  set password_encryption = 'scram-sha-256';
  create role good_app login connection limit 5 valid until '2099-01-01' password 'a good one, 91c7ab02';
  create role control_role login connection limit 5 valid until '2099-01-01' password 'a good one, 17ffe220';
  alter role good_app set statement_timeout = '30s';
  alter role control_role set statement_timeout = '30s';
  grant good_writer to good_app;
  alter role good_app set app.token_ttl = '3600'`;

export const ROLE_DEFECTS: readonly Defect[] = [
  { check: "ROL-001", names: "bad_boss" },
  { check: "ROL-002", names: "bad_bypass" },
  { check: "ROL-003", names: "bad_maker" },
  { check: "ROL-004", names: "bad_dbmaker" },
  { check: "ROL-005", names: "bad_replica" },
  { check: "ROL-006", names: "bad_md5" },
  { check: "ROL-010", names: "bad_same" },
  { check: "ROL-013", names: "bad_runner" },
  { check: "ROL-014", names: "bad_reader" },
  { check: "ROL-015", names: "bad_everything" },
  { check: "ROL-017", names: "bad_climber" },
  { check: "ROL-018", names: "bad_grantor" },
  { check: "ROL-019", names: "bad_group_login" },
  { check: "ROL-020", names: "admin" },
  { check: "ROL-021", names: "bad_quiet" },
  { check: "ROL-022", names: "bad_owner" },
  { check: "ROL-027", names: "bad_expired" },
  { check: "NET-035", names: "bad_md5" },
  { check: "SEC-005", names: "bad_secret" },
  { check: "SEC-013", names: "bad_secret" },
];

/** Objects of one database. */
export const BAD_OBJECTS = `
  create schema good_zone authorization good_owner;
  create table good_zone.invoices (id int primary key, note text);
  alter table good_zone.invoices owner to good_owner;
  grant usage on schema good_zone to good_writer;
  grant select, insert, update, delete on good_zone.invoices to good_writer;
  create function good_zone.safe() returns int language sql security definer set search_path = good_zone, pg_temp as 'select 1';
  alter function good_zone.safe() owner to good_owner;
  revoke execute on function good_zone.safe() from public;
  create schema bad_open;
  grant usage, create on schema bad_open to public;
  create schema bad_admin_named authorization postgres;
  create schema bad_owner_schema authorization bad_owner;
  grant create on database bad_shop to bad_grantor;
  create table bad_open.customers (id int primary key, tenant_id int, email text, ssn text, password text);
  grant insert, update on bad_open.customers to public;
  grant select on bad_open.customers to public;
  create table bad_owner_schema.orders (id int primary key, tenant_id int);
  alter table bad_owner_schema.orders owner to bad_owner;
  create table bad_open.loose (id int);
  grant truncate, trigger on bad_open.loose to bad_reader;
  grant select on bad_open.loose to bad_reader with grant option;
  alter default privileges grant select on tables to public;
  create function bad_open.definer() returns int language sql security definer as 'select 1';
  create function bad_open.writable() returns int language sql security definer set search_path = bad_open, pg_temp as 'select 1';
  create function bad_open.dynamic(name text) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$ begin execute 'drop table ' || name; end $$;
  create function bad_open.sieve(text) returns bool language plpgsql leakproof set search_path = pg_catalog, pg_temp as 'begin return true; end';
  create function bad_open.hash(password text) returns text language sql set search_path = pg_catalog, pg_temp as 'select md5(password)';
  create function bad_open.keys() returns text language sql set search_path = pg_catalog, pg_temp as $$select 'AKIAABCDEFGHIJKLMNOP'$$;
  create table bad_open.locked (id int, tenant_id int);
  alter table bad_open.locked enable row level security;
  create table bad_open.unlocked (id int, tenant_id int);
  create policy bad_policy on bad_open.unlocked using (id > 0);
  create table bad_open.anything (id int, tenant_id int);
  alter table bad_open.anything enable row level security;
  create policy bad_write on bad_open.anything for all using (true) with check (true);
  grant select, truncate on bad_open.anything to bad_reader;
  create view bad_open.around as select * from bad_open.anything;
  grant select on bad_open.around to bad_reader;
  create function bad_open.lent() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1';
  alter function bad_open.lent() owner to bad_owner;
  create view bad_open.filtered as
    select * from bad_open.customers where tenant_id = current_setting('app.tenant')::int;
  grant select on bad_open.filtered to bad_reader;
  comment on table bad_open.loose is 'password: canary-note-10aa22';
  create function pg_catalog_shadow() returns int language sql as 'select 1';
  create function public.now() returns timestamptz language sql as 'select null::timestamptz';
  create publication bad_all for all tables`;

export const OBJECT_DEFECTS: readonly Defect[] = [
  { check: "PRV-002", names: "bad_open" },
  { check: "PRV-004", names: "bad_shop" },
  { check: "PRV-005", names: "bad_shop" },
  { check: "PRV-006", names: "bad_grantor" },
  { check: "PRV-007", names: "customers" },
  { check: "PRV-008", names: "customers" },
  { check: "PRV-010", names: "new tables give PUBLIC" },
  { check: "PRV-011", names: "loose" },
  { check: "PRV-012", names: "loose" },
  { check: "PRV-020", names: "now" },
  { check: "PRV-028", names: "bad_all" },
  { check: "FUN-001", names: "definer" },
  { check: "FUN-002", names: "writable" },
  { check: "FUN-004", names: "definer" },
  { check: "FUN-005", names: "lent" },
  { check: "FUN-006", names: "dynamic" },
  { check: "FUN-008", names: "sieve" },
  { check: "RLS-001", names: "locked" },
  { check: "RLS-002", names: "unlocked" },
  { check: "RLS-004", names: "anything" },
  { check: "RLS-006", names: "around" },
  { check: "RLS-008", names: "anything" },
  { check: "RLS-010", names: "customers" },
  { check: "RLS-012", names: "filtered" },
  { check: "RLS-013", names: "customers" },
  { check: "ROL-023", names: "customers" },
  { check: "SEC-006", names: "keys" },
  { check: "SEC-007", names: "loose" },
  { check: "SEC-009", names: "customers" },
  { check: "SEC-010", names: "hash" },
];

/** Objects that are as they should be, by a part of their names. */
export const CONTROLS = ["good_app", "good_zone", "good_writer", "good_owner", "control_db", "invoices"];

/** What must never leave the server. */
export const CANARIES = ["canary-tok-5c1f09", "canary-com-77aa10", "canary-note-10aa22", "hunter2"];
