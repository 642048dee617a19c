/** Sessions of our own connection layer on a test cluster. */
import { systemClock } from "../../../src/base/clock.ts";
import { Secret } from "../../../src/base/secrets.ts";
import { openSession } from "../../../src/pg/connect/open.ts";
import type { ConnectionSettings, Session } from "../../../src/pg/session.ts";
import type { TestCluster } from "../../support/cluster.ts";

export interface Login {
  user?: string;
  password?: string;
}

/** Opens sessions on `cluster` by database name, as the code under test wants them. */
export function connector(cluster: TestCluster, login: Login = {}): (database: string) => Promise<Session> {
  return (database) =>
    openSession(settingsOf(cluster, database, login), { signal: new AbortController().signal, clock: systemClock });
}

function settingsOf(
  cluster: TestCluster,
  database: string,
  { user = cluster.superuser, password = cluster.password }: Login,
): ConnectionSettings {
  return {
    hosts: [{ host: cluster.host, port: cluster.port }],
    user,
    database,
    password: async () => new Secret(password),
    sslMode: "disable",
    sslNegotiation: "postgres",
    tlsFiles: {},
    tlsKeyPassphrase: undefined,
    channelBinding: "prefer",
    requireAuth: undefined,
    targetSessionAttrs: "any",
    connectTimeoutMs: 10_000,
    applicationName: "pgkeep",
    serverSettings: {},
    loadBalanceHosts: false,
  };
}
