/** VER-015: servers here compute MD5; one that refuses is made up, with the words that PostgreSQL uses. */
import { describe, expect, it } from "vitest";
import { Unanswered } from "../../../../../src/audit/answers.ts";
import check from "../../../../../src/audit/checks/practices/ver-015-fips.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster } from "../../../../support/cluster.ts";

const refusing = (reason: string) =>
  madeUpFacts({
    query: async () => {
      throw new Unanswered(`the server refused: ${reason}`);
    },
  });

describe("VER-015 FIPS mode", () => {
  it.each(availableMajors())("fires on PostgreSQL %i that computes MD5, for whoever asks", async (major) => {
    const cluster = await sharedCluster(major);
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual(["cryptography"]);
    expect(objectsOf(await outcomeAsNobody(cluster, check))).toEqual(["cryptography"]);
  });

  it("is silent on a server that refuses MD5", async () => {
    expect(await runCheck(check, refusing("could not compute MD5 hash: disabled for FIPS"))).toEqual({
      status: "pass",
    });
  });

  it("is unknown when the server refuses for another reason", async () => {
    expect(await runCheck(check, refusing("canceling statement due to statement timeout"))).toMatchObject({
      status: "unknown",
    });
  });

  it("is asked by profile strict alone", () => {
    const { profiles = {} } = check;
    expect(
      Object.keys(profiles)
        .filter((name) => profiles[name as keyof typeof profiles] === "off")
        .sort(),
    ).toEqual(["cis", "default", "dev", "managed"]);
  });
});
