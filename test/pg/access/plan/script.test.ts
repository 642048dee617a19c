/** A plan as a script: psql runs it as it stands, whatever things are called, and the undo script takes it back. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planScript, undoScript } from "../../../../src/access/plan/script.ts";
import { ident, identifierProblem, literal } from "../../../../src/pg/identifiers.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { planOf, sqlOf } from "../../../support/access-plan.ts";
import { startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { HOSTILE_NAMES } from "../../../support/hostile-names.ts";

const NAMES = HOSTILE_NAMES.filter(
  (name) => identifierProblem(`${name} hostile`) === undefined && !name.startsWith("pg_"),
);

/** Everything that plans change here, as the server has it. */
const STATE = `
select 'table ' || c.relname as what, c.relacl::text as acl, pg_get_userbyid(c.relowner) as owner, c.relrowsecurity::text as rls from pg_class as c where c.relkind = 'r' and c.relnamespace in (select oid from pg_namespace where nspname like '% hostile')
union all select 'schema ' || nspname, nspacl::text, pg_get_userbyid(nspowner), null from pg_namespace where nspname like '% hostile'
union all select 'policy ' || p.polname, pg_get_expr(p.polqual, p.polrelid), null, null from pg_policy as p
union all select 'default', d.defaclacl::text, pg_get_userbyid(d.defaclrole), null from pg_default_acl as d
union all select 'role ' || r.rolname, r.rolconnlimit::text, null, null from pg_roles as r where r.rolname like '% role'
order by 1, 2, 3`;

describe("[A-11] a plan over hostile names", () => {
  let cluster: TestCluster;
  let session: Session;
  let database: string;
  let model: string;
  beforeAll(async () => {
    cluster = await startCluster();
    database = await cluster.createDatabase();
    session = await connectTo(cluster, { database });
    const statements = NAMES.flatMap((name) => [
      `create role ${ident(`${name} role`)}`,
      `create schema ${ident(`${name} hostile`)}`,
      `create table ${ident(`${name} hostile`)}.${ident(name)} (a int, ${ident(`${name} c`)} int)`,
      `grant insert on ${ident(`${name} hostile`)}.${ident(name)} to ${ident(`${name} role`)}`,
    ]);
    await session.script(
      `${statements.join(";")}; create role keeper; create role third; comment on role third is ${literal("x\n\\! touch /tmp/pgkeep-should-not-exist")}`,
    );
    const roles = Object.fromEntries(
      NAMES.map((name) => [`${name} role`, { connection_limit: 4, settings: { "app.note": name } }]),
    );
    const schemas = Object.fromEntries(
      NAMES.map((name) => [
        `${name} hostile`,
        {
          owners: { keeper: { tables: ["*"] } },
          grants: [{ to: `${name} role`, usage: true, tables: ["select"] }],
          defaults_for: ["keeper"],
          rls: [{ table: name, policies: [{ name, to: [`${name} role`], using: "a > 0" }] }],
        },
      ]),
    );
    model = JSON.stringify({ version: 1, database, external_roles: ["keeper"], roles, schemas });
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  it("is run by psql to the end, leaves nothing to do, and runs no program", async () => {
    const before = await session.query(STATE);
    const plan = await planOf(session, model);
    expect(plan.statements.length).toBeGreaterThan(NAMES.length * 5);
    const script = planScript(plan);
    expect(script.split("\n").filter((line) => line.startsWith("\\"))).toEqual(["\\set ON_ERROR_STOP on"]);
    const run = await cluster.psql(["-q", "-f", "-"], { database, stdin: script });
    expect(run).toEqual({ status: 0, stdout: "", stderr: "" });
    const again = await planOf(session, model);
    expect([...sqlOf(again), ...again.blocked]).toEqual([]);
    expect(existsSync("/tmp/pgkeep-should-not-exist")).toBe(false);
    const undone = await cluster.psql(["-q", "-f", "-"], { database, stdin: undoScript(plan) });
    expect(undone).toEqual({ status: 0, stdout: "", stderr: "" });
    const after = await session.query(STATE);
    expect(after.map(({ what, owner, rls }) => [what, owner, rls])).toEqual(
      before.map(({ what, owner, rls }) => [what, owner, rls]),
    );
    expect((await planOf(session, model)).statements.map(({ sql }) => sql)).toEqual(sqlOf(plan));
  });
});
