/** What an install leaves, on every supported server: the same schema, whoever installs it and however often. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../../src/base/secrets.ts";
import type { Session } from "../../../src/pg/session.ts";
import { type InstallReport, installSchema } from "../../../src/relay/schema/install.ts";
import { migrations } from "../../../src/relay/schema/migrations.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { dumpSchema } from "../../support/schema-dump.ts";

const ALL = migrations().map(({ name }) => name);
const GOLDEN = "../../../sql/relay/schema.golden.sql";
const HEADER = `-- Schema tide as every install leaves it, for reviews: what changes here is what users' databases will get.
-- Made by test/pg/relay/schema.test.ts (vitest -u) from a real server, compared on every major. Not run by anything.

`;

describe.each(availableMajors())("schema tide on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  let made: InstallReport;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster, { database: await cluster.createDatabase("shop") });
    made = await installSchema(session, { version: "1.2.3" });
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  it("is made by a superuser for a role that cannot log in, with all migrations", async () => {
    expect(made).toEqual({ outcome: "made", owner: "tide_owner", migrations: ALL, roles: false });
    const [row] = await session.query(
      `select tide.version() as version, n.nspowner::regrole::text as owner, r.rolcanlogin or r.rolsuper as strong
         from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'tide'`,
    );
    expect(row).toEqual({ version: "1.2.3", owner: "tide_owner", strong: "f" });
  });

  it("is the same on every version", async () => {
    await expect(`${HEADER + (await dumpSchema(session, "tide"))}\n`).toMatchFileSnapshot(GOLDEN);
  });

  it("is left as it is by a second install", async () => {
    const before = await session.query("select xmin::text, * from tide.meta order by key");
    const report = await installSchema(session, { version: "1.2.3" });
    expect(report).toMatchObject({ outcome: "current", migrations: [] });
    expect(await session.query("select xmin::text, * from tide.meta order by key")).toEqual(before);
  });

  it("says what every function is for", async () => {
    const silent = await session.query(
      `select p.oid::regprocedure::text as name from pg_proc as p
        where p.pronamespace = 'tide'::regnamespace and obj_description(p.oid, 'pg_proc') is null order by 1`,
    );
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it("[relay 9] knows the sinks and sources of the version that installed it last, without a migration", async () => {
    const known = () =>
      session.query("select direction || ' ' || connector_type as name from tide.relay_connector_types() order by 1");
    const now = await known();
    expect(now.map(({ name }) => name)).toEqual(expect.arrayContaining(["forward webhook", "reverse stdin"]));
    await session.script("update tide.meta set value = 'stdout' where key = 'connectors/forward'");
    expect(await known()).not.toEqual(now);
    const report = await installSchema(session, { version: "1.2.3" });
    expect(report).toMatchObject({ outcome: "upgraded", migrations: [] });
    expect(await known()).toEqual(now);
  });

  it("[Q-01] [Q-03] [R-15] lets nobody run anything unasked, and pins every search path", async () => {
    const open = await session.query(
      `select p.oid::regprocedure::text as name from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        where p.pronamespace = 'tide'::regnamespace and a.grantee = 0
        union all
       select c.oid::regclass::text from pg_class c, aclexplode(c.relacl) a
        where c.relnamespace = 'tide'::regnamespace and a.grantee <> c.relowner
        union all
       select 'schema' from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'tide' and a.grantee <> n.nspowner`,
    );
    expect(open).toEqual([]);
    const loose = await session.query(
      `select p.oid::regprocedure::text as name from pg_proc p
        where p.pronamespace = 'tide'::regnamespace and p.prosecdef
          and not coalesce(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)`,
    );
    expect(loose).toEqual([]);
  });

  it("[Q-02] lends no superuser's rights", async () => {
    const owners = await session.query(
      `select distinct r.rolname as owner from pg_proc p join pg_roles r on r.oid = p.proowner
        where p.pronamespace = 'tide'::regnamespace
        union select r.rolname from pg_class c join pg_roles r on r.oid = c.relowner
        where c.relnamespace = 'tide'::regnamespace`,
    );
    expect(owners).toEqual([{ owner: "tide_owner" }]);
  });

  it("is the same after an upgrade from any earlier migration", async () => {
    const fresh = await dumpSchema(session, "tide");
    for (const { number } of migrations().filter((_, index) => index % 6 === 0)) {
      await using other = await connectTo(cluster, { database: await cluster.createDatabase() });
      await installSchema(other, { version: "1", upTo: number });
      const upgraded = await installSchema(other, { version: "2" });
      expect(upgraded.migrations).toEqual(
        migrations()
          .filter((m) => m.number > number)
          .map((m) => m.name),
      );
      expect(await dumpSchema(other, "tide")).toBe(fresh);
    }
  });

  it("is made once by two installs at the same moment", async () => {
    const database = await cluster.createDatabase();
    await using one = await connectTo(cluster, { database });
    await using other = await connectTo(cluster, { database });
    const reports = await Promise.all([one, other].map((each) => installSchema(each, { version: "1" })));
    expect(reports.map(({ outcome }) => outcome).sort()).toEqual(["current", "made"]);
  });

  it("leaves nothing and no transaction behind when a migration fails or the wait is too long", async () => {
    await using other = await connectTo(cluster, { database: await cluster.createDatabase() });
    await other.script("set statement_timeout = '1ms'");
    await expect(installSchema(other, { version: "1" })).rejects.toMatchObject({ sqlstate: "57014" });
    await other.script("set statement_timeout = 0");
    expect(other.transactionStatus()).toBe("idle");
    expect(await other.query("select 1 from pg_namespace where nspname = 'tide'")).toEqual([]);
  });

  it("is made by a database's owner without any other right", async () => {
    await cluster.sql("create role plain login password 'x' nosuperuser nocreaterole nocreatedb");
    const database = await cluster.createDatabase(undefined, "owner plain");
    const report = await installAs(cluster, { database, user: "plain" });
    expect(report).toMatchObject({ outcome: "made", owner: "plain", migrations: ALL });
    const again = await installAs(cluster, { database, user: "plain" });
    expect(again.outcome).toBe("current");
  });

  it("is made for another role by who may make roles, and can be upgraded by the same", async () => {
    await cluster.sql("create role manager login password 'x' nosuperuser createrole");
    const database = await cluster.createDatabase(undefined, "owner manager");
    const first = await installAs(cluster, { database, user: "manager", owner: "event store", upTo: 3 });
    expect(first).toMatchObject({ outcome: "made", owner: "event store" });
    const second = await installAs(cluster, { database, user: "manager" });
    expect(second).toMatchObject({ outcome: "upgraded", owner: "event store" });
    const roles = await installAs(cluster, { database, user: "manager", roles: true });
    expect(roles).toMatchObject({ outcome: "current", roles: true });
    const [row] = await cluster.sql(
      `select rolcanlogin or rolsuper or rolcreaterole or rolbypassrls as strong from pg_roles where rolname = 'event store'`,
    );
    expect(row).toEqual({ strong: false });
  });
});

interface Installer {
  database: string;
  user: string;
  owner?: string;
  upTo?: number;
  roles?: boolean;
}

async function installAs(cluster: TestCluster, { database, user, ...request }: Installer) {
  await using session = await connectTo(cluster, { database, user, password: async () => new Secret("x") });
  return await installSchema(session, { version: "1", ...request });
}
