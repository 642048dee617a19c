/** REP-003 on servers with and without archiving, and with a declaration. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/rep-003-no-archiving.ts";
import { objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster, startCluster } from "../../../../support/cluster.ts";

describe("REP-003 archiving", () => {
  it.each(availableMajors())("fires on PostgreSQL %i as initdb makes it, for whoever asks", async (major) => {
    const cluster = await sharedCluster(major);
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual(["archive_mode"]);
    expect(objectsOf(await outcomeAsNobody(cluster, check))).toEqual(["archive_mode"]);
  });

  it("is silent where its remedy is in force", async () => {
    await using cluster = await startCluster({ settings: { archive_mode: "always" } });
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
  });

  it("says not applicable, and why, when backups are declared: a declaration is no pass", async () => {
    const declared = { backup: "snapshots of the volume, restored monthly" };
    expect(await outcomeAt(await sharedCluster(), check, { declared })).toEqual({
      status: "not_applicable",
      reason: "backups are declared: snapshots of the volume, restored monthly",
    });
  });
});
