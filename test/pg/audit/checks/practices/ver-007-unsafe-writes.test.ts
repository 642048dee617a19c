/** VER-007 on servers that were started with and without safe writes; the test clusters' own are unsafe on purpose. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-007-unsafe-writes.ts";
import { settingStatement } from "../../../../../src/audit/fix.ts";
import { foundOf, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster, startCluster } from "../../../../support/cluster.ts";

describe("VER-007 unsafe writes", () => {
  it.each(availableMajors())(
    "fires on PostgreSQL %i for whoever asks, and carries the settings that cure it",
    async (major) => {
      const cluster = await sharedCluster(major);
      const outcome = await outcomeAt(cluster, check);
      expect(objectsOf(outcome)).toEqual(["fsync", "full_page_writes"]);
      expect(objectsOf(await outcomeAsNobody(cluster, check))).toEqual(["fsync", "full_page_writes"]);
      const statements = foundOf(outcome).map(({ fix }) => (fix?.kind === "setting" ? settingStatement(fix) : ""));
      expect(statements).toEqual(["alter system set fsync = 'on'", "alter system set full_page_writes = 'on'"]);
    },
  );

  it("is silent where its remedy is in force, although commits may be lost there", async () => {
    await using cluster = await startCluster({
      settings: { fsync: "on", full_page_writes: "on", synchronous_commit: "off" },
    });
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
  });
});
