/** The guide of the migration role: typed by hand in one database, planned from a model in another, alike in the end. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../../src/pg/session.ts";
import { leftAfter, planOf, runPlan, sqlOf } from "../../../support/access-plan.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

/** What the guide has its reader type, as the migration role and as the superuser. */
const GUIDE = `
set role sqlmigrations;
grant select, insert, update, delete on all tables in schema public to django;
alter default privileges grant select, insert, update, delete on tables to django;
grant usage, select on all sequences in schema public to django;
alter default privileges grant usage, select on sequences to django;
revoke grant option for all privileges on all tables in schema public from django;
alter default privileges revoke grant option for all privileges on tables from django;
reset role;
revoke create on schema public from public;
grant create on schema public to sqlmigrations;`;

const MODEL = (database: string): string => `{version: 1, database: ${database}, profile: guide-001}`;

const LISTS = `
select 'table ' || c.relname as what, c.relacl::text as acl from pg_class as c where c.relnamespace = 'public'::regnamespace
union all select 'schema ' || n.nspname, n.nspacl::text from pg_namespace as n where n.nspname = 'public'
union all select 'default ' || d.defaclobjtype::text || ' ' || d.defaclnamespace || ' ' || d.defaclrole::regrole, d.defaclacl::text from pg_default_acl as d
order by 1`;

describe.each(availableMajors())("[ACC-01] the guide on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  async function databaseWithTables(name: string): Promise<Session> {
    await cluster.createDatabase(name, "owner sqlmigrations");
    const session = await connectTo(cluster, { database: name });
    await session.script(
      "grant create on schema public to sqlmigrations; set role sqlmigrations; create table public.toto (id serial); create view public.v as select 1 as a; reset role; revoke create on schema public from sqlmigrations",
    );
    return session;
  }

  it("gives the same lists and default privileges, and nothing is left to do", async () => {
    await cluster.sql("create role sqlmigrations login createdb createrole; create role django login");
    await using byHand = await databaseWithTables("by_hand");
    await using planned = await databaseWithTables("planned");
    await byHand.script(GUIDE);
    expect(await leftAfter(planned, MODEL("planned"))).toEqual([]);
    await planned.script("set role sqlmigrations; create table public.later (id serial); reset role");
    await byHand.script("set role sqlmigrations; create table public.later (id serial); reset role");
    expect(await planned.query(LISTS)).toEqual(await byHand.query(LISTS));
  });

  it("finds nothing to do where the guide was followed by hand, and says what CREATEROLE means", async () => {
    await using byHand = await connectTo(cluster, { database: "by_hand" });
    const plan = await planOf(byHand, MODEL("by_hand"));
    expect(sqlOf(plan)).toEqual([]);
    expect(plan.warnings.filter((text) => text.includes("CREATEROLE"))).toHaveLength(major < 16 ? 1 : 0);
  });

  it("never takes the ADMIN row of who made a role for drift", async () => {
    await using session = await connectTo(cluster, { database: "planned" });
    await session.script("set role sqlmigrations; create role made_by_migrator; reset role");
    expect(sqlOf(await planOf(session, MODEL("planned")))).toEqual([]);
  });
});

