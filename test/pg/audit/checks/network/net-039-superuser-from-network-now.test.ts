/** NET-039: needs a session from another address than loopback. */
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import net039 from "../../../../../src/audit/checks/network/net-039-superuser-from-network-now.ts";
import { Secret } from "../../../../../src/base/secrets.ts";
import { outcomeOn } from "../../../../conformance/audit/outcome-on.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { eventually } from "../../../../support/processes.ts";

/** An address of this machine that is not loopback. */
const OUTER = Object.values(networkInterfaces())
  .flat()
  .find((entry) => entry?.family === "IPv4" && !entry.internal)?.address;

describe.each(availableMajors())("NET-039 on PostgreSQL %i", (major) => {
  it("sees superusers from other addresses, and nobody else", async (context) => {
    if (OUTER === undefined) context.skip("this machine has no address but loopback");
    const hba = ["host all all all scram-sha-256"];
    await using cluster = await startCluster({ major, settings: { listen_addresses: "*" }, hba });
    await using local = await connectTo(cluster);
    await local.script(
      "create role app login password 'app'; create role watcher; create role reader; grant pg_read_all_stats to reader",
    );
    const hosts = [{ host: OUTER ?? "", port: cluster.port }];
    await using _app = await connectTo(cluster, { hosts, user: "app", password: async () => new Secret("app") });
    expect(await outcomeOn(local, net039), "an ordinary role").toEqual({ status: "pass" });

    const boss = await connectTo(cluster, { hosts });
    expect(await outcomeOn(local, net039)).toMatchObject({
      status: "fail",
      found: [{ object: "postgres", detail: OUTER }],
    });
    await local.script("set role reader");
    expect(await outcomeOn(local, net039)).toMatchObject({ status: "fail", found: [{ object: "postgres" }] });
    await local.script("set role watcher");
    expect(await outcomeOn(local, net039)).toMatchObject({ status: "unknown", right: "pg_read_all_stats" });
    await local.script("reset role");

    await boss.close();
    expect(await eventually(async () => (await outcomeOn(local, net039)).status === "pass")).toBe(true);
  });
});
