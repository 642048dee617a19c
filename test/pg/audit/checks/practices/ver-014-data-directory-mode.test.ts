/** VER-014: the server refuses to start with the worst modes, so those are made up; the allowed ones are real. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-014-data-directory-mode.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster, startCluster } from "../../../../support/cluster.ts";

const of = (mode: string) => runCheck(check, madeUpFacts({ settings: { data_directory_mode: mode } }));

describe("VER-014 data directory mode", () => {
  it.each(["0777", "0755", "0770", "0701", "0720"])("fires on %s", async (mode) => {
    expect(await of(mode)).toMatchObject({ found: [{ object: "data_directory_mode", detail: `mode ${mode}` }] });
  });

  it.each(["0700", "0750", "0500"])("is silent on %s, which its remedy makes", async (mode) => {
    expect(await of(mode)).toEqual({ status: "pass" });
  });

  it.each(availableMajors())("is silent on PostgreSQL %i as initdb makes it, for whoever asks", async (major) => {
    const cluster = await sharedCluster(major);
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
    expect(await outcomeAsNobody(cluster, check)).toMatchObject({ status: "pass" });
  });

  it("is silent on a cluster that its group may read", async () => {
    await using cluster = await startCluster({ extraInit: ["--allow-group-access"] });
    expect(await cluster.sql("show data_directory_mode")).toEqual([{ data_directory_mode: "0750" }]);
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
  });
});
