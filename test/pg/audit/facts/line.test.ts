/** What a session shows of its own line, without another connection. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lineOf } from "../../../../src/audit/facts/line.ts";
import type { ConnectionSettings } from "../../../../src/pg/session.ts";
import { startTlsServer, type TlsServer } from "../../../support/audit/tls-server.ts";
import { createAuthority, issue } from "../../../support/certificates.ts";
import { startCluster, type TestCluster } from "../../../support/cluster.ts";
import { clusterSettings, connectTo } from "../../../support/connection.ts";

let server: TlsServer;
let plain: TestCluster;

beforeAll(async () => {
  server = await startTlsServer();
  plain = await startCluster();
});
afterAll(async () => {
  await server.cluster.stop();
  await plain.stop();
});

async function line(cluster: TestCluster, changes: Partial<ConnectionSettings>) {
  await using session = await connectTo(cluster, changes);
  return lineOf(session, clusterSettings(cluster, changes));
}

describe("the line of a session", () => {
  it("shows protocol, cipher and the chain that the server sent", async () => {
    const root = await createAuthority("line root");
    const middle = await createAuthority("line middle", { parent: root });
    const own = await issue({ commonName: "db.example.org", names: ["db.example.org"] }, middle);
    await server.serve(own, middle.pem);
    const { tls, ...rest } = await line(server.cluster, { sslMode: "require" });
    expect(rest).toEqual({
      transport: "tcp",
      host: "127.0.0.1",
      port: server.cluster.port,
      address: "127.0.0.1",
      isLoopback: true,
      offersTls: true,
      sslMode: "require",
      authentication: "scram-sha-256-plus",
    });
    expect(tls).toMatchObject({ protocol: "TLSv1.3", newestOffered: "TLSv1.3", isVerified: false });
    expect(tls?.cipher).toBe("TLS_AES_256_GCM_SHA384");
    expect(tls?.chain.map(({ subject }) => subject)).toEqual(["CN=db.example.org", "CN=line middle"]);
  });

  it("says which version the server chose of those offered", async () => {
    const { tls } = await line(server.cluster, { sslMode: "require", tlsVersions: { max: "TLSv1.2" } });
    expect(tls).toMatchObject({ protocol: "TLSv1.2", newestOffered: "TLSv1.2" });
    expect(tls?.cipher).toMatch(/^TLS_ECDHE_ECDSA_WITH_/);
  });

  it("says that a server that was asked for TLS has none, and nothing when it was not asked", async () => {
    expect(await line(plain, { sslMode: "prefer" })).toMatchObject({ offersTls: false, tls: undefined });
    const unasked = await line(plain, { sslMode: "disable" });
    expect(unasked).toMatchObject({ transport: "tcp", tls: undefined });
    expect(unasked.offersTls).toBeUndefined();
  });

  it("is a socket's when it goes over one", async () => {
    const changes = { hosts: [{ host: plain.socketDir, port: plain.port }] };
    expect(await line(plain, changes)).toMatchObject({ transport: "socket", isLoopback: true, sslMode: undefined });
  });
});
