/** Tokens as passwords on real connections: inside TLS they log in, outside they are never sent. */
import { createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { Secret } from "../../../src/base/secrets.ts";
import type { AuthMethod } from "../../../src/pg/auth/auth-method.ts";
import { withCloudIdentity } from "../../../src/pg/cloud-identity.ts";
import { openSession } from "../../../src/pg/connect/open.ts";
import type { ConnectionSettings, SslMode } from "../../../src/pg/session.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";

const TOKEN = "token-as-a-password-canary";

const method: AuthMethod = {
  name: "cloud",
  title: "Some Cloud",
  summary: "",
  needs: { name: "none", range: "*" },
  options: [],
  credentials: async () => ({ password: new Secret(TOKEN), user: "iam_role" }),
};

interface Place {
  port: number;
  sslMode: SslMode;
  caFile?: string | undefined;
}

async function connecting({ port, sslMode, caFile }: Place) {
  const settings: ConnectionSettings = {
    hosts: [{ host: "localhost", port }],
    user: "given",
    database: "postgres",
    password: undefined,
    sslMode,
    sslNegotiation: "postgres",
    tlsFiles: caFile ? { rootCert: caFile } : {},
    tlsKeyPassphrase: undefined,
    channelBinding: "prefer",
    requireAuth: undefined,
    targetSessionAttrs: "any",
    connectTimeoutMs: 5000,
    applicationName: "pgkeep",
    serverSettings: {},
    loadBalanceHosts: false,
  };
  const signal = new AbortController().signal;
  const context = { environment: {}, signal, clock: systemClock };
  const withToken = await withCloudIdentity(settings, { method, options: {}, context, report: () => undefined });
  return openSession(withToken, { signal, clock: systemClock });
}

describe("a token on a server with TLS", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ tls: true, hba: ["local all all scram-sha-256", "host all all all scram-sha-256"] });
    await cluster.sql(`create role iam_role login password '${TOKEN}'`);
  });
  afterAll(() => cluster?.stop());

  it.each<SslMode>(["prefer", "require", "verify-full"])(
    "[T-08] logs in with sslmode %s, encrypted",
    async (sslMode) => {
      await using session = await connecting({ port: cluster.port, sslMode, caFile: cluster.caFile });
      const rows = await session.query(
        "select current_user as name, ssl from pg_stat_ssl where pid = pg_catalog.pg_backend_pid()",
      );
      expect(rows).toEqual([{ name: "iam_role", ssl: "t" }]);
    },
  );
});

describe("a token on a server without TLS", () => {
  it.each<SslMode>(["allow", "prefer", "require", "verify-full"])(
    "[T-08] is not sent with sslmode %s",
    async (sslMode) => {
      const received: Buffer[] = [];
      // An impostor: no TLS, then the password in clear text, please.
      const impostor = createServer((socket: Socket) => {
        socket.on("error", () => undefined);
        socket.on("data", (chunk: Buffer) => {
          received.push(chunk);
          const isTlsRequest = chunk.length === 8 && chunk.readInt32BE(4) === 80877103;
          socket.write(isTlsRequest ? "N" : Buffer.from("5200000008" + "00000003", "hex"));
        });
      });
      await new Promise<void>((resolve) => impostor.listen(0, "localhost", resolve));
      const address = impostor.address();
      const port = typeof address === "object" && address ? address.port : 0;
      await expect(connecting({ port, sslMode })).rejects.toMatchObject({ exit: 11 });
      impostor.close();
      const bytes = Buffer.concat(received);
      expect(received.length).toBeGreaterThan(0);
      expect(bytes.includes(TOKEN)).toBe(false);
      expect(bytes.includes("iam_role")).toBe(false);
    },
  );
});
