/**
 * The owner of a database is hostile to the superuser who audits it: what he can set and make there changes no answer
 * and runs nothing.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditOf, failuresOf, statusesOf } from "../../support/audit/run.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";

/** Values that would change what our own queries mean or return. All may be set by the owner of a database. */
const PLANTED: Readonly<Record<string, string>> = {
  search_path: "evil, pg_catalog",
  datestyle: "SQL, DMY",
  intervalstyle: "iso_8601",
  bytea_output: "escape",
  quote_all_identifiers: "on",
  client_min_messages: "debug5",
  row_security: "off",
  standard_conforming_strings: "off",
  transform_null_equals: "on",
  timezone: "Pacific/Auckland",
  extra_float_digits: "-15",
  statement_timeout: "1s",
  lock_timeout: "1ms",
  default_transaction_isolation: "serializable",
  default_transaction_read_only: "off",
  xmloption: "document",
  array_nulls: "off",
  role: "planted_weak",
  password_encryption: "scram-sha-256",
};

/**
 * Objects that win over the catalog's where names are not written whole: every one tells that it ran. In the server's log,
 * too, because an audit is read-only and what a trap writes there is undone with the error that it makes.
 */
const TRAPS = `
  create schema evil;
  create table evil.ran (what text);
  grant insert on evil.ran to public;
  create function evil.spring(text) returns text language plpgsql as $$
    begin
      raise log 'sprung: %', $1;
      begin execute 'alter role planted_owner superuser'; exception when others then null; end;
      insert into evil.ran values ($1);
      return $1;
    end $$;
  create view evil.pg_roles as
    select 10::oid as oid, evil.spring('pg_roles') as rolname, false as rolsuper, false as rolcanlogin;
  create view evil.pg_database as select evil.spring('pg_database') as datname, true as datallowconn;
  create view evil.pg_settings as select evil.spring('pg_settings') as name, 'on'::text as setting;
  create view evil.pg_class as select evil.spring('pg_class') as relname, 0::oid as oid;
  create function evil.current_setting(text) returns text language sql as $$select evil.spring('current_setting')$$;
  create function evil.pg_has_role(name, text, text) returns boolean language sql as $$select evil.spring('has') is null$$;
  create function evil.same(name, text) returns boolean language sql as $$select evil.spring('=') is null$$;
  create operator evil.= (leftarg = name, rightarg = text, function = evil.same);
  create function evil.unnest(text[]) returns setof text language sql as $$select evil.spring('unnest')$$;
  create table evil.victim (id int, secret text default evil.spring('default'));
  alter table evil.victim enable row level security;
  create policy peek on evil.victim using (evil.spring('policy') is not null);
  create view evil.look as select evil.spring('view') as a from evil.victim`;

describe.each(availableMajors())("[U-01] [U-03] PostgreSQL %s", (major) => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { password_encryption: "md5" } });
    await cluster.sql("create role planted_owner login; create role planted_weak");
    for (const name of ["clean", "planted"]) {
      await cluster.createDatabase(name, "owner planted_owner");
      await cluster.sql(TRAPS, { database: name });
      await cluster.sql(
        `do $$ declare o record; begin
           for o in select 'alter ' || case relkind when 'v' then 'view' else 'table' end || ' evil.' || relname || ' owner to planted_owner' as sql
                      from pg_class where relnamespace = 'evil'::regnamespace and relkind in ('r', 'v') loop execute o.sql; end loop;
           alter schema evil owner to planted_owner;
         end $$`,
        { database: name },
      );
    }
    for (const [name, value] of Object.entries(PLANTED)) {
      const written = name === "search_path" ? value : `'${value}'`;
      await cluster.sql(`alter database planted set ${name} = ${written}`);
    }
  });

  afterAll(() => cluster?.stop());

  async function sprung(): Promise<string[]> {
    const log = await readFile(cluster.logFile, "utf8");
    return [...new Set([...log.matchAll(/LOG: {2}sprung: (.*)/g)].map((match) => match[1] ?? ""))];
  }

  it("gives the answers of a database without traps, and springs none", async () => {
    const [clean, planted] = [
      await auditOf(cluster, { connection: { database: "clean" }, isOneDatabase: true }),
      await auditOf(cluster, { connection: { database: "planted" }, isOneDatabase: true }),
    ];
    const cleanStatus = statusesOf(clean);
    for (const [place, status] of statusesOf(planted)) {
      if (status !== "pass") continue;
      expect([place, cleanStatus.get(place.replace("@planted", "@clean"))]).toEqual([place, "pass"]);
    }
    const found = failuresOf(planted);
    for (const [place, objects] of failuresOf(clean)) {
      const here = place.replace("@clean", "@planted");
      const isStillSaid = found.has(here) || statusesOf(planted).get(here) === "unknown";
      expect([here, isStillSaid]).toEqual([here, true]);
      // A database's own name is part of some objects.
      if (found.has(here)) expect(found.get(here)?.length).toBeGreaterThanOrEqual(objects.length);
    }
    expect(await sprung()).toEqual([]);
    for (const database of ["clean", "planted"]) {
      expect(await cluster.sql("set role none; select what from evil.ran", { database })).toEqual([]);
    }
    expect(await cluster.sql("select 1 from pg_roles where rolname = 'planted_owner' and rolsuper")).toEqual([]);
  });

  it("does not take the database's own value of a setting for the server's", async () => {
    const run = await auditOf(cluster, { connection: { database: "planted" }, isOneDatabase: true, only: ["ROL-008"] });
    expect(failuresOf(run).get("ROL-008@")).toEqual(["password_encryption"]);
  });

  it("springs its traps on whoever is careless: the traps work", async () => {
    const readOnly = "set role none; set default_transaction_read_only = on; set search_path = evil, pg_catalog;";
    await cluster.sql(`${readOnly} select rolname from pg_roles`, { database: "clean" }).catch(() => undefined);
    expect(await sprung()).toEqual(["pg_roles"]);
    await cluster.sql("set role none; set search_path = evil, pg_catalog; select rolname from pg_roles", {
      database: "clean",
    });
    expect(await cluster.sql("select distinct what from evil.ran", { database: "clean" })).toEqual([
      { what: "pg_roles" },
    ]);
  });
});
