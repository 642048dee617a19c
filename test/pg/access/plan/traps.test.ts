/**
 * What GRANT, REVOKE and their kin do unexpectedly, and how plans get by: each is shown on the server first.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerError, type Session } from "../../../../src/pg/session.ts";
import { leftAfter, planOf, runPlan, sqlOf } from "../../../support/access-plan.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "no error";
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    return `${error.sqlstate} ${error.message}`;
  }
}

describe.each(availableMajors())("[ACC-03] PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  let database: string;
  beforeAll(async () => {
    cluster = await startCluster({ major, hba: ["local all all trust", "host all all 127.0.0.1/32 trust"] });
    database = await cluster.createDatabase();
    session = await connectTo(cluster, { database });
    await session.script("create role own; create role app; create role other; create role third; create role maker");
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  const model = (schemas: string, rest = ""): string =>
    `{version: 1, database: ${database}, external_roles: [own, other, third, maker], roles: {app: {}}, schemas: {${schemas}}${rest}}`;
  const warningsOf = async (sql: string): Promise<string[]> => {
    const codes: string[] = [];
    session.onNotice(({ code, message }) => codes.push(`${code} ${message}`));
    await session.script(sql);
    session.onNotice(() => {});
    return codes;
  };

  it("[GT-01] a GRANT without the right succeeds with a warning, so such a grant is planned as its owner", async () => {
    await session.script(`create schema g1; create table g1.t (a int); alter table g1.t owner to own; grant usage on schema g1 to third, own;
      grant select on g1.t to third`);
    expect(await warningsOf("set role third; grant select on g1.t to app; reset role")).toEqual([
      expect.stringMatching(/^01007 no privileges were granted/),
    ]);
    await using third = await connectTo(cluster, { database, user: "postgres" });
    await third.script("alter role third login");
    await using asThird = await connectTo(cluster, { database, user: "third" });
    const plan = await planOf(
      asThird,
      `{version: 1, database: ${database}, external_roles: [app], schemas: {g1: {grants: [{to: app, tables: [select]}]}}}`,
    );
    expect(sqlOf(plan)).toEqual([]);
    expect(plan.blocked.map(({ needs }) => needs)).toEqual(['a superuser, role "own", or a role with ADMIN on it']);
  });

  it("[GT-02] a grant of a third role stays unless that role takes it back", async () => {
    await session.script(`create schema g2; create table g2.t (a int); alter table g2.t owner to own; grant usage on schema g2 to third;
      grant select on g2.t to third with grant option; set role third; grant select on g2.t to app; reset role`);
    await session.script("revoke select on g2.t from app");
    const [still] = await session.query(
      "select relacl::text like '%app=r/third%' as held from pg_class where oid = 'g2.t'::regclass",
    );
    expect(still?.held).toBe("t");
    const plan = await planOf(session, model("g2: {}"));
    expect(sqlOf(plan)).toEqual(['set role "third"', 'revoke select on table "g2"."t" from "app"', "reset role"]);
    expect(await leftAfter(session, model("g2: {}"))).toEqual([]);
    expect(await refusal(session.script("revoke select on g2.t from app granted by third"))).toMatch(
      /^0A000 grantor must be current user/,
    );
  });

  it("[GT-03] a revoke on the table takes the columns along, which are granted again", async () => {
    await session.script(
      "create schema g3; create table g3.t (a int, b int); grant select on g3.t to app; grant select (a) on g3.t to app",
    );
    const wanted = model(
      "g3: {grants: [{to: app, tables: [select]}], exceptions: [{table: t, columns: {app: {select: [a]}}}]}",
    );
    expect(sqlOf(await planOf(session, wanted))).toEqual([
      'revoke select on table "g3"."t" from "app"',
      'grant select ("a") on table "g3"."t" to "app"',
    ]);
    expect(await leftAfter(session, wanted)).toEqual([]);
    await session.script("set role app");
    expect(
      await refusal(session.script("reset role; grant usage on schema g3 to app; set role app; select b from g3.t")),
    ).toMatch(/^42501 permission denied for table/);
    await session.script("reset role; revoke usage on schema g3 from app");
  });

  it("[GT-04] nothing is ever taken from an owner, and an empty list is not the built-in one", async () => {
    await session.script(
      "create schema g4; create table g4.t (a int); alter table g4.t owner to app; revoke all on g4.t from app; create function g4.f() returns int language sql as 'select 1'; revoke all on function g4.f() from public",
    );
    const wanted = model("g4: {grants: [{to: app, tables: [select], routines: [execute]}]}");
    expect(sqlOf(await planOf(session, wanted))).toEqual(['grant execute on routine "g4"."f"() to "app"']);
    expect(await leftAfter(session, wanted)).toEqual([]);
    const [list] = await session.query("select relacl::text as acl from pg_class where oid = 'g4.t'::regclass");
    expect(list?.acl).toBe("{}");
  });

  it("[GT-05] only the global form takes EXECUTE on future routines from PUBLIC", async () => {
    await session.script(
      "create schema g5 authorization maker; alter default privileges for role maker in schema g5 revoke execute on functions from public; set role maker; create function g5.open() returns int language sql as 'select 1'; reset role",
    );
    const [before] = await session.query("select has_function_privilege('third', 'g5.open()', 'execute') as may");
    expect(before?.may).toBe("t");
    const wanted = model("g5: {owner: maker, routines_public_execute: revoke}");
    expect(sqlOf(await planOf(session, wanted))).toEqual([
      'revoke execute on routine "g5"."open"() from public',
      'alter default privileges for role "maker" revoke execute on routines from public',
    ]);
    expect(await leftAfter(session, wanted)).toEqual([]);
    await session.script("set role maker; create procedure g5.later() language sql as 'select 1'; reset role");
    const [after] = await session.query("select has_function_privilege('third', 'g5.later()', 'execute') as may");
    expect(after?.may).toBe("f");
  });

  it("[GT-07] what the version does not have is refused with the version that does", async () => {
    const large = model("", ", default_privileges: [{for: maker, to: [app], large_objects: [select]}]");
    if (major < 18) {
      await expect(planOf(session, large)).rejects.toMatchObject({
        code: "ACCESS_UNSUPPORTED_VERSION",
        parts: { detail: expect.stringContaining("from PostgreSQL 18 on") },
      });
    } else expect(sqlOf(await planOf(session, large))).toHaveLength(1);
    await session.script("create schema g7; create table g7.t (a int)");
    const maintain = model("g7: {grants: [{to: app, tables: [maintain]}]}");
    if (major < 17)
      await expect(planOf(session, maintain)).rejects.toMatchObject({ code: "ACCESS_UNSUPPORTED_VERSION" });
    else expect(await leftAfter(session, maintain)).toEqual([]);
    expect(await leftAfter(session, model("g7: {grants: [{to: app, tables: [all]}]}"))).toEqual([]);
    expect(
      await refusal(session.script("alter default privileges in schema g7 grant usage on schemas to app")),
    ).toMatch(/^0LP01/);
  });

  it("[GT-09] a routine that was made anew under its name makes a plan stale", async () => {
    await session.script("create schema g9; create function g9.f() returns int language sql as 'select 1'");
    const wanted = model("g9: {grants: [{to: app, routines: [execute]}], revoke_public_objects: true}");
    const first = await planOf(session, wanted);
    expect((await planOf(session, wanted)).stateHash).toBe(first.stateHash);
    await session.script("drop function g9.f(); create function g9.f() returns int language sql as 'select 1'");
    expect((await planOf(session, wanted)).stateHash).not.toBe(first.stateHash);
  });

  it("[GT-10] a change of owner rewrites the list, and grants are planned for the list as it will be", async () => {
    await session.script(
      "create schema g10; create table g10.t (a serial); grant select on g10.t to app, own; create view g10.v as select 1 as a",
    );
    const wanted = model(
      "g10: {owners: {own: {tables: ['*']}}, grants: [{to: app, tables: [select], sequences: [usage]}]}",
    );
    const plan = await planOf(session, wanted);
    expect(plan.blocked.map(({ sql, needs }) => [sql, needs])).toEqual([
      ['alter view "g10"."v" owner to "own"', "--include-definer"],
    ]);
    expect(await leftAfter(session, wanted, { includeDefiner: true })).toEqual([]);
    const [list] = await session.query("select relacl::text as acl from pg_class where oid = 'g10.t'::regclass");
    expect(list?.acl).toMatch(/app=r\/own/);
  });

  it("[GT-11] default privileges follow whoever becomes the owner: by SET ROLE, in SECURITY DEFINER bodies, by run_as", async () => {
    await session.script(`create schema g11; grant create, usage on schema g11 to maker, other;
      create role g11_runner login; grant maker to g11_runner; alter role g11_runner set role = 'maker';
      set role maker; create function g11.make() returns void language sql security definer as 'create table g11.by_definer ()';
      reset role; grant execute on function g11.make() to other`);
    await runPlan(
      session,
      await planOf(session, model("g11: {grants: [{to: app, tables: [select]}], defaults_for: [maker]}")),
    );
    await session.script("set role maker; create table g11.by_set_role (); reset role");
    await session.script("set role other; select g11.make(); create table g11.by_another (); reset role");
    await using runner = await connectTo(cluster, { database, user: "g11_runner" });
    await runner.script("create table g11.by_run_as ()");
    const rows = await session.query(
      `select c.relname as name, pg_get_userbyid(c.relowner) as owner, has_table_privilege('app', c.oid, 'select') as given
         from pg_class as c where c.relnamespace = 'g11'::regnamespace order by 1`,
    );
    expect(rows).toEqual([
      { name: "by_another", owner: "other", given: "f" },
      { name: "by_definer", owner: "maker", given: "t" },
      { name: "by_run_as", owner: "maker", given: "t" },
      { name: "by_set_role", owner: "maker", given: "t" },
    ]);
  });

  it("[GT-12] options of a membership are written from 16 on, and refused before", async () => {
    await session.script("create role grp; create role mem; grant grp to mem");
    const wanted = (options: string): string =>
      `{version: 1, database: ${database}, external_roles: [grp], roles: {mem: {member_of: [{role: grp, ${options}}]}}}`;
    if (major < 16) {
      await expect(planOf(session, wanted("set: false"))).rejects.toMatchObject({ code: "ACCESS_UNSUPPORTED_VERSION" });
      await expect(planOf(session, wanted("inherit: false"))).rejects.toMatchObject({
        code: "ACCESS_UNSUPPORTED_VERSION",
      });
      expect(await leftAfter(session, wanted("admin: true"))).toEqual([]);
    } else {
      expect(sqlOf(await planOf(session, wanted("set: false, inherit: false")))).toEqual([
        'revoke inherit option for "grp" from "mem" granted by "postgres"',
        'revoke set option for "grp" from "mem" granted by "postgres"',
      ]);
      expect(await leftAfter(session, wanted("set: false, inherit: false"))).toEqual([]);
      expect(await leftAfter(session, wanted("set: true, inherit: true, admin: true"))).toEqual([]);
    }
    expect(await leftAfter(session, wanted("admin: false"))).toEqual([]);
  });

  it("[GT-13] a membership is taken away in the name of who granted it", async () => {
    await session.script(
      "create role club; create role joiner; grant club to third with admin option; set role third; grant club to joiner; reset role",
    );
    const wanted = `{version: 1, database: ${database}, roles: {joiner: {}}}`;
    if (major >= 16)
      expect(await warningsOf("revoke club from joiner")).toEqual([
        expect.stringMatching(/has not been granted membership/),
      ]);
    expect(sqlOf(await planOf(session, wanted))).toEqual([
      `revoke "club" from "joiner"${major >= 16 ? ' granted by "third"' : ""}`,
    ]);
    expect(await leftAfter(session, wanted)).toEqual([]);
  });

  it("[GT-14] pg_database_owner has no members of anybody's making, so a model with one is refused before it is planned", async () => {
    expect(await refusal(session.script("grant pg_database_owner to app"))).toMatch(
      major >= 18 ? /^0A000 / : /^(XX000|0A000) /,
    );
    await expect(
      planOf(
        session,
        `{version: 1, database: ${database}, roles: {app: {member_of: [pg_database_owner]}}, schemas: {}}`,
      ),
    ).rejects.toMatchObject({ code: "ACCESS_MODEL_INVALID" });
  });

  it("[GT-15] only attributes that differ are altered, which who is no superuser may do", async () => {
    await session.script(
      `create role manager login createrole createdb; create role worker connection limit 3; ${major >= 16 ? "grant worker to manager with admin option" : ""}`,
    );
    await using manager = await connectTo(cluster, { database, user: "manager" });
    expect(await refusal(manager.script("alter role worker nosuperuser"))).toMatch(/^42501/);
    const wanted = `{version: 1, database: ${database}, roles: {worker: {login: true, connection_limit: 5, valid_until: "2031-01-31"}}}`;
    expect(sqlOf(await planOf(manager, wanted))).toEqual([
      "alter role \"worker\" login connection limit 5 valid until '2031-01-31 00:00:00+00'",
    ]);
    expect(await leftAfter(manager, wanted)).toEqual([]);
  });

  it("[GT-16] a superuser's parameter needs a superuser, or from 15 on the right to set it", async () => {
    await session.script(`create role tuned; ${major >= 16 ? "grant tuned to manager with admin option" : ""}`);
    await using manager = await connectTo(cluster, { database, user: "manager" });
    const wanted = `{version: 1, database: ${database}, roles: {tuned: {settings: {log_statement: all, search_path: 'a, "B c"'}}}}`;
    const plan = await planOf(manager, wanted);
    expect(sqlOf(plan)).toEqual([`alter role "tuned" set "search_path" to 'a', 'B c'`]);
    expect(plan.blocked.map(({ needs }) => needs)).toEqual([
      major >= 15 ? "a superuser or a role with SET on log_statement" : "a superuser",
    ]);
    expect(await refusal(manager.script("alter role tuned set log_statement = 'all'"))).toMatch(/^42501/);
    if (major < 15) return;
    await session.script("grant set on parameter log_statement to manager");
    expect(await leftAfter(manager, wanted)).toEqual([]);
  });

  it("[GT-17] concurrent grants on one object fail inside the server, unless a lock puts them in a row", async () => {
    await session.script("create schema g17; create table g17.t ()");
    const sessions = await Promise.all(Array.from({ length: 6 }, () => connectTo(cluster, { database })));
    const rounds = async (before: string): Promise<string[]> => {
      const work = sessions.map(async (one, index) => {
        const failures: string[] = [];
        for (let round = 0; round < 40; round++) {
          const role = ["app", "other", "third"][index % 3];
          const verb = round % 2 === 0 ? `grant select on g17.t to ${role}` : `revoke select on g17.t from ${role}`;
          const outcome = await refusal(one.script(`begin; ${before} ${verb}; commit`));
          if (outcome === "no error") continue;
          failures.push(outcome);
          await one.script("rollback");
        }
        return failures;
      });
      return (await Promise.all(work)).flat();
    };
    try {
      expect(await rounds("select pg_advisory_xact_lock(17);")).toEqual([]);
      // Sessions that happen to run one after the other do not meet, so they try until they have.
      const met = new Set<string>();
      for (let attempt = 0; attempt < 20 && met.size === 0; attempt++) for (const one of await rounds("")) met.add(one);
      expect(met).toEqual(new Set(["XX000 tuple concurrently updated"]));
    } finally {
      await Promise.all(sessions.map((one) => one.close()));
    }
  });

  it("[GT-18] a role that others depend on is dropped after what it owns and holds, in every database", async () => {
    const elsewhere = await cluster.createDatabase();
    await session.script(`create role gone; create schema g18 authorization gone; create table g18.t (a int); alter table g18.t owner to gone;
      grant select on g18.t to app; alter default privileges for role gone grant select on tables to app; grant gone to app; create operator g18.=== (leftarg = int, rightarg = int, function = int4eq); alter operator g18.=== (int, int) owner to gone`);
    await cluster.sql("create table public.theirs (a int); alter table public.theirs owner to gone", {
      database: elsewhere,
    });
    expect(await refusal(session.script("drop role gone"))).toMatch(/^2BP01/);
    const asked = `{version: 1, database: ${database}, roles: {gone: {state: absent}}}`;
    const blocked = await planOf(session, asked);
    expect(sqlOf(blocked)).toEqual([]);
    expect(blocked.blocked[0]?.reason).toContain('schema "g18"');
    expect(blocked.blocked[0]?.reason).toContain("1 objects of other kinds");
    const wanted = `{version: 1, database: ${database}, external_roles: [own], roles: {gone: {state: absent, reassign_to: own, terminate: true}}}`;
    const plan = await planOf(session, wanted);
    expect(plan.statements.map(({ stage, database: where, kind }) => [stage, where, kind])).toEqual([
      ["main", database, "terminate"],
      ["main", database, "owner"],
      ["main", database, "revoke"],
      ["after", elsewhere, "owner"],
      ["after", elsewhere, "revoke"],
      ["after", database, "drop"],
    ]);
    await runPlan(session, plan);
    for (const { sql, database: where } of plan.statements.filter(({ stage }) => stage === "after"))
      await cluster.sql(sql, { database: where });
    expect(sqlOf(await planOf(session, wanted))).toEqual([]);
    expect(await session.query("select from pg_roles where rolname = 'gone'")).toEqual([]);
  });
});
