/** What can be wrong with a model or a server: each is refused or blocked with the exact words, and nothing is half applied. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import applyOperation from "../../../src/operations/access.apply.ts";
import planOperation from "../../../src/operations/access.plan.ts";
import { modelFolder } from "../../support/access.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";

let cluster: TestCluster;
let oldest: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ major: 18 });
  oldest = await startCluster({ major: availableMajors()[0] ?? 14 });
  await cluster.sql(
    "create role app_rw; create role owner_role; create role admin login createrole createdb password 'admin-password'",
  );
});
afterAll(async () => {
  await cluster.stop();
  await oldest.stop();
});

const adminUrl = (database: string) => `postgresql://admin:admin-password@${cluster.host}:${cluster.port}/${database}`;

/** Everything that an apply could change, as text. */
async function stateOf(server: TestCluster, database: string): Promise<string> {
  const rows = await server.sql(
    `select (select json_agg(r order by rolname) from (select rolname, rolsuper, rolcanlogin, rolconnlimit from pg_roles) as r) as roles,
            (select json_agg(c order by relname) from (select relname, relacl::text, relowner from pg_class where relnamespace > 16383 or relnamespace = 'public'::regnamespace) as c) as tables,
            (select json_agg(n order by nspname) from (select nspname, nspacl::text, nspowner from pg_namespace) as n) as schemas,
            (select json_agg(m order by roleid, member) from (select roleid, member from pg_auth_members) as m) as members`,
    { database },
  );
  return JSON.stringify(rows);
}

interface Attempt {
  server?: TestCluster;
  connection?: string;
  setup?: string;
  flags?: Record<string, unknown>;
}

/** Applies `model` (DB stands for the database's name); returns the failure after checking that nothing was changed. */
async function refused(model: string, { server = cluster, connection, setup = "select 1", flags = {} }: Attempt = {}) {
  const database = await server.createDatabase();
  await server.sql(setup, { database });
  const before = await stateOf(server, database);
  using folder = modelFolder(model.replaceAll("DB", database));
  const url = connection?.replaceAll("DB", database) ?? server.url(database);
  const failure: unknown = await folder
    .run(applyOperation, { connection: url, yes: true, ...flags })
    .catch((error) => error);
  expect(failure, JSON.stringify(failure)).toBeInstanceOf(PgkeepError);
  expect(await stateOf(server, database), "nothing is half applied").toBe(before);
  if (!(failure instanceof PgkeepError)) throw failure;
  return failure;
}

const roles = (lines: string): string => `version: 1\ndatabase: DB\nroles:\n${lines}\n`;

describe("a model that says what cannot be", () => {
  it.each<[string, string, RegExp]>([
    ["an unknown key", roles("  app_rw: { loginn: true }"), /loginn/],
    ["a role named twice", roles("  app_rw: { login: true }\n  app_rw: { login: false }"), /app_rw/],
    ["a cycle of memberships", roles("  a: { member_of: [b] }\n  b: { member_of: [a] }"), /circle/],
    ["a name of 64 bytes", roles(`  ${"x".repeat(64)}: {}`), /63|64/],
    ["an empty name", roles('  "": {}'), /empty/],
    ["NUL in a name", roles('  "a\\0b": {}'), /NUL/],
    ["the predefined prefix", roles("  pg_mine: { login: true }"), /pg_/],
  ])("like %s is refused with its place", async (_, model, words) => {
    const failure = await refused(model);
    expect(failure.code).toBe("ACCESS_MODEL_INVALID");
    expect(`${failure.message} ${failure.parts.detail}`).toMatch(words);
    expect(failure.parts.state).toBe("nothing was started");
  });

  it("like a privilege that the server's version lacks is refused by name", async () => {
    const model = `${roles("  app_rw: {}")}schemas:\n  app:\n    grants:\n      - { to: app_rw, tables: [maintain] }\n`;
    const failure = await refused(model, { server: oldest, setup: "create schema app; create table app.t ()" });
    expect(failure.code).toBe("ACCESS_UNSUPPORTED_VERSION");
    expect(`${failure.message} ${failure.parts.detail}`).toMatch(/maintain/i);
  });
});

describe("an executor that may not", () => {
  it("make a superuser: blocked, with the statement for somebody who may", async () => {
    const failure = await refused(roles("  boss: { login: true, superuser: true }"), { connection: adminUrl("DB") });
    expect(["ACCESS_BLOCKED", "ACCESS_RIGHT_MISSING"]).toContain(failure.code);
    expect(`${failure.parts.detail} ${failure.parts.hint}`).toMatch(/superuser/i);
  });

  it("change what another owner has: blocked as a whole, nothing of the rest applied", async () => {
    const model = `${roles("  fresh_role: {}\n  app_rw: {}")}schemas:\n  app:\n    grants:\n      - { to: app_rw, usage: true }\n`;
    const failure = await refused(model, {
      connection: adminUrl("DB"),
      setup: "create schema app authorization owner_role",
    });
    expect(failure).toMatchObject({ code: "ACCESS_BLOCKED", exit: 21 });
    expect(failure.parts.detail).toMatch(/grant usage on schema "app" to "app_rw"/i);
    expect(JSON.stringify(failure.parts.data)).toContain("needs");
  });
});

