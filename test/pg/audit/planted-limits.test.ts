/** The owner of a database wants it left out of the audit: time limits that end every session, and words about the database. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AuditRun, runAudit } from "../../../src/audit/run/run-audit.ts";
import { PgkeepError } from "../../../src/base/errors.ts";
import { Secret } from "../../../src/base/secrets.ts";
import { auditOf, failuresOf, statusesOf } from "../../support/audit/run.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

const ONLY = ["PRV-001", "PRC-003"];

describe.each(availableMajors())("[U-03] PostgreSQL %s", (major) => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role shy login");
    await cluster.createDatabase("hidden", "owner shy");
    await cluster.sql("grant create on schema public to public", { database: "hidden" });
  });

  afterAll(() => cluster?.stop());

  const limits = ["statement_timeout", "idle_session_timeout", ...(major >= 17 ? ["transaction_timeout"] : [])];

  it.each(limits)("looks into a database whose %s is a millisecond", async (limit) => {
    await cluster.sql(`alter database hidden set ${limit} = 1`);
    const [within, beside] = [
      await auditOf(cluster, { connection: { database: "hidden" }, only: ONLY }),
      await auditOf(cluster, { only: ONLY }),
    ];
    await cluster.sql(`alter database hidden reset ${limit}`);
    for (const run of [within, beside]) expect(seen(run)).toEqual({ hidden: ["public"], unreachable: [] });
    expect(statusesOf(within).get("PRC-003@")).toBe(statusesOf(beside).get("PRC-003@"));
  });

  it("looks into a database that its owner calls a template", async () => {
    await cluster.sql("set role shy; alter database hidden is_template true");
    const run = await auditOf(cluster, { only: ONLY });
    await cluster.sql("alter database hidden is_template false");
    expect(seen(run)).toEqual({ hidden: ["public"], unreachable: [] });
  });

  it("names a database that takes no connections", async () => {
    await cluster.sql("set role shy; alter database hidden allow_connections false");
    const { databases, unreachable } = await auditOf(cluster, { only: ONLY });
    await cluster.sql("alter database hidden allow_connections true");
    expect(databases).not.toContain("hidden");
    expect(unreachable).toEqual([{ database: "hidden", reason: "it takes no connections" }]);
  });

  it("names the grant that opens a database to the role of the run", async () => {
    await cluster.sql("revoke connect on database hidden from public");
    await cluster.sql(`create role "looks ""on"" it" login password 'looks'`);
    const run = await auditOf(cluster, {
      connection: { user: 'looks "on" it', password: async () => new Secret("looks") },
      only: ONLY,
    }).finally(() => cluster.sql("grant connect on database hidden to public"));
    expect(run.unreachable).toEqual([
      {
        database: "hidden",
        reason: "this role may not connect to it",
        grant: 'grant connect on database "hidden" to "looks ""on"" it"',
      },
    ]);
  });

  function seen(run: AuditRun) {
    const hidden = [...(failuresOf(run).get("PRV-001@hidden") ?? [])];
    return { hidden, unreachable: run.unreachable };
  }

  it("says that the server ended the session, when that is before the first answer", async () => {
    const ended = runAudit({
      checks: [],
      open: async (database = "postgres") => {
        const session = await connectTo(cluster, { database });
        await session.query("select 1");
        await cluster.sql(`select pg_terminate_backend(${session.processId}, 5000)`);
        return session;
      },
      isOneDatabase: true,
      surroundings: () => Promise.reject(new Error("never asked")),
      signal: new AbortController().signal,
    });
    const error = await ended.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PgkeepError);
    expect(error).toMatchObject({ code: "CONNECT_SERVER_REFUSED" });
  });
});
