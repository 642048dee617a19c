/**
 * An audit leaves no trace on the server but its sessions: it writes nothing, reads no row of a user, stands in nobody's
 * queue, and needs few connections.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditOf } from "../../support/audit/run.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

/** Three databases: the demand on connections is made for this many. */
const DATABASES = ["shop", "ledger", "depot"];

const OBJECTS = `
  create schema app;
  create table app.customers (id int primary key, email text, password text);
  insert into app.customers select n, 'canary-row-81fe22', 'x' from generate_series(1, 100) as n;
  create table app.parts (id int, tenant_id int) partition by range (id);
  create table app.parts_1 partition of app.parts for values from (1) to (100);
  alter table app.customers enable row level security;
  create policy own on app.customers using (email = current_user);
  create view app.emails as select email from app.customers;
  create materialized view app.counted as select count(*) from app.customers;
  create index on app.customers (email);
  create function app.touch() returns trigger language plpgsql as 'begin return new; end';
  create trigger touch before update on app.customers for each row execute function app.touch();
  grant select on app.emails to public`;

const COUNTERS = `
  select coalesce(sum(seq_scan), 0) + coalesce(sum(idx_scan), 0) as scans,
         coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) as writes
    from pg_stat_user_tables`;
const WRITTEN =
  "select tup_inserted + tup_updated + tup_deleted as n, temp_files from pg_stat_database where datname = $1";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster({
    settings: { log_statement: "all", log_connections: "on", log_line_prefix: "%a|%d|" },
  });
  for (const name of DATABASES) {
    await cluster.createDatabase(name);
    await cluster.sql(OBJECTS, { database: name });
  }
});

afterAll(() => cluster?.stop());

/** What the server counted in every database; statistics of ended sessions are there when they have ended. */
async function counted() {
  const all = [];
  for (const database of DATABASES) {
    const [own] = await cluster.sql(COUNTERS, { database });
    const [whole] = await cluster.sql(WRITTEN, { database, values: [database] });
    all.push({ database, ...own, ...whole });
  }
  return all;
}

/** Lines of the server's log since `from`. */
async function logSince(from: number): Promise<string[]> {
  return (await readFile(cluster.logFile, "utf8")).slice(from).split("\n");
}

describe("an audit of three databases", () => {
  it("[U-01] writes nothing and scans no table of a user", async () => {
    const before = await counted();
    await auditOf(cluster, { connection: { database: "shop" } });
    expect(await counted()).toEqual(before);
  });

  it("sends nothing but questions and settings of its own session, within twelve connections", async () => {
    const from = (await readFile(cluster.logFile, "utf8")).length;
    await auditOf(cluster, { connection: { database: "shop" } });
    const lines = await logSince(from);
    const statements = lines.flatMap(
      (line) => /^[^|]*\|[^|]*\|LOG: {2}(?:statement|execute [^:]*): (.*)$/.exec(line)?.[1]?.trim() ?? [],
    );
    expect(statements.length).toBeGreaterThan(50);
    expect(statements.filter((text) => text !== "" && !/^(select|with|set|show|values)\b/i.test(text))).toEqual([]);
    const opened = lines.filter((line) => line.includes("connection received")).length;
    expect(opened).toBeGreaterThanOrEqual(DATABASES.length);
    expect(opened).toBeLessThanOrEqual(12);
  });

  it("[U-02] brings no row of a table", async () => {
    const run = await auditOf(cluster, { connection: { database: "shop" } });
    expect(JSON.stringify(run.results)).not.toContain("canary-row-81fe22");
  });

  it("[U-07] does not wait behind somebody's lock", async () => {
    await using holder = await connectTo(cluster, { database: "shop" });
    await holder.script("begin; lock table app.customers, app.parts, app.parts_1, app.emails in access exclusive mode");
    // The lock is held until the audit has ended: whoever waits for it waits for ever.
    const run = await auditOf(cluster, { connection: { database: "shop" }, isOneDatabase: true });
    const unknown = run.results.filter(({ database, outcome }) => database === "shop" && outcome.status === "unknown");
    // Expressions of a policy can be written out only under a lock on the table; whoever cannot have it says so.
    for (const { outcome } of unknown) expect(outcome).toMatchObject({ reason: expect.stringContaining("lock") });
    expect(unknown.length).toBeLessThan(4);
    await holder.script("rollback");
  });

  it("works while the server is being filled with locks on catalogs that stand in no login's way", async () => {
    await using holder = await connectTo(cluster, { database: "ledger" });
    await holder.script("begin; lock table pg_catalog.pg_policy in access exclusive mode");
    const run = await auditOf(cluster, { connection: { database: "shop" } });
    const ofLedger = run.results.filter(({ database }) => database === "ledger");
    const unknown = ofLedger.filter(({ outcome }) => outcome.status === "unknown");
    expect(unknown.length).toBeLessThan(ofLedger.length);
    for (const { outcome } of unknown) expect(outcome).toMatchObject({ reason: expect.stringContaining("lock") });
    await holder.script("rollback");
  });
});