describe("somebody else's grants and roles", () => {
  it("a grant of a third role is blocked for who cannot become that role, with who can", async () => {
    const model = `${roles("  app_rw: {}")}schemas:\n  app:\n    grants:\n      - { to: app_rw, usage: true }\n`;
    const setup =
      "create schema app authorization admin; set role admin; create table app.t (); grant select on app.t to owner_role with grant option; grant usage on schema app to owner_role; set role owner_role; grant select on app.t to app_rw";
    const failure = await refused(model, { connection: adminUrl("DB"), setup });
    expect(failure).toMatchObject({ code: "ACCESS_BLOCKED", exit: 21 });
    expect(failure.parts.detail).toMatch(/revoke select on (table )?"app"."t" from "app_rw"/i);
    expect(failure.parts.detail).toContain("owner_role");
  });

  it("a grant of a third role is revoked as that role by who can become it", async () => {
    const database = await cluster.createDatabase();
    await cluster.sql(
      "create schema app; create table app.t (); grant select on app.t to owner_role with grant option; grant usage on schema app to owner_role; set role owner_role; grant select on app.t to app_rw",
      { database },
    );
    using folder = modelFolder(
      `${roles("  app_rw: {}")}schemas:\n  app:\n    grants:\n      - { to: app_rw, usage: true }\n`.replaceAll(
        "DB",
        database,
      ),
    );
    const { output } = await folder.run(applyOperation, { connection: cluster.url(), yes: true });
    expect(output.outcome).toBe("applied");
    const [{ acl }] = await cluster.sql("select relacl::text as acl from pg_class where relname = 't'", { database });
    expect(acl).not.toContain("app_rw");
    expect(acl).toContain("owner_role=r*/postgres");
  });

  it("an attribute that the provider gives to nobody is refused, with the provider's own way", async () => {
    await cluster.sql("create role rds_superuser");
    const failure = await refused(roles("  copier: { login: true, replication: true }"), {
      connection: adminUrl("DB"),
    });
    expect(failure.code).toBe("ACCESS_PROVIDER_REFUSED");
    expect(failure.parts.hint).toContain("rds_replication");
    await cluster.sql("drop role rds_superuser");
  });
});

describe("a role that owns something in another database", () => {
  it("is not dropped, and the database is named", async () => {
    await cluster.sql("create role leaver");
    const elsewhere = await cluster.createDatabase();
    await cluster.sql("create table public.kept (); alter table public.kept owner to leaver", { database: elsewhere });
    const database = await cluster.createDatabase();
    using folder = modelFolder(roles("  leaver: { state: absent }").replaceAll("DB", database));
    const outcome: unknown = await folder
      .run(applyOperation, { connection: cluster.url(), yes: true })
      .catch((error) => error);
    expect(outcome).toBeInstanceOf(PgkeepError);
    if (outcome instanceof PgkeepError) {
      expect(["ACCESS_ROLE_OWNS_OBJECTS", "ACCESS_BLOCKED"]).toContain(outcome.code);
      expect(JSON.stringify(outcome.parts)).toContain(elsewhere);
    }
    expect(await cluster.sql("select 1 from pg_roles where rolname = 'leaver'")).toHaveLength(1);
  });
});

describe("[A-02] names with everything in them", () => {
  const NAMES = [
    'say "hi"',
    "two words",
    "MixedCase",
    "Ünïcödé",
    "x".repeat(63),
    "semi;colon",
    "dash--dash",
    "back\\slash",
    "dollar$pgkeep$",
    "line\nbreak",
    "tab\there",
    "quote'quote",
    "%I %L %s",
    "/* comment */",
  ];

  it.each(NAMES)("%j as a role, schema and table is applied, and planning again finds nothing", async (name) => {
    const database = await cluster.createDatabase();
    const quoted = `"${name.replaceAll('"', '""')}"`;
    await cluster.sql(`create schema ${quoted}; create table ${quoted}.${quoted} (id int)`, { database });
    const model = {
      version: 1,
      database,
      roles: { [name]: { login: true, password: "${env:P}" } },
      schemas: { [name]: { grants: [{ to: name, usage: true, tables: ["select"] }] } },
    };
    using folder = modelFolder(JSON.stringify(model));
    const context = { environment: { P: "c4nary pass-word" } };
    const applied = await folder.run(applyOperation, { connection: cluster.url(), yes: true }, context);
    expect(applied.output.outcome).toBe("applied");
    expect((await folder.run(planOperation, { connection: cluster.url() }, context)).exitCode).toBe(0);
    const rows = await cluster.sql(`select count(*)::int as n from ${quoted}.${quoted}`, {
      database,
      user: name,
      password: "c4nary pass-word",
    });
    expect(rows).toEqual([{ n: 0 }]);
    await cluster.sql(`drop database ${database}; `);
    await cluster.sql(`drop role ${quoted}`);
  });
});
