/** REP-002 with real slots. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/rep-002-unlimited-slot.ts";
import { foundOf, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

describe("REP-002 slots without limit", () => {
  it.each(availableMajors())(
    "fires on PostgreSQL %i on slots that keep WAL, and is silent when they were dropped",
    async (major) => {
      await using cluster = await startCluster({ major, settings: { wal_level: "logical" } });
      await using session = await connectTo(cluster);
      // Looks alike: one that keeps nothing yet, and one that ends with its session.
      await session.script("select pg_create_physical_replication_slot('idle')");
      await session.script("select pg_create_physical_replication_slot('passing', true, true)");
      const run = () => outcomeAt(cluster, check);
      expect(objectsOf(await run())).toEqual([]);
      await session.script("select pg_create_physical_replication_slot('0standby', true)");
      await session.script("select pg_create_logical_replication_slot('cdc', 'pgoutput')");
      const outcome = await run();
      expect(objectsOf(outcome)).toEqual(['"0standby"', "cdc"]);
      expect(objectsOf(await outcomeAsNobody(cluster, check))).toEqual(['"0standby"', "cdc"]);
      await cluster.sql("alter system set max_slot_wal_keep_size = '1GB'");
      await cluster.reload();
      await expect.poll(async () => objectsOf(await run())).toEqual([]);
      await cluster.sql("alter system reset max_slot_wal_keep_size");
      await cluster.reload();
      await expect.poll(async () => objectsOf(await run())).toHaveLength(2);
      for (const { fix } of foundOf(outcome))
        if (fix?.kind === "sql") for (const sql of fix.sql) await cluster.sql(sql);
      expect(objectsOf(await run())).toEqual([]);
    },
  );
});
