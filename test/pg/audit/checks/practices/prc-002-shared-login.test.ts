/** PRC-002 with real connections. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/prc-002-shared-login.ts";
import { objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { eventually } from "../../../../support/processes.ts";

describe("PRC-002 shared logins", () => {
  it.each(availableMajors())(
    "fires on PostgreSQL %i on one login of three applications, until one leaves",
    async (major) => {
      await using cluster = await startCluster({ major, hba: ["host all all 127.0.0.1/32 trust"] });
      await cluster.sql('create role "Shop" login; create role solo login');
      const run = () => outcomeAt(cluster, check);
      const as = (user: string, applicationName: string) => connectTo(cluster, { user, applicationName });
      // Looks alike: many processes of one application, and two applications of another.
      const quiet = await Promise.all([
        ...["worker-1", "worker-2", "worker-3", "worker 12"].map((name) => as("solo", name)),
        as("Shop", "web"),
        as("Shop", "billing"),
      ]);
      expect(objectsOf(await run())).toEqual([]);
      const third = await as("Shop", "reports");
      expect(await run()).toMatchObject({
        found: [{ object: '"Shop"', detail: "3 applications use it: billing, reports, web" }],
      });
      expect(await outcomeAsNobody(cluster, check)).toMatchObject({ status: "unknown", right: "pg_read_all_stats" });
      await third.close();
      expect(await eventually(async () => objectsOf(await run()).length === 0)).toBe(true);
      await Promise.all(quiet.map((session) => session.close()));
    },
  );
});
