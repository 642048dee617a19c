/** REP-001 with real replication connections: a superuser's, and a replication role's. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/rep-001-replication-as-superuser.ts";
import { objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { eventually } from "../../../../support/processes.ts";
import { replicationConnection } from "../../../../support/replication.ts";

describe("REP-001 replication as superuser", () => {
  it.each(availableMajors())("fires on PostgreSQL %i until the standby connects as another role", async (major) => {
    await using cluster = await startCluster({ major });
    await cluster.sql("create role replicator login replication password 'x'");
    const run = () => outcomeAt(cluster, check);
    // Looks alike: a superuser's ordinary connection asks, and a replication role replicates.
    await using _ = await replicationConnection(cluster, { user: "replicator", password: "x" });
    expect(objectsOf(await run())).toEqual([]);
    const wrong = await replicationConnection(cluster);
    const another = await replicationConnection(cluster);
    expect(await run()).toMatchObject({
      found: [{ object: "postgres@127.0.0.1", detail: "2 replication connections as superuser" }],
    });
    expect(await outcomeAsNobody(cluster, check)).toMatchObject({ status: "unknown", right: "pg_read_all_stats" });
    await wrong[Symbol.asyncDispose]();
    await another[Symbol.asyncDispose]();
    expect(await eventually(async () => objectsOf(await run()).length === 0)).toBe(true);
  });
});
