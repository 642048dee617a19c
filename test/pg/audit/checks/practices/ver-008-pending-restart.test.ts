/** VER-008: written and reloaded, and not in force until a restart. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-008-pending-restart.ts";
import { objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";

describe("VER-008 pending restart", () => {
  it.each(availableMajors())("fires on PostgreSQL %i until the restart that it asks for", async (major) => {
    await using cluster = await startCluster({ major });
    await cluster.sql("alter system set max_worker_processes = 9");
    // Looks alike: a value that a reload brings into force, and max_connections, which the command line decides here.
    await cluster.sql("alter system set work_mem = '5MB'");
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
    await cluster.reload();
    const outcome = await outcomeAt(cluster, check);
    expect(objectsOf(outcome)).toEqual(["max_worker_processes"]);
    expect(outcome).toMatchObject({ found: [{ object: "max_worker_processes", fix: { kind: "words" } }] });
    expect(await outcomeAsNobody(cluster, check)).toMatchObject({ status: "unknown", right: "pg_read_all_settings" });
    await cluster.crash();
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual([]);
  });
});
