/** Databases whose rights are hard to describe, one per case of the contract's list. */
import { AWKWARD_NAMES } from "../../../support/awkward-names.ts";

export interface ImportFixture {
  name: string;
  /** First major version that it can be made on. */
  since?: number;
  /** Run as superuser in the database, in pieces that psql's own rules allow together. */
  setup: (database: string) => string[];
}

const q = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const FIXTURES: readonly ImportFixture[] = [
  { name: "an empty database", setup: () => [] },
  {
    name: "the three-tier example",
    setup: (database) => [
      `create role tt_owner; create role tt_mig login noinherit connection limit 5; create role tt_rw; create role tt_r;
       create role tt_app login valid until '2027-06-30'; create role tt_mon login;
       grant tt_owner to tt_mig; grant tt_rw to tt_app; grant pg_monitor to tt_mon;
       comment on role tt_owner is 'owns: "everything"
here';
       alter role tt_mig set role = 'tt_owner';
       alter role tt_app set search_path = app, pg_temp; alter role tt_app set statement_timeout = '15s';
       alter role tt_app in database ${q(database)} set work_mem = '5MB';
       alter database ${q(database)} owner to tt_owner; alter database ${q(database)} set timezone = 'UTC';
       revoke all on database ${q(database)} from public; grant connect on database ${q(database)} to tt_mig, tt_rw, tt_r;
       revoke all on schema public from public;
       create schema app authorization tt_owner;
       set role tt_owner;
       alter default privileges revoke execute on routines from public;
       alter default privileges in schema app grant select, insert, update, delete on tables to tt_rw;
       alter default privileges in schema app grant select on tables to tt_r;
       alter default privileges in schema app grant usage on sequences to tt_rw;
       alter default privileges in schema app grant execute on routines to tt_rw;
       grant usage on schema app to tt_rw, tt_r;
       create table app.orders (id serial primary key, owner text, amount numeric);
       create view app.recent as select * from app.orders;
       create function app.total(a integer, b text) returns integer language sql as 'select 1';
       create procedure app.work(inout x integer) language sql as 'select 1';
       create table app.secret (id integer generated always as identity);
       revoke all on app.secret from tt_rw, tt_r;`,
    ],
  },
  {
    name: "names that need quotes",
    setup: () =>
      AWKWARD_NAMES.map((name, index) => {
        const role = q(`${name}`.slice(0, 63));
        return `create role ${role} login; create schema ${role}; create table ${role}.${role} (${role} integer, b integer);
          create function ${role}.${role}(integer, text) returns integer language sql as 'select 1';
          create sequence ${role}.${q(`seq${index}`)} owned by none;
          grant usage on schema ${role} to ${role}; grant select (${role}), insert on ${role}.${role} to ${role};
          revoke execute on function ${role}.${role}(integer, text) from public;
          grant execute on function ${role}.${role}(integer, text) to ${role} with grant option;`;
      }),
  },
  {
    name: "3000 tables",
    setup: () => [
      `create role many_rw; create role many_r; create schema many; create schema odd;
       do $$ begin for i in 1..3000 loop execute format('create table many.t%s (id integer)', i); end loop; end $$;
       do $$ begin for i in 1..300 loop execute format('create table odd.t%s (id integer)', i);
         if i % 2 = 0 then execute format('grant select on odd.t%s to many_r', i); end if; end loop; end $$;
       grant usage on schema many to many_rw, many_r;
       grant select, insert, update, delete on all tables in schema many to many_rw; grant select on all tables in schema many to many_r;
       revoke all on many.t7, many.t9 from many_r; grant truncate on many.t8 to many_rw; revoke insert on many.t10 from many_rw;
       grant all on many.t11 to many_r;`,
    ],
  },
  {
    name: "grants by third grantors",
    setup: () => [
      `create role g_owner; create role g_mid; create role g_end; create schema g authorization g_owner; grant usage on schema g to public;
       set role g_owner; create table g.t (id integer, name text); create table g.u (id integer);
       grant select, update on g.t to g_mid with grant option; grant select on g.u to g_mid;`,
      `set role g_mid; grant select on g.t to g_end; grant update (name) on g.t to g_end;`,
    ],
  },
  {
    name: "column grants",
    setup: () => [
      `create role c_a; create role c_b; create role "PUBLIC"; create schema c; create table c.users (id integer, name text, secret text);
       create table c.other (id integer, "Odd ""name" text);
       grant select (id, name), update (name) on c.users to c_a; grant select (id) on c.users to public;
       grant insert (id), references (id) on c.users to c_b with grant option; grant select on c.users to c_b;
       grant select ("Odd ""name") on c.other to c_a, "PUBLIC"; grant usage on schema c to "PUBLIC";`,
    ],
  },
  {
    name: "row level security",
    setup: () => [
      `create role r_app; create role r_admin; create schema r; create table r.orders (id integer, owner name);
       create table r.off (id integer); create table r.forced (id integer);
       alter table r.orders enable row level security; alter table r.orders force row level security;
       alter table r.forced force row level security;
       create policy own on r.orders for all to r_app using (owner = current_user) with check (owner = current_user and id > 0);
       create policy "read all" on r.orders for select to r_admin, r_app using (true);
       create policy limited on r.orders as restrictive to public using (id < 1000
         or owner = 'it''s: "x"');
       create policy waiting on r.off for insert to r_app with check (id > 0);`,
    ],
  },
  {
    name: "default privileges of three creators",
    setup: () => [
      `create role d_one; create role d_two; create role d_three; create role d_app; create schema d; create schema d2;
       grant create on schema d to d_one, d_two;
       alter default privileges for role d_one in schema d grant select on tables to d_app;
       alter default privileges for role d_one in schema d2 grant select on tables to d_app;
       alter default privileges for role d_two grant select, insert on tables to d_app with grant option;
       alter default privileges for role d_two revoke execute on routines from public;
       alter default privileges for role d_two revoke usage on types from public;
       alter default privileges for role d_two grant usage on schemas to d_app;
       alter default privileges for role d_three in schema d grant usage on sequences to public;
       alter default privileges for role d_three grant usage on types to d_app;
       alter default privileges for role postgres in schema d grant execute on routines to d_app;`,
    ],
  },
  {
    name: "partition trees",
    setup: () => [
      `create role p_owner; create role p_app; create schema p;
       create table p.events (id integer, at date) partition by range (at);
       create table p.events_1 partition of p.events for values from ('2026-01-01') to ('2026-02-01') partition by range (at);
       create table p.events_1a partition of p.events_1 for values from ('2026-01-01') to ('2026-01-15');
       create table p.events_2 partition of p.events for values from ('2026-02-01') to ('2026-03-01');
       create table p.parent (id integer); create table p.child () inherits (p.parent);
       grant select on p.events to p_app; alter table p.events owner to p_owner; alter table p.events_2 owner to p_owner;`,
    ],
  },
  {
    name: "large objects",
    setup: () => [
      `create role lo_a; create role lo_b; select lo_create(70001), lo_create(70002), lo_create(70003);
       alter large object 70003 owner to lo_b; grant select on large object 70001, 70002 to lo_a;
       grant select, update on large object 70003 to lo_a with grant option; grant select on large object 70001 to public;`,
    ],
  },
  {
    name: "foreign servers, wrappers, languages and tablespaces",
    setup: () => [
      `create role f_app; create role f_owner; create foreign data wrapper "Odd wrapper"; create server files foreign data wrapper "Odd wrapper";
       grant usage on foreign data wrapper "Odd wrapper" to f_owner; alter server files owner to f_owner;
       grant usage on foreign server files to f_app with grant option;
       create schema f; create foreign table f.remote (id integer) server files; grant select on f.remote to f_app;
       revoke usage on language sql from public; grant usage on language sql to f_app;
       grant create on tablespace pg_default to f_app;`,
    ],
  },
  {
    name: "parameters",
    since: 15,
    setup: () => [
      `create role par_a; grant set on parameter log_statement to par_a; grant set, alter system on parameter work_mem to par_a with grant option;
       grant set on parameter "my.setting" to public;`,
    ],
  },
  {
    name: "roles with every attribute",
    setup: (database) => [
      `create role a_super superuser; create role a_repl replication login connection limit 0; create role a_by bypassrls noinherit;
       create role a_forever login valid until 'infinity'; create role a_never login valid until '-infinity';
       create role a_old login valid until '0044-03-15 12:00:00.123456+00 BC'; create role a_made createrole createdb login;
       create role a_g1; create role a_g2; grant a_g1 to a_forever with admin option; grant a_g2 to a_by; grant a_g1 to a_g2;
       grant pg_read_all_data to a_g2; comment on role a_g1 is E'#not a comment: {a: [b]}\\n\\ttab';
       alter role a_forever set search_path = "$user", public, "Odd, name"; alter role a_forever set application_name = '';
       alter role a_never set role = 'a_g1'; alter role a_forever set datestyle = 'ISO, DMY';
       alter role a_old in database postgres set work_mem = '9MB'; alter role a_old in database ${q(database)} set "my.setting" = 'on';
       alter database ${q(database)} set search_path = '';`,
      `set role a_made; create role a_child; create role a_child_2 login;`,
    ],
  },
  {
    name: "memberships with options and several grantors",
    since: 16,
    setup: () => [
      `create role m_group; create role m_one login; create role m_two login; create role m_three login;
       grant m_group to m_one with admin option, inherit false, set false; grant m_group to m_two with inherit true, set false;
       grant m_group to m_three with inherit false, set true;
       alter role m_three set role = 'm_group';`,
      `set role m_one; grant m_group to m_two with inherit false, set true; grant m_group to m_three with inherit false, set true;`,
    ],
  },
  {
    name: "objects of every form",
    setup: () => [
      `create role o_app; create role o_two; drop schema public; create schema o; create schema empty authorization o_two;
       create table o.none (); create unlogged table o.u (id integer generated by default as identity);
       create materialized view o.m as select 1 as one; create view o.v as select 1 as one; create type o.pair as (a integer, b text);
       create domain o.positive as integer check (value > 0); create type o.span as range (subtype = integer);
       create function o.many(a integer default 1, variadic b text[] default '{}') returns setof record language sql as 'select 1, 2';
       create function o.many(o.pair, o."positive") returns integer language sql as 'select 1';
       create function o."we(ird"(integer) returns integer language sql as 'select 1';
       create procedure o.proc(in a integer, inout b text) language sql as 'select b';
       create aggregate o.agg(integer) (sfunc = int4pl, stype = integer);
       create sequence o.s; create table o.t (id serial);
       grant select on o.s to o_app; grant usage on o.t_id_seq to o_app with grant option; grant select on o.m to o_app, o_two;
       revoke usage on type o.pair from public; grant usage on type o.positive to o_app;
       revoke execute on procedure o.proc(integer, text) from public; grant execute on function o.agg(integer) to o_app;
       revoke execute on function o."we(ird"(integer) from public; alter view o.v owner to o_two; alter type o.span owner to o_two;
       alter function o.many(o.pair, o.positive) owner to o_two;
       revoke all on o.none from postgres; revoke select on o.u from postgres; revoke all on schema empty from o_two;`,
    ],
  },
  {
    name: "default privileges on large objects",
    since: 18,
    setup: () => [
      `create role dl_a; create role dl_b; alter default privileges for role dl_a grant select on large objects to dl_b;`,
    ],
  },
];
