/** Whether a real server takes TLS at all: what it answers stands above what it says of itself. */
import { describe, expect, it } from "vitest";
import tls001 from "../../../../../src/audit/checks/transport/tls-001-tls-off.ts";
import tls020 from "../../../../../src/audit/checks/transport/tls-020-no-tls-offered.ts";
import tls021 from "../../../../../src/audit/checks/transport/tls-021-old-versions-spoken.ts";
import tls024 from "../../../../../src/audit/checks/transport/tls-024-certificate-dates.ts";
import { createServerCertificate } from "../../../../../src/pg/embedded/certificate.ts";
import { type LiveRun, liveOutcome, told } from "../../../../support/audit/live.ts";
import { startTlsServer, writeOwned } from "../../../../support/audit/tls-server.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";

const ASKED: LiveRun = { connection: { sslMode: "prefer" } };
const PROBED: LiveRun = { probes: true };

describe.each(availableMajors())("PostgreSQL %s that could not load its certificate", (major) => {
  it("says ssl = on and has no TLS: TLS-020 fires in the place of TLS-001, until the certificate is repaired", async () => {
    await using cluster = await startCluster({ major });
    await cluster.sql("alter system set ssl = on");
    await cluster.reload();
    expect(await cluster.sql("show ssl")).toEqual([{ ssl: "on" }]);
    for (const run of [ASKED, PROBED]) {
      const outcome = await liveOutcome(cluster, tls020, run);
      expect(told(outcome)).toEqual({ TLS: "ssl says on, and the server answers that it has no TLS" });
      expect(told(await liveOutcome(cluster, tls001, run))).toMatch(/^not_applicable: .* TLS-020 reports$/);
    }
    const { certificate, key } = createServerCertificate({ now: new Date(), days: 30 });
    writeOwned(cluster, "server.crt", certificate);
    writeOwned(cluster, "server.key", key);
    await cluster.reload();
    for (const run of [ASKED, PROBED]) {
      expect(told(await liveOutcome(cluster, tls020, run))).toEqual({});
      expect(told(await liveOutcome(cluster, tls001, run))).toEqual({});
    }
  });
});

describe("a server with ssl = off", () => {
  it("that listens to the network: TLS-020 fires with the setting as its fix, and is cured by it", async () => {
    await using server = await startTlsServer({ settings: { ssl: "off", listen_addresses: "127.0.0.1,*" } });
    const { cluster } = server;
    const outcome = await liveOutcome(cluster, tls020, ASKED);
    expect(outcome).toMatchObject({ found: [{ object: "TLS", fix: { kind: "setting", name: "ssl", value: "on" } }] });
    expect(told(await liveOutcome(cluster, tls001, ASKED))).toMatch(/^not_applicable/);
    expect(told(await liveOutcome(cluster, tls001, {})), "nobody asked the server").toEqual({ ssl: "off" });
  });

  it("that listens on its own host alone is TLS-001's, more gently", async () => {
    await using cluster = await startCluster({ settings: { ssl: "off" } });
    expect(told(await liveOutcome(cluster, tls020, ASKED))).toMatch(/^not_applicable: .* TLS-001$/);
    const outcome = await liveOutcome(cluster, tls001, ASKED);
    expect(outcome).toMatchObject({ found: [{ object: "ssl", severity: "medium" }] });
    expect(told(await liveOutcome(cluster, tls024, ASKED))).toMatch(/^not_applicable/);
    expect(told(await liveOutcome(cluster, tls021, PROBED))).toMatch(/^not_applicable/);
  });

  it("is unknown to a connection that did not ask", async () => {
    await using cluster = await startCluster();
    expect(await liveOutcome(cluster, tls020, {})).toMatchObject({ status: "unknown", right: "network" });
  });
});
