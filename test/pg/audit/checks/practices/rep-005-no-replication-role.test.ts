/** REP-005 with a real replication connection. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/rep-005-no-replication-role.ts";
import { objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { replicationConnection } from "../../../../support/replication.ts";

describe("REP-005 no role for replication", () => {
  it.each(availableMajors())(
    "fires on PostgreSQL %i when something replicates, until there is a role for it",
    async (major) => {
      await using cluster = await startCluster({ major });
      const run = () => outcomeAt(cluster, check);
      // Looks alike: nothing replicates, so no role is needed.
      expect(objectsOf(await run())).toEqual([]);
      await using _ = await replicationConnection(cluster);
      await cluster.sql("create role boss superuser replication");
      expect(objectsOf(await run())).toEqual(["roles with REPLICATION"]);
      expect(objectsOf(await outcomeAsNobody(cluster, check))).toEqual(["roles with REPLICATION"]);
      await cluster.sql("create role replicator login replication");
      expect(objectsOf(await run())).toEqual([]);
    },
  );
});
