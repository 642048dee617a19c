/** Settings for a server of a test, and a connection to it that reports what happened. */
import { systemClock } from "../../../../src/base/clock.ts";
import type { PgkeepError } from "../../../../src/base/errors.ts";
import { Secret } from "../../../../src/base/secrets.ts";
import { type OpenOptions, openSession } from "../../../../src/pg/connect/open.ts";
import type { ConnectionSettings, Session } from "../../../../src/pg/session.ts";

export const PASSWORD = "hunter2-the-password";

/** Settings with a password and without TLS; `changes` win. */
export function settingsFor(port: number, changes: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return {
    hosts: [{ host: "127.0.0.1", port }],
    user: "app",
    database: "shop",
    password: async () => new Secret(PASSWORD),
    sslMode: "disable",
    sslNegotiation: "postgres",
    tlsFiles: {},
    tlsKeyPassphrase: undefined,
    channelBinding: "prefer",
    requireAuth: undefined,
    targetSessionAttrs: "any",
    connectTimeoutMs: 5_000,
    applicationName: "test",
    serverSettings: {},
    loadBalanceHosts: false,
    ...changes,
  };
}

export function connect(settings: ConnectionSettings, options: Partial<OpenOptions> = {}): Promise<Session> {
  return openSession(settings, { signal: new AbortController().signal, clock: systemClock, ...options });
}

/** The failure of a connection that must not succeed. */
export async function refusal(settings: ConnectionSettings, options: Partial<OpenOptions> = {}): Promise<PgkeepError> {
  const session = await connect(settings, options).catch((error: PgkeepError) => error);
  if (session instanceof Error) return session;
  await session.close();
  throw new Error("the connection was accepted");
}
