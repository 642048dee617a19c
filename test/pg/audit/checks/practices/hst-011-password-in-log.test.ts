/** HST-011 on real logs: read on the machine, and through the server. */
import { existsSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-011-password-in-log.ts";
import { localHost } from "../../../../../src/audit/facts/host.ts";
import { LOCAL_LINE, objectsOf, outcomeAsNobody, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { needsRoot } from "../../../../support/needs.ts";
import { eventually } from "../../../../support/processes.ts";

const VERIFIER = `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"A".repeat(43)}=:${"A".repeat(43)}=`;

describe("HST-011 passwords in the log", () => {
  it.each(availableMajors())(
    "fires on PostgreSQL %i on a failed statement, on its machine and through it",
    async (major) => {
      await using cluster = await startCluster({
        major,
        settings: { logging_collector: "on", log_filename: "a.log", log_rotation_age: "0" },
      });
      const log = join(cluster.dataDir, "log/a.log");
      await using session = await connectTo(cluster);
      const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
      const run = async () => [await outcomeOn(session, check, { host }), await outcomeOn(session, check)];
      // Looks alike: a verifier, and a statement that is no role's.
      await cluster.sql(`alter role nobody_here password '${VERIFIER}'`).catch(() => {});
      await cluster.sql("select no_such(), 'password ''x'''").catch(() => {});
      await eventually(() => existsSync(log) && readFileSync(log, "utf8").includes("no_such"));
      for (const outcome of await run()) expect(objectsOf(outcome)).toEqual([]);
      await cluster.sql("alter role nobody_here\n  password 'canary-1'").catch(() => {});
      await eventually(() => readFileSync(log, "utf8").includes("canary-1"));
      const [onHost, through] = await run();
      expect(onHost).toMatchObject({
        found: [{ object: log, detail: expect.stringMatching(/^1 statement .* line \d+$/) }],
      });
      expect(through).toMatchObject({ found: [{ object: "log/a.log", detail: "1 statement with a password" }] });
      expect(JSON.stringify([onHost, through])).not.toContain("canary");
      expect(await outcomeAsNobody(cluster, check)).toMatchObject({ status: "unknown" });
      truncateSync(log);
      for (const outcome of await run()) expect(objectsOf(outcome)).toEqual([]);
      expect(readdirSync(join(cluster.dataDir, "log"))).toEqual(["a.log"]);
    },
  );

  it("reads the file that a server without a collector writes to, and says unknown where it cannot", async (context) => {
    needsRoot(context);
    await using cluster = await startCluster();
    await cluster.sql("create role nobody_here password 'canary-2' no_such").catch(() => {});
    await using session = await connectTo(cluster);
    const host = await localHost(session, { line: LOCAL_LINE, isAsked: false });
    const outcome = await outcomeOn(session, check, { host });
    expect(objectsOf(outcome)).toEqual([cluster.logFile]);
    expect(JSON.stringify(outcome)).not.toContain("canary");
    expect(await outcomeOn(session, check)).toMatchObject({
      status: "unknown",
      reason: "the server writes no log file of its own",
    });
  });
});
