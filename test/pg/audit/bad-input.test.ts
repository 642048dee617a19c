/** What an audit meets in practice: places that cannot be entered, lines that break, servers of other kinds. It goes on. */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { lineOf } from "../../../src/audit/facts/line.ts";
import { type AuditRun, chooseChecks, runAudit } from "../../../src/audit/run/run-audit.ts";
import { Secret } from "../../../src/base/secrets.ts";
import type { Session } from "../../../src/pg/session.ts";
import { AUDIT_DAY, auditOf, statusesOf } from "../../support/audit/run.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { clusterSettings, connectTo } from "../../support/connection.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster();
  for (const name of ["shop", "closed", "frozen"]) await cluster.createDatabase(name);
  await cluster.sql(`create role looker login password 'looker-7731aa'; revoke connect on database closed from public`);
  await cluster.sql("alter database frozen allow_connections false");
});

afterAll(() => cluster?.stop());

/** An audit whose sessions pass through `through` as they are opened. */
async function auditThrough(through: (session: Session) => Session, of: TestCluster = cluster): Promise<AuditRun> {
  const settings = clusterSettings(of, { database: "shop" });
  return await runAudit({
    checks: await chooseChecks({ profile: "default", only: [] }),
    open: async (database = "shop") => through(await connectTo(of, { database })),
    isOneDatabase: false,
    surroundings: async (session) => ({ now: AUDIT_DAY, declared: {}, line: lineOf(session, settings) }),
    signal: new AbortController().signal,
  });
}

/** `session` with `changes` in front. */
function changed(session: Session, changes: Partial<Session>): Session {
  return new Proxy(session, {
    get: (target, name) => {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const count = (run: AuditRun, status: string): number =>
  [...statusesOf(run).values()].filter((each) => each === status).length;

describe("a database that cannot be entered", () => {
  it("is named with the reason, and its checks are unknown", async () => {
    const run = await auditOf(cluster, {
      connection: { database: "shop", user: "looker", password: async () => new Secret("looker-7731aa") },
    });
    expect(run.unreachable).toContainEqual({
      database: "closed",
      reason: "this role may not connect to it",
      grant: 'grant connect on database "closed" to "looker"',
    });
    const ofClosed = run.results.filter(({ database }) => database === "closed");
    expect(ofClosed.length).toBeGreaterThan(50);
    for (const { outcome } of ofClosed) expect(outcome.status).toBe("unknown");
    expect(run.databases).toEqual(["shop", "postgres"]);
  });

  it("is said and costs nothing when the server itself lets nobody in", async () => {
    const run = await auditOf(cluster, { connection: { database: "shop" } });
    expect(run.unreachable).toContainEqual({ database: "frozen", reason: "it takes no connections" });
    expect(run.results.filter(({ database }) => database === "frozen")).toEqual([]);
  });
});

describe("a line that breaks half way", () => {
  it("makes what came after it unknown, and the next database is audited", async () => {
    let asked = 0;
    const run = await auditThrough((session) =>
      changed(session, {
        query: async (text, values) => {
          asked += 1;
          if (asked === 60) await cluster.sql(`select pg_terminate_backend(${session.processId})`);
          return await session.query(text, values);
        },
      }),
    );
    const broken = run.results.filter(({ outcome }) => outcome.status === "unknown" && "isLost" in outcome);
    expect(broken.length).toBeGreaterThan(0);
    const later = run.results.filter(({ database }) => database === "postgres");
    expect(later.some(({ outcome }) => outcome.status === "pass")).toBe(true);
    // The first database is entered anew for its own checks.
    expect(run.databases).toContain("shop");
  });
});

describe("a statement that takes too long", () => {
  it("makes its check unknown, with the server's reason", async () => {
    const run = await auditThrough((session) =>
      changed(session, {
        query: async (text, values) => {
          if (!text.includes("rolsuper") || !text.includes("r.oid <> 10")) return await session.query(text, values);
          await session.query("set statement_timeout = '20ms'");
          try {
            return await session.query("select pg_sleep(5)");
          } finally {
            await session.query("set statement_timeout = '10s'");
          }
        },
      }),
    );
    const late = run.results.find(({ check }) => check.id === "ROL-001");
    expect(late?.outcome).toMatchObject({ status: "unknown", reason: expect.stringContaining("statement timeout") });
    expect(count(run, "pass")).toBeGreaterThan(50);
  });
});

describe("a server of a version that the checks were not made for", () => {
  const asVersion = (serverVersion: number) => auditThrough((session) => changed(session, { serverVersion }));

  it("passes nothing when it is older than the checks", async () => {
    const run = await asVersion(130_021);
    expect(count(run, "pass")).toBe(0);
    expect(
      run.results.some(({ outcome }) => "reason" in outcome && /never proved on PostgreSQL 13/.test(outcome.reason)),
    ).toBe(true);
  });

  it("is checked when it is newer, and what depends on the table of versions is unknown", async () => {
    const run = await asVersion(190_001);
    expect(count(run, "pass")).toBeGreaterThan(50);
    const statuses = statusesOf(run);
    for (const check of ["VER-001@", "VER-002@"]) expect([check, statuses.get(check)]).toEqual([check, "unknown"]);
  });
});

describe("a role that does not exist", () => {
  it("is told so, and nothing is claimed", async () => {
    await expect(auditOf(cluster, { connection: { user: "nobody_here" } })).rejects.toMatchObject({
      code: expect.stringMatching(/^CONNECT_/),
    });
  });
});

describe("a standby", () => {
  let standby: TestCluster;

  afterEach(() => standby?.stop());

  it("is audited like any other server", async () => {
    standby = await startCluster();
    await standby.createDatabase("shop");
    const signal = join(standby.dataDir, "standby.signal");
    await writeFile(signal, "");
    await chmod(signal, 0o644);
    await standby.crash();
    const run = await auditThrough((session) => session, standby);
    expect(run.server.isStandby).toBe(true);
    expect(count(run, "pass")).toBeGreaterThan(50);
    const refused = run.results.filter(
      ({ outcome }) => outcome.status === "unknown" && /recovery|read-only/.test(outcome.reason),
    );
    expect(refused).toEqual([]);
  });
});
