/** VER-011 on clusters made with and without checksums, and its remedy where pg_checksums is installed. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-011-no-checksums.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { serverAccount } from "../../../../../src/pg/embedded/server-account.ts";
import { madeUpFacts, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, hasMajor, sharedCluster, startCluster } from "../../../../support/cluster.ts";
import { needs } from "../../../../support/needs.ts";
import { eventually, isRunning } from "../../../../support/processes.ts";

const BINARIES = "/usr/lib/postgresql/15/bin";

describe("VER-011 data checksums", () => {
  it("fires on a cluster made without them, for whoever asks", async () => {
    await using cluster = await startCluster({ major: 18, extraInit: ["--no-data-checksums"] });
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual(["data_checksums"]);
    expect(objectsOf(await outcomeAsNobody(cluster, check))).toEqual(["data_checksums"]);
    const facts = madeUpFacts({ settings: { data_checksums: "off" } });
    expect(objectsOf(await runCheck(check, facts))).toEqual(["data_checksums"]);
  });

  it.each(availableMajors())("is silent on PostgreSQL %i with them", async (major) => {
    expect(objectsOf(await outcomeAt(await sharedCluster(major), check))).toEqual([]);
  });

  describe("the command of its remedy", () => {
    beforeEach(needs(hasMajor(15) && existsSync(join(BINARIES, "pg_checksums")), "pg_checksums is not installed"));

    it("switches them on in a stopped cluster", async () => {
      await using cluster = await startCluster({ major: 15 });
      process.kill(cluster.pid, "SIGINT");
      await eventually(() => !isRunning(cluster.pid));
      const { uid, gid } = await serverAccount();
      const run = (program: string, ...args: string[]) =>
        spawnSync(join(BINARIES, program), [...args, "-D", cluster.dataDir], {
          uid,
          gid,
          cwd: "/",
          encoding: "utf8",
          input: "show data_checksums;\n",
        }).stdout;
      const shown = () => / = "(on|off)"/.exec(run("postgres", "--single"))?.[1];
      run("pg_checksums", "--disable", "--no-sync");
      expect(shown()).toBe("off");
      run("pg_checksums", "--enable", "--no-sync");
      expect(shown()).toBe("on");
    });
  });
});
