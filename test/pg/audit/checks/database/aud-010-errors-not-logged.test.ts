/** AUD-010: what the levels do to a real log, on which the check rests. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  it.each([
    ["error", true],
    ["log", false],
    ["fatal", false],
  ])("with log_min_messages = %s has errors in its log: %s", async (level, isLogged) => {
    await using cluster = await startCluster({ major, settings: { log_min_messages: level } });
    await expect(cluster.sql("select 1 / 0")).rejects.toThrow("division by zero");
    expect((await readFile(cluster.logFile, "utf8")).includes("division by zero")).toBe(isLogged);
  });
});
