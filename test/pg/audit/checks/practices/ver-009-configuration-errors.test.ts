/** VER-009: lines that the server cannot use, in files that it includes too. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-009-configuration-errors.ts";
import { objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";

describe("VER-009 configuration file errors", () => {
  it.each(availableMajors())(
    "fires on PostgreSQL %i with file and line, and is silent once the lines are right",
    async (major) => {
      await using cluster = await startCluster({ major });
      const path = join(cluster.dataDir, "postgresql.conf");
      const before = readFileSync(path, "utf8");
      const lines = before.split("\n").length - 1;
      // Looks alike: a right line, and one that waits for a restart.
      appendFileSync(path, "work_mem = '6MB'\nmax_worker_processes = 11\n");
      expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
      writeFileSync(path, `${before}work_mem = lots\nmax_worker_processes = 11\n`);
      const outcome = await outcomeAt(cluster, check);
      expect(objectsOf(outcome)).toEqual([`${path}:${lines + 1}`]);
      expect(outcome).toMatchObject({
        found: [{ detail: "work_mem: setting could not be applied", place: { file: path, line: lines + 1 } }],
      });
      writeFileSync(path, `${before}work_mem = '6MB'\nno_such_setting = 1\n`);
      const unknown = await outcomeAt(cluster, check);
      expect(unknown).toMatchObject({ found: [{ detail: expect.stringMatching(/^no_such_setting: unrecognized/) }] });
      expect(JSON.stringify(outcome)).not.toContain("lots");
      expect(await outcomeAsNobody(cluster, check)).toMatchObject({ status: "unknown", right: "file_settings" });
      writeFileSync(path, before);
      expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
    },
  );
});