describe.each(availableMajors())("[ACC-04] a role that is no superuser, on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major, hba: ["local all all trust", "host all all 127.0.0.1/32 trust"] });
    await cluster.sql(
      `create role admin login createdb createrole; ${major >= 16 ? "grant pg_monitor to admin with admin option" : ""}`,
    );
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  const asAdmin = (database = "postgres"): Promise<Session> => connectTo(cluster, { database, user: "admin" });

  const THREE_TIER = `
version: 1
database: shop
profile: three-tier
names: { owner: shop_owner, migrator: shop_mig, read_write: shop_rw, read_only: shop_r, application: [django], reporter: [reporter] }
roles:
  monitor: { login: true, member_of: [pg_monitor] }
`;

  it("makes the database, roles, schema, grants and defaults; only public of PostgreSQL 14 stays blocked", {
    timeout: 60_000,
  }, async () => {
    await using before = await asAdmin();
    const plan = await planOf(before, THREE_TIER);
    expect(plan.databaseOid).toBeUndefined();
    for (const { sql } of plan.statements.filter(({ stage }) => stage === "before")) await before.script(sql);
    await using session = await asAdmin("shop");
    const main = await planOf(session, THREE_TIER);
    expect(main.statements.map(({ sql }) => sql)).toEqual(
      plan.statements.filter(({ stage }) => stage === "main").map(({ sql }) => sql),
    );
    expect(main.blocked.map(({ sql, needs }) => `${sql} -- ${needs}`)).toEqual(
      major === 14 ? ['revoke usage, create on schema "public" from public -- a superuser'] : [],
    );
    await runPlan(session, main);
    const again = await planOf(session, THREE_TIER);
    expect(sqlOf(again)).toEqual([]);
    expect(again.blocked).toHaveLength(major === 14 ? 1 : 0);
    const borrowed = await cluster.sql(
      "select roleid::regrole::text as role from pg_auth_members where member = 'admin'::regrole and grantor = 'admin'::regrole",
    );
    expect(borrowed.map(({ role }) => role).filter((role) => role !== "pg_monitor")).toEqual([]);
    const [schema] = await cluster.sql(
      "select nspowner::regrole::text as owner from pg_namespace where nspname = 'app'",
      { database: "shop" },
    );
    expect(schema.owner).toBe("shop_owner");
    await cluster.sql("grant connect, create on database shop to admin");
  });

  it("[GT-08] sets default privileges of a role that it has ADMIN on, with a membership for the run only", {
    timeout: 60_000,
  }, async () => {
    await using session = await asAdmin("shop");
    const more = `${THREE_TIER}default_privileges: [{ for: shop_owner, to: [shop_r], in: [app], sequences: [select] }]\n`;
    const plan = await planOf(session, more);
    expect(plan.statements.filter(({ kind }) => kind === "temporary").map(({ sql }) => sql)).toEqual([
      `grant "shop_owner" to "admin"${major >= 16 ? " with inherit true, set true" : ""}`,
      'revoke "shop_owner" from "admin"',
    ]);
    expect(await leftAfter(session, more)).toEqual(major === 14 ? [expect.stringContaining("blocked")] : []);
  });

  it("is told who could do what it cannot: objects of a superuser, roles it may not make superusers", async () => {
    await cluster.sql("create schema foreign_owned; create table foreign_owned.t (a int)", { database: "shop" });
    await using session = await asAdmin("shop");
    const plan = await planOf(
      session,
      `{version: 1, database: shop, external_roles: [shop_r], schemas: {foreign_owned: {grants: [{to: shop_r, usage: true, tables: [select]}]}}, roles: {boss: {superuser: true}}}`,
    );
    expect(sqlOf(plan)).toEqual([]);
    expect(plan.blocked.map(({ sql, needs }) => [sql, needs])).toEqual([
      ['create role "boss" superuser', "a superuser"],
      ['grant usage on schema "foreign_owned" to "shop_r"', "a superuser"],
      ['grant select on table "foreign_owned"."t" to "shop_r"', "a superuser"],
    ]);
  });

  it("transfers ownership without CREATE of the new owner on the schema, and leaves no such right behind", async () => {
    await using session = await asAdmin("shop");
    await session.script(
      `create schema stock; create table stock.items (id serial) partition by list (id); create table stock.one partition of stock.items for values in (1);
       create function stock.f() returns int language sql as 'select 1'; create role stock_owner`,
    );
    const model = `{version: 1, database: shop, roles: {stock_owner: {}}, schemas: {stock: {owners: {stock_owner: {tables: ["*"], routines: ["*"]}}}}}`;
    expect(await leftAfter(session, model)).toEqual([]);
    const rows = await session.query(
      "select c.relname as name, pg_get_userbyid(c.relowner) as owner from pg_class as c where c.relnamespace = 'stock'::regnamespace and c.relkind in ('r', 'p', 'S') order by 1",
    );
    expect(rows.map(({ name, owner }) => `${name} ${owner}`)).toEqual([
      "items stock_owner",
      "items_id_seq stock_owner",
      "one stock_owner",
    ]);
    const [acl] = await session.query("select has_schema_privilege('stock_owner', 'stock', 'create') as may");
    expect(acl?.may).toBe("f");
  });
});
