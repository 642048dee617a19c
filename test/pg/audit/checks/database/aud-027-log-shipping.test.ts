/** AUD-027: nobody can see it from inside, so it is unknown until the operator says it. */
import { describe, expect, it } from "vitest";
import aud027 from "../../../../../src/audit/checks/database/aud-027-log-shipping.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster } from "../../../../support/cluster.ts";

describe.each(availableMajors())("AUD-027 on PostgreSQL %s", (major) => {
  it("is unknown to everybody, also to superusers", async () => {
    const cluster = await sharedCluster(major);
    const unknown = { status: "unknown", reason: expect.stringContaining("logs leave") };
    expect(await outcomeAt(cluster, aud027)).toMatchObject(unknown);
    expect(await outcomeAsNobody(cluster, aud027)).toMatchObject(unknown);
  });

  it("passes when it is declared", async () => {
    const declared = { logShipping: "vector to the log host" };
    expect(await outcomeAt(await sharedCluster(major), aud027, { declared })).toEqual({ status: "pass" });
  });
});

describe("AUD-027", () => {
  it("fires on a server that logs nothing, whatever was declared", async () => {
    const facts = madeUpFacts({ settings: { log_destination: "" }, declared: { logShipping: "vector" } });
    expect(objectsOf(await runCheck(aud027, facts))).toEqual(["log_destination"]);
  });
});
