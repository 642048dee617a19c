/** Connections of tests to a real server, through the same layer that the product uses. */
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secrets.ts";
import { type OpenOptions, openSession } from "../../src/pg/connect/open.ts";
import type { ConnectionSettings, Session } from "../../src/pg/session.ts";
import type { TestCluster } from "./cluster.ts";

/** Settings for the superuser of `cluster`; `changes` win. */
export function clusterSettings(cluster: TestCluster, changes: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return {
    hosts: [{ host: cluster.host, port: cluster.port }],
    user: cluster.superuser,
    database: "postgres",
    password: async () => new Secret(cluster.password),
    sslMode: "disable",
    sslNegotiation: "postgres",
    tlsFiles: {},
    tlsKeyPassphrase: undefined,
    channelBinding: "prefer",
    requireAuth: undefined,
    targetSessionAttrs: "any",
    connectTimeoutMs: 10_000,
    applicationName: "test",
    serverSettings: {},
    loadBalanceHosts: false,
    ...changes,
  };
}

/** A session on `cluster`. The caller closes it. */
export function connectTo(
  cluster: TestCluster,
  changes: Partial<ConnectionSettings> = {},
  options: Partial<OpenOptions> = {},
): Promise<Session> {
  const settings = clusterSettings(cluster, changes);
  return openSession(settings, { signal: new AbortController().signal, clock: systemClock, ...options });
}
