/** ACC-001: what the comparison with a model finds becomes findings; without a model nobody asks. */
import { describe, expect, it } from "vitest";
import { Unanswered } from "../../../../../src/audit/answers.ts";
import check from "../../../../../src/audit/checks/practices/acc-001-model-drift.ts";
import type { Drift } from "../../../../../src/audit/facts/declarations.ts";
import { objectsOf, outcomeAt } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";

describe("ACC-001 drift", () => {
  const drift = async (): Promise<Drift[]> => [
    { object: "table app.orders", detail: "select of reporting is extra" },
    { object: "table app.orders", detail: "owner is different" },
    { object: "role app", detail: "membership in team is missing" },
  ];

  it("fires on each object that differs, once, with all that differs", async () => {
    expect(await outcomeAt(await sharedCluster(), check, { drift })).toMatchObject({
      status: "fail",
      found: [
        { object: "table app.orders", detail: "select of reporting is extra; owner is different" },
        { object: "role app", detail: "membership in team is missing" },
      ],
    });
  });

  it("is silent when the database is as its model says", async () => {
    expect(objectsOf(await outcomeAt(await sharedCluster(), check, { drift: async () => [] }))).toEqual([]);
  });

  it("does not concern a run without a model, and is unknown when the comparison was refused", async () => {
    expect(await outcomeAt(await sharedCluster(), check)).toMatchObject({ status: "not_applicable" });
    const refused = async () => {
      throw new Unanswered("the model could not be compared");
    };
    expect(await outcomeAt(await sharedCluster(), check, { drift: refused })).toMatchObject({ status: "unknown" });
  });
});
