/** Names that break tools, names that are no text, and databases that lie in wait for whoever looks at them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readHooks } from "../../../../src/access/catalog/hooks.ts";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import { kindOf } from "../../../../src/access/catalog/kinds.ts";
import { effectiveAccess } from "../../../../src/access/effective/effective.ts";
import { explain } from "../../../../src/access/effective/explain.ts";
import { ident } from "../../../../src/pg/identifiers.ts";
import { type Major, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { HOSTILE_NAMES } from "../../../support/hostile-names.ts";

const MAJORS: readonly Major[] = [14, 18];

describe.each(MAJORS)("strange names on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    for (const encoding of ["SQL_ASCII", "WIN1252", "LATIN1"]) {
      const name = encoding.toLowerCase();
      await cluster.sql(
        `create database ${name} encoding '${encoding}' template template0 lc_collate 'C' lc_ctype 'C'`,
      );
    }
  });
  afterAll(() => cluster.stop());

  it("[A-02] are read exactly, as roles, schemas, tables, columns and routines", async () => {
    const database = await cluster.createDatabase();
    await using session = await connectTo(cluster, { database });
    const names = HOSTILE_NAMES.filter((name) => name !== "public");
    await session.script("begin");
    for (const name of names) {
      const quoted = ident(name);
      await session.script(`create role ${quoted}; create schema ${quoted} authorization ${quoted};
        create table ${quoted}.${quoted} (${quoted} int);
        create function ${quoted}.${quoted}(${quoted} ${quoted}.${quoted}) returns int language sql as 'select 1';
        grant select on ${quoted}.${quoted} to ${quoted} with grant option;
        grant update (${quoted}) on ${quoted}.${quoted} to ${quoted}`);
    }
    const { roles, objects } = await inspect(session);
    for (const name of names) {
      expect(roles.get(name)?.addressable, name).toBe(true);
      const table = objects.table.find((object) => object.schema === name);
      expect(table).toMatchObject({ name, owner: "postgres", columnNames: [name] });
      expect(table?.acl?.map(({ grantee }) => grantee)).toContain(name);
      expect([...(table?.columns ?? [])].map(([column, acl]) => [column, acl[0]?.grantee])).toEqual([[name, name]]);
      const routine = objects.routine.find((object) => object.schema === name);
      expect(routine?.sql).not.toMatch(/\p{Cc}/u);
      await session.script(`grant execute on routine ${routine?.sql} to ${ident(name)}`);
    }
    await session.script("rollback");
  });

  it("[A-04] that are not UTF-8 are never taken for another role's or object's", async () => {
    await cluster.sql(
      `do $$ begin
         execute 'create role "b' || chr(255) || '"';
         execute 'create role "b' || chr(254) || '"';
         execute 'create role "b' || chr(129) || '"';
         execute 'create table "t' || chr(255) || '" ()';
         execute 'create table t ()';
         execute 'grant select on t to "b' || chr(255) || '"';
       end $$`,
      { database: "sql_ascii" },
    );
    await cluster.sql('create role "é"');
    for (const database of ["sql_ascii", "postgres", "win1252"]) {
      await using session = await connectTo(cluster, { database });
      const snapshot = await inspect(session);
      const mangled = [...snapshot.roles.values()].filter(({ addressable }) => !addressable);
      // The database of another encoding cannot tell which of the names are meant as UTF-8.
      expect(mangled.length, database).toBeGreaterThanOrEqual(3);
      expect(snapshot.unreadable, database).toContain(`role: ${mangled.length} names cannot be written in UTF-8`);
      expect(snapshot.roles.size).toBe(Number((await cluster.sql("select count(*) as n from pg_roles"))[0].n));
      expect(session.parameterStatus("client_encoding")).toBe("UTF8");
    }
    await using session = await connectTo(cluster, { database: "sql_ascii" });
    const snapshot = await inspect(session);
    expect(snapshot.roles.get("é")?.addressable).toBe(true);
    expect(snapshot.objects.table.map(({ name }) => name)).toEqual(["t"]);
    expect(snapshot.unreadable).toContain("table: 1 name cannot be written in UTF-8");
    const [object] = snapshot.objects.table;
    if (!object) throw new Error("no table");
    const access = await effectiveAccess(snapshot);
    const mangled = [...snapshot.roles.values()].filter(({ addressable }) => !addressable).map(({ name }) => name);
    const answers = mangled.map((role) => explain(access, { role, privilege: "delete", object, kind: table }).answer);
    expect(answers).toEqual(["unknown", "unknown", "unknown"]);
  });

  it("that another encoding can stand for are read as that", async () => {
    await using session = await connectTo(cluster, { database: "latin1" });
    expect((await inspect(session)).roles.has("Ã©")).toBe(true);
  });

  it("that are longer in UTF-8 than a name may be are left out and counted", async () => {
    await using session = await connectTo(cluster, { database: "latin1" });
    const long = "é".repeat(40);
    await session.script(`begin; create role "${long}"; create schema "${long}"; create type public."${long}" as (a int);
      create function public.f(public."${long}") returns int language sql as 'select 1'`);
    const { roles, objects, unreadable } = await inspect(session);
    expect(roles.get(long)?.addressable).toBe(false);
    expect(objects.schema.map(({ name }) => name)).toEqual(["public"]);
    expect(objects.routine).toEqual([]);
    expect(unreadable).toEqual(expect.arrayContaining(["schema: 1 name cannot be written in UTF-8"]));
    expect(unreadable).toEqual(expect.arrayContaining(["routine: 1 name cannot be written in UTF-8"]));
    await session.script("rollback");
  });

  it("[A-01] and traps around them run nothing", async () => {
    const database = await cluster.createDatabase();
    await cluster.sql(TRAPS.replaceAll("DATABASE", database), { database });
    await using session = await connectTo(cluster, { database });
    await session.script("set search_path = evil, pg_catalog; create temp table pg_class (oid oid)");
    const snapshot = await inspect(session);
    await readHooks(session);
    expect(snapshot.objects.table.filter(({ schema }) => schema === "evil").map(({ name }) => name)).toEqual([
      "caught",
      "pg_namespace",
      "pg_roles",
      "victim",
    ]);
    expect(await cluster.sql("select * from evil.caught", { database })).toEqual([]);
    expect(await session.query("show search_path")).toEqual([{ search_path: "evil, pg_catalog" }]);
  });
});

const table = await kindOf("table");

const TRAPS = `
create schema evil;
create table evil.caught (what text);
create function evil.spring(what text) returns boolean language plpgsql as
  $$ begin insert into evil.caught values (what); return true; end $$;
create function evil.eq(a name, b name) returns boolean language sql as $$ select evil.spring('operator') $$;
create operator evil.= (leftarg = name, rightarg = name, function = evil.eq);
create function evil.eq(a oid, b oid) returns boolean language sql as $$ select evil.spring('operator') $$;
create operator evil.= (leftarg = oid, rightarg = oid, function = evil.eq);
create function evil.pg_get_userbyid(oid) returns name language sql as $$ select evil.spring('function')::text::name $$;
create function evil.array_agg_trap(name) returns text language sql as $$ select evil.spring('cast')::text $$;
create view evil.pg_roles as select evil.spring('view') as oid;
create view evil.pg_namespace as select evil.spring('view') as oid;
create table evil.victim (a int default (evil.spring('default'))::int check (evil.spring('check')));
create policy trap on evil.victim using (evil.spring('policy'));
alter table evil.victim enable row level security, force row level security;
alter database DATABASE set search_path = evil, pg_catalog;
alter role postgres in database DATABASE set search_path = evil, pg_catalog;
`;
