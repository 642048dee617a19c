/** Every kind of object that a model can speak of: planned once, and nothing left the second time. */
import { describe, expect, it } from "vitest";
import { leftAfter, planOf } from "../../../support/access-plan.ts";
import { availableMajors, startCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

describe.each(availableMajors())("on PostgreSQL %i", (major) => {
  it("what lives in no schema, settings and comments are as the model says after one plan", {
    timeout: 60_000,
  }, async () => {
    await using cluster = await startCluster({ major });
    const database = await cluster.createDatabase();
    await using session = await connectTo(cluster, { database });
    await session.script(`create role app; create role own; create role "Odd""Name"; select lo_create(4711);
      create foreign data wrapper w; create server s foreign data wrapper w; grant usage on foreign server s to "Odd""Name";
      create schema "Mixed"; create table "Mixed"."T x" ("Col 1" int); create function "Mixed".f("a" int, out b int) language sql as 'select 1';
      create procedure "Mixed".p(inout a int) language sql as 'select 1'; create aggregate "Mixed".agg(int) (sfunc = int4pl, stype = int)`);
    const parameters =
      major >= 15 ? ", parameters: [{on: [log_statement], grants: [{to: app, privileges: [set]}]}]" : "";
    const model = `
{version: 1, database: ${database}, mode: authoritative, external_roles: [own],
 roles: {app: {comment: "it's\\nhere", settings: {search_path: '"Mixed", pg_temp', "app.x": "1"}, database_settings: {work_mem: 8MB}}},
 database_settings: {statement_timeout: 15s},
 database_acl: {revoke_public: true, connect: [app, {role: own, grantable: true}]},
 objects: {
   large_objects: [{on: ["4711"], owner: own, grants: [{to: app, privileges: [select]}]}],
   foreign_servers: [{on: [s], owner: own, grants: [{to: app, privileges: [usage]}]}],
   fdws: [{on: [w], grants: [{to: own, privileges: [usage], grantable: true}]}],
   languages: [{on: [sql], revoke_public: true, grants: [{to: app, privileges: [usage]}]}]${parameters}},
 schemas: {Mixed: {owner: own, comment: "mine", owners: {own: {tables: ["*"], routines: ["*"]}}, revoke_public_objects: true,
   grants: [{to: app, usage: true, tables: [all], routines: [execute], columns: {"T x": {select: ["Col 1"]}}}], defaults_for: [own]},
  made: {owner: own, grants: [{to: app, usage: true}]}}}`;
    expect((await planOf(session, model)).blocked).toEqual([]);
    expect(await leftAfter(session, model)).toEqual([]);
    const [role] = await session.query("select rolconfig::text as settings from pg_roles where rolname = 'app'");
    expect(role?.settings).toContain("search_path=");
    const [held] = await session.query(
      `select has_large_object as may from (select exists (select from pg_largeobject_metadata as l, aclexplode(l.lomacl) as a
         where l.oid = 4711 and a.grantee = 'app'::regrole and a.privilege_type = 'SELECT') as has_large_object) as x`,
    );
    expect(held?.may).toBe("t");
    const [strange] = await session.query(`select has_server_privilege('Odd"Name', 's', 'usage') as may`);
    expect(strange?.may).toBe("f");
  });
});
