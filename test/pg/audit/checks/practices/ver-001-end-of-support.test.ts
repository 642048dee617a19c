/** VER-001 against real servers and against majors and dates that no server here has. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-001-end-of-support.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf, outcomeAt } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";

const upstream = async () => [{ version: "PostgreSQL 17.10 on x86_64", aurora: "f" }];
const of = (major: number, now: string, version = `${major}.2`) =>
  runCheck(
    check,
    madeUpFacts({ server: { major, version, versionNumber: major * 10_000 + 2 }, now: new Date(now), query: upstream }),
  );

describe("VER-001 end of support", () => {
  it("fires on a major whose support ended", async () => {
    const outcome = await of(13, "2026-11-21T12:00:00Z");
    expect(outcome).toMatchObject({
      status: "fail",
      found: [{ object: "PostgreSQL 13.2", detail: "support ended on 2025-11-13", severity: "critical" }],
    });
  });

  it("warns half a year ahead, to the day, and not before", async () => {
    expect(await of(14, "2026-06-01T00:00:00Z")).toMatchObject({
      found: [{ severity: "medium", detail: "support ends on 2026-11-12, in 164 days" }],
    });
    expect(await of(15, "2027-05-16T00:00:00Z")).toMatchObject({ status: "fail", found: [{ severity: "medium" }] });
    expect(await of(15, "2027-05-15T23:59:59Z")).toMatchObject({ status: "pass" });
  });

  it("counts the last day as supported, and the next one not", async () => {
    expect(await of(14, "2026-11-12T23:59:59Z")).toMatchObject({ found: [{ severity: "medium" }] });
    expect(await of(14, "2026-11-13T00:00:00Z")).toMatchObject({ found: [{ severity: "critical" }] });
  });

  it("is silent on a real server in support, whatever its major is called", async () => {
    expect(objectsOf(await outcomeAt(await sharedCluster(18), check))).toEqual([]);
  });

  it("is unknown for a major that the table does not have, and names the table's date", async () => {
    expect(await of(19, "2026-11-21T12:00:00Z")).toMatchObject({
      status: "unknown",
      reason: "the table of 2026-11-21 does not know PostgreSQL 19",
    });
  });

  it("[U-10] is unknown when the table is older than 200 days, also for a major that ended long ago", async () => {
    expect(await of(13, "2027-06-09T00:00:00Z")).toMatchObject({ status: "fail" });
    for (const major of [13, 18]) {
      expect(await of(major, "2027-06-10T00:00:00Z")).toMatchObject({
        status: "unknown",
        reason: expect.stringContaining("2026-11-21, more than 200 days old"),
      });
    }
  });

  it("reports a version for trying out", async () => {
    expect(await of(19, "2026-11-21T12:00:00Z", "19beta1")).toMatchObject({ found: [{ severity: "high" }] });
  });

  it.each(["EnterpriseDB 15.4", "PostgreSQL 11.2-YB-2.25 (YugabyteDB)", "CockroachDB CCL v24"])(
    "does not judge the fork %s",
    async (version) => {
      const facts = madeUpFacts({ query: async () => [{ version, aurora: "f" }] });
      expect(await runCheck(check, facts)).toMatchObject({ status: "not_applicable" });
    },
  );
});
