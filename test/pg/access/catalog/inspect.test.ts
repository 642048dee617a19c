/** What an inspection reads, on every version of this machine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import type { Snapshot } from "../../../../src/access/catalog/snapshot.ts";
import { aclEntryText } from "../../../../src/access/privileges/acl.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

const SETUP = `
create role owner;
create role app login connection limit 5 valid until '2030-06-30 12:00:00+02' password 'x';
comment on role app is 'the application';
create role plain login password 'p' noinherit;
grant owner to plain with admin option;
alter role app set statement_timeout = '15s';
alter role app in database shop set search_path = app, pg_temp;
`;

const CONTENT = `
alter database shop set lock_timeout = '3s';
create schema app authorization owner;
set role owner;
create table app.orders (id serial primary key, total numeric, note text);
create table app.parts (k int, at date) partition by list (k);
create table app.parts_1 partition of app.parts for values in (1);
create view app.open_orders as select id from app.orders;
create materialized view app.sums as select 1 as one;
create domain app.positive as int check (value > 0);
create type app.pair as (a int, b int);
create type app.span as range (subtype = int4);
create function app.total(a integer, b text) returns int language sql security definer
  set search_path = app, pg_temp as 'select 1';
create procedure app.work(in a integer, inout b text) language sql as 'select b';
create aggregate app.add (integer) (sfunc = int4pl, stype = integer);
alter table app.orders enable row level security;
create policy own on app.orders for select to app using (note = current_user);
grant select, insert on app.orders to app with grant option;
grant update (note) on app.orders to app;
alter default privileges for role owner in schema app grant select on tables to app;
reset role;
select lo_create(4711);
grant select on large object 4711 to app;
`;

describe.each(availableMajors())("an inspection of PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let seen: Snapshot;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.createDatabase("shop");
    await cluster.sql(SETUP);
    await cluster.sql(CONTENT, { database: "shop" });
    await using session = await connectTo(cluster, { database: "shop" });
    seen = await inspect(session);
  });
  afterAll(() => cluster.stop());

  const named = (kind: CatalogObject["kind"], name: string): CatalogObject => {
    const found = seen.objects[kind].find((object) => object.name === name);
    if (!found) throw new Error(`no ${kind} ${name} in: ${seen.objects[kind].map((object) => object.name).join(" ")}`);
    return found;
  };

  it("reads roles with their attributes, settings and kind of password", () => {
    expect(seen.roles.get("app")).toMatchObject({
      login: true,
      connectionLimit: 5,
      validUntil: "2030-06-30 10:00:00+00",
      comment: "the application",
      password: "scram-sha-256",
      addressable: true,
      settings: [
        { database: undefined, name: "statement_timeout", value: "15s" },
        { database: "shop", name: "search_path", value: "app, pg_temp" },
      ],
    });
    expect(seen.roles.get("owner")).toMatchObject({ login: false, password: "none", validUntil: undefined });
    expect(seen.unreadable).toEqual([]);
  });

  it("reads memberships with the options that the version has", () => {
    expect(seen.memberships).toContainEqual({
      role: "owner",
      member: "plain",
      grantor: "postgres",
      admin: true,
      inherit: false,
      set: true,
    });
  });

  it("reads lists, columns, partitions and what owns a sequence", () => {
    const orders = named("table", "orders");
    expect(orders.acl?.map(aclEntryText)).toEqual([
      "owner=arwdDxtm/owner".replace(major >= 17 ? "" : "m", ""),
      "app=a*r*/owner",
    ]);
    expect(orders.columns?.get("note")?.map(aclEntryText)).toEqual(["app=w/owner"]);
    expect(orders).toMatchObject({
      columnNames: ["id", "total", "note"],
      rowSecurity: { enabled: true, forced: false },
    });
    expect(named("table", "parts_1").parent).toEqual({ oid: named("table", "parts").oid, relation: "partition" });
    expect(named("sequence", "orders_id_seq").parent).toEqual({ oid: orders.oid, relation: "owned" });
    expect(named("table", "sums")).toMatchObject({ subkind: "materialized view", owner: "owner" });
    expect(named("table", "open_orders").subkind).toBe("view");
  });

  it("names routines so that GRANT can find them", () => {
    expect(named("routine", "total(integer, text)")).toMatchObject({
      sql: '"app"."total"(integer, text)',
      securityDefiner: true,
      settings: ["search_path=app, pg_temp"],
      language: "sql",
    });
    expect(named("routine", "work(integer, text)").subkind).toBe("procedure");
    expect(named("routine", "add(integer)").subkind).toBe("aggregate");
  });

  it("lists types, but not what follows another object", () => {
    expect(seen.objects.type.map(({ name, subkind }) => `${subkind} ${name}`)).toEqual([
      "type pair",
      "domain positive",
      "type span",
    ]);
  });

  it("reads default privileges, policies, settings and large objects", () => {
    expect(seen.defaultAcls.map(({ acl, ...rest }) => ({ ...rest, acl: acl.map(aclEntryText) }))).toEqual([
      { creator: "owner", schema: "app", on: "tables", acl: ["app=r/owner"] },
    ]);
    expect(seen.policies).toEqual([
      {
        schema: "app",
        table: "orders",
        name: "own",
        command: "select",
        permissive: true,
        roles: ["app"],
        using: "(note = CURRENT_USER)",
        check: undefined,
      },
    ]);
    expect(seen.databaseSettings).toEqual([{ database: "shop", name: "lock_timeout", value: "3s" }]);
    expect(named("large-object", "4711").sql).toBe("4711");
  });

  it("leaves out what the server brought along, unless it is asked for", async () => {
    expect(seen.objects.schema.map(({ name }) => name)).toEqual(["app", "public"]);
    await using session = await connectTo(cluster, { database: "shop" });
    const whole = await inspect(session, { includeSystem: true });
    expect(whole.objects.table.some(({ name }) => name === "pg_authid")).toBe(true);
  });

  it("works for a role without rights, and says what it could not see", async () => {
    await using session = await connectTo(cluster, {
      database: "shop",
      user: "plain",
      password: async () => new (await import("../../../../src/base/secrets.ts")).Secret("p"),
    });
    const poor = await inspect(session);
    expect(poor.unreadable).toEqual(["pg_authid (passwords)"]);
    expect(poor.roles.get("app")?.password).toBe("unknown");
    expect(poor.executor).toEqual({ sessionUser: "plain", currentUser: "plain", superuser: false });
    expect({ ...poor.objects }).toEqual({ ...seen.objects });
  });

  it("fails as a whole where the catalog is closed, and leaves the caller's transaction usable", async () => {
    await cluster.sql("revoke select on pg_catalog.pg_policy from public", { database: "shop" });
    await using session = await connectTo(cluster, { database: "shop" });
    await session.script("set session authorization plain; begin");
    await expect(inspect(session)).rejects.toMatchObject({
      code: "ACCESS_CATALOG_UNREADABLE",
      parts: { detail: "The server said: permission denied for table pg_policy (42501)." },
    });
    expect(await session.query("select 1 as one")).toEqual([{ one: "1" }]);
    await session.script("rollback");
    await cluster.sql("grant select on pg_catalog.pg_policy to public", { database: "shop" });
  });

  it("reads the kinds of passwords where a role may, without being a superuser", async () => {
    await cluster.sql("grant pg_read_all_data to app", { database: "shop" });
    await using session = await connectTo(cluster, { database: "shop" });
    await session.script("set session authorization app");
    const before = session.roundTrips;
    const seenByApp = await inspect(session);
    expect(session.roundTrips - before).toBe(2);
    expect(seenByApp.unreadable).toEqual([]);
    expect(seenByApp.roles.get("plain")?.password).toBe("scram-sha-256");
    await cluster.sql("revoke pg_read_all_data from app", { database: "shop" });
  });

  it("asks once, and leaves a transaction of the caller as it was", async () => {
    await using session = await connectTo(cluster, { database: "shop" });
    const before = session.roundTrips;
    await inspect(session);
    expect(session.roundTrips - before).toBe(1);
    await session.script("begin; set local search_path = app; create table app.fresh ()");
    const inside = await inspect(session);
    expect(inside.objects.table.map(({ name }) => name)).toContain("fresh");
    expect(session.transactionStatus()).toBe("transaction");
    expect(await session.query("show search_path")).toEqual([{ search_path: "app" }]);
    await session.script("rollback");
  });
});
