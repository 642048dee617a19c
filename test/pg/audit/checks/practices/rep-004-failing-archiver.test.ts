/** REP-004 with an archive command that fails, and one that works. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/rep-004-failing-archiver.ts";
import { objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";

const WAIT = { timeout: 15_000, interval: 100 };

describe("REP-004 failing archiver", () => {
  it.each(availableMajors())("fires on PostgreSQL %i until the command works again", async (major) => {
    await using cluster = await startCluster({ major, settings: { archive_mode: "on" } });
    const run = () => outcomeAt(cluster, check);
    const archive = async (command: string) => {
      await cluster.sql(`alter system set archive_command = '${command}'`);
      await cluster.reload();
      await cluster.sql("create table if not exists t (a int); insert into t values (1); select pg_switch_wal()");
    };
    await archive("/bin/true");
    await expect
      .poll(async () => (await cluster.sql("select archived_count::int as n from pg_stat_archiver"))[0].n, WAIT)
      .toBeGreaterThan(0);
    expect(objectsOf(await run())).toEqual([]);
    await archive("/bin/false");
    await expect.poll(async () => objectsOf(await run()), WAIT).toEqual(["archiver"]);
    expect(objectsOf(await outcomeAsNobody(cluster, check))).toEqual(["archiver"]);
    await archive("/bin/true");
    await expect.poll(async () => objectsOf(await run()), WAIT).toEqual([]);
  });
});
