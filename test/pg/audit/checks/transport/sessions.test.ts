/** Sessions of other clients as a real server shows them: in plain text from the network, or with old TLS. */
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import type { Check } from "../../../../../src/audit/check.ts";
import tls008 from "../../../../../src/audit/checks/transport/tls-008-unencrypted-sessions.ts";
import tls009 from "../../../../../src/audit/checks/transport/tls-009-weak-sessions.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { told } from "../../../../support/audit/live.ts";
import { oldSession } from "../../../../support/audit/old-client.ts";
import { startTlsServer } from "../../../../support/audit/tls-server.ts";
import { factsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { needs } from "../../../../support/needs.ts";

/** An address of this machine that is no loopback: a client that uses it counts as one from the network. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  it("TLS-008 names who talks in plain text from the network, not on loopback and not over TLS", async (context) => {
    needs(outside !== undefined, "this machine has only loopback addresses")(context);
    const at = outside ?? "";
    await using server = await startTlsServer({
      major,
      settings: { listen_addresses: `127.0.0.1,${at}` },
      hba: ["host all all all scram-sha-256", "local all all scram-sha-256"],
    });
    const { cluster } = server;
    const from = (sslMode: "disable" | "require") =>
      connectTo(cluster, { hosts: [{ host: at, port: cluster.port }], sslMode });
    expect(told(await outcomeAt(cluster, tls008))).toEqual({});
    const encrypted = await from("require");
    expect(told(await outcomeAt(cluster, tls008))).toEqual({});
    const plain = [await from("disable"), await from("disable")];
    expect(told(await outcomeAt(cluster, tls008))).toEqual({
      [`postgres@${at}`]: "2 sessions without TLS or GSSAPI encryption",
    });
    await expectHonest(cluster, tls008);
    for (const session of [encrypted, ...plain]) await session.close();
    await expect.poll(async () => told(await outcomeAt(cluster, tls008))).toEqual({});
  });

  it("TLS-009 names who agreed on old TLS, and nobody else", async () => {
    await using server = await startTlsServer({
      major,
      settings: { ssl_min_protocol_version: "TLSv1", ssl_ciphers: "ALL:@SECLEVEL=0" },
      hba: ["host all old_client 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"],
    });
    const { cluster } = server;
    await cluster.sql("create role old_client login");
    await using modern = await connectTo(cluster, { sslMode: "require" });
    expect(modern.target.tls?.protocol).toBe("TLSv1.3");
    expect(told(await outcomeAt(cluster, tls009))).toEqual({});
    {
      await using old = await oldSession(cluster, "TLSv1.1");
      expect(old.protocol).toBe("TLSv1.1");
      expect(told(await outcomeAt(cluster, tls009))).toEqual({
        "old_client@127.0.0.1": expect.stringMatching(/^TLSv1\.1 .* bits$/),
      });
      await expectHonest(cluster, tls009);
    }
    await expect.poll(async () => told(await outcomeAt(cluster, tls009))).toEqual({});
  });
});

/** A plain role does not see the others' lines; a member of pg_read_all_stats sees as much as a superuser. */
async function expectHonest(cluster: TestCluster, check: Check): Promise<void> {
  expect(await outcomeAsNobody(cluster, check)).toMatchObject({ status: "unknown", right: "pg_read_all_stats" });
  const full = told(await outcomeAt(cluster, check));
  await using session = await connectTo(cluster);
  await session.script("begin; create role reader; grant pg_read_all_stats to reader; set local role reader");
  expect(told(await runCheck(check, await factsOf(session)))).toEqual(full);
  await session.script("rollback");
}
