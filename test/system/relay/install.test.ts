/** `pgkeep relay install` as a person and a pipeline meet it: what it would do, what it did, what it took over. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { type Finished, pgkeep } from "../../support/pgkeep.ts";

/** Some tables of pg_tide with rows, as a database restored without the extension has them. */
const OLD = `
create schema tide;
create table tide.tide_outbox_config (outbox_name text primary key, retention_hours int not null default 24,
  inline_threshold int not null default 10000, enabled boolean not null default true,
  created_at timestamptz not null default now());
create table tide.tide_outbox_messages (
  id bigint generated always as identity primary key,
  outbox_name text not null references tide.tide_outbox_config on delete cascade,
  payload jsonb not null, headers jsonb not null default '{}', created_at timestamptz not null default now(),
  consumed_at timestamptz, consumer_group text);
create table tide.relay_outbox_config (
  name text primary key, enabled boolean not null default true, config jsonb not null default '{}');
insert into tide.tide_outbox_config (outbox_name) values ('orders');
insert into tide.tide_outbox_messages (outbox_name, payload) select 'orders', '{}' from generate_series(1, 1234);
insert into tide.relay_outbox_config values ('p', true,
  '{"source_type": "outbox", "source": {"outbox": "orders"}, "sink_type": "stdout", "sink": {}}')`;

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await sharedCluster();
});

async function databaseWith(statements = "select"): Promise<{ session: Session; install: Install }> {
  const database = await cluster.createDatabase();
  const session = await connectTo(cluster, { database });
  await session.script(statements);
  const env = { PGHOST: cluster.host, PGPORT: String(cluster.port), PGDATABASE: database };
  const credentials = { PGUSER: cluster.superuser, PGPASSWORD: cluster.password };
  return {
    session,
    install: (...words) => pgkeep(["relay", "install", ...words], { env: { ...env, ...credentials } }),
  };
}
type Install = (...words: string[]) => Promise<Finished>;

const hasTide = async (session: Session) =>
  (await session.rows("select 1 from pg_catalog.pg_namespace where nspname = 'tide'")).length > 0;

describe("relay install", () => {
  it("says with --dry-run which migrations would run, and makes nothing", async () => {
    const { session, install } = await databaseWith();
    const { status, stdout, stderr } = await install("--dry-run", "--roles");
    expect([status, stdout.split("\n")[0]]).toEqual([0, "would run 0001_tables.sql"]);
    expect(stderr).toContain("would make schema tide");
    expect(stderr).toContain("would make the roles");
    expect(await hasTide(session)).toBe(false);
    await session.close();
  });

  it("makes schema and roles once, and says the same in JSON", async () => {
    const { session, install } = await databaseWith();
    const { status, stdout } = await install("--roles", "--json");
    const envelope: { ok: boolean; data: Record<string, unknown> } = JSON.parse(stdout);
    expect([status, envelope.ok]).toEqual([0, true]);
    expect(envelope.data).toMatchObject({
      outcome: "made",
      owner: "tide_owner",
      roles: true,
      adopted: null,
      dry_run: false,
    });
    expect(envelope.data.migrations).toContain("0012_delivery.sql");
    expect(
      await session.rows("select rolname from pg_catalog.pg_roles where rolname in ('tide_relay', 'tide_reader')"),
    ).toHaveLength(2);
    expect(await session.rows("select tide.version()")).toEqual([[envelope.data.version]]);
    const again = await install();
    expect([again.status, again.stderr]).toEqual([0, expect.stringContaining("is up to date")]);
    await session.close();
  });

  it("asks before it takes a schema of pg_tide over, and tells what was in it", async () => {
    const { session, install } = await databaseWith(OLD);
    const look = await install("--dry-run");
    expect(look.stderr).toContain("would take over: 1 outbox, 1,234 events, 1 pipeline\n");
    const refused = await install();
    expect([refused.status, refused.stderr]).toEqual([12, expect.stringContaining("RELAY_ADOPTION_UNAPPROVED")]);
    expect(await session.rows("select pg_catalog.to_regclass('tide.meta')")).toEqual([[null]]);
    const taken = await install("--yes", "--json");
    expect(JSON.parse(taken.stdout).data).toMatchObject({
      outcome: "adopted",
      adopted: {
        outboxes: 1,
        events: 1234,
        consumer_groups: 0,
        inboxes: 0,
        pipelines: 1,
        positions: 0,
        dead_letters: 0,
      },
    });
    expect(await session.rows("select pg_catalog.count(*) from tide.tide_outbox_messages")).toEqual([["1234"]]);
    await session.close();
  });

  it("leaves a schema of somebody else alone", async () => {
    const { session, install } = await databaseWith("create schema tide; create table tide.waves (height int)");
    const { status, stderr } = await install("--yes");
    expect([status, stderr]).toEqual([expect.any(Number), expect.stringContaining("RELAY_SCHEMA_FOREIGN")]);
    expect(status).not.toBe(0);
    await session.close();
  });
});
