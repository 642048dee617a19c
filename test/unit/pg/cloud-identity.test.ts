/** Connection settings with a cloud identity: a token per connection, inside TLS only. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { ProgressEvent } from "../../../src/base/operation.ts";
import { Secret } from "../../../src/base/secrets.ts";
import type { AuthTarget } from "../../../src/pg/auth/auth-method.ts";
import { SHORT_TOKEN_MS, withCloudIdentity } from "../../../src/pg/cloud-identity.ts";
import type { ConnectionSettings, HostAddress, SslMode } from "../../../src/pg/session.ts";

const HOST: HostAddress = { host: "db.example.com", port: 5432 };
const NOW = new Date("2026-01-01T00:00:00Z");

function settings(overrides: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return {
    hosts: [HOST],
    user: "app",
    database: "shop",
    password: undefined,
    sslMode: "prefer",
    sslNegotiation: "postgres",
    tlsFiles: {},
    tlsKeyPassphrase: undefined,
    channelBinding: "prefer",
    requireAuth: undefined,
    targetSessionAttrs: "any",
    connectTimeoutMs: 0,
    applicationName: "pgkeep",
    serverSettings: {},
    loadBalanceHosts: false,
    ...overrides,
  };
}

function cloud({ lifeMs, user }: { lifeMs?: number; user?: string } = {}) {
  const asked: AuthTarget[] = [];
  const events: ProgressEvent[] = [];
  const identity = {
    method: {
      name: "cloud",
      title: "Some Cloud",
      summary: "",
      needs: { name: "x", range: "1" },
      options: [],
      credentials: async (target: AuthTarget) => {
        asked.push(target);
        const expiresAt = lifeMs === undefined ? undefined : new Date(NOW.getTime() + lifeMs);
        return { password: new Secret(`token-${asked.length}`), expiresAt, user };
      },
    },
    options: {},
    context: {
      environment: {},
      signal: new AbortController().signal,
      clock: { ...systemClock, now: () => NOW },
    },
    report: (event: ProgressEvent) => void events.push(event),
  };
  return { asked, events, identity };
}

describe("connecting with a cloud identity", () => {
  it("[T-08] asks for a fresh token for every connection", async () => {
    const { asked, identity } = cloud();
    const { password } = await withCloudIdentity(settings(), identity);
    const tokens = [await password?.(HOST), await password?.(HOST), await password?.(HOST)];
    expect(tokens.map((token) => token?.expose())).toEqual(["token-1", "token-2", "token-3"]);
    expect(asked).toHaveLength(3);
    expect(asked[0]).toEqual({ ...HOST, user: "app", database: "shop" });
  });

  it("asks for another host with that host's name", async () => {
    const second = { host: "standby.example.com", port: 5433 };
    const { asked, identity } = cloud();
    const { password } = await withCloudIdentity(settings({ hosts: [HOST, second] }), identity);
    expect((await password?.(second))?.expose()).toBe("token-2");
    expect(asked[1]).toMatchObject(second);
  });

  it.each<[SslMode, SslMode]>([
    ["allow", "require"],
    ["prefer", "require"],
    ["require", "require"],
    ["verify-ca", "verify-ca"],
    ["verify-full", "verify-full"],
  ])("[T-08] turns sslmode %s into %s, so that no token leaves in clear", async (given, used) => {
    expect((await withCloudIdentity(settings({ sslMode: given }), cloud().identity)).sslMode).toBe(used);
  });

  it("[T-08] refuses sslmode disable before any token is asked for", async () => {
    const { asked, identity } = cloud();
    await expect(withCloudIdentity(settings({ sslMode: "disable" }), identity)).rejects.toMatchObject({
      code: "CONNECT_AUTH_CONFIG",
      parts: { state: "not connected" },
    });
    const mixed = [{ host: "/run/postgresql", port: 5432 }, HOST];
    await expect(withCloudIdentity(settings({ sslMode: "disable", hosts: mixed }), identity)).rejects.toThrow();
    expect(asked).toEqual([]);
  });

  it("leaves a Unix socket as it is", async () => {
    const hosts = [{ host: "/cloudsql/p:r:i", port: 5432 }];
    expect((await withCloudIdentity(settings({ sslMode: "disable", hosts }), cloud().identity)).sslMode).toBe(
      "disable",
    );
  });

  it("logs in as the provider says", async () => {
    expect((await withCloudIdentity(settings(), cloud({ user: "app@p.iam" }).identity)).user).toBe("app@p.iam");
    expect((await withCloudIdentity(settings(), cloud().identity)).user).toBe("app");
  });

  it.each([
    [SHORT_TOKEN_MS - 1, 299],
    [0, 0],
    [-5000, 0],
  ])("warns once when the first token has %d ms left", async (lifeMs, secondsLeft) => {
    const { events, identity } = cloud({ lifeMs });
    const { password } = await withCloudIdentity(settings(), identity);
    await password?.(HOST);
    await password?.(HOST);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: "connect.token_expires_soon", method: "cloud", seconds_left: secondsLeft });
  });

  it.each([SHORT_TOKEN_MS, undefined])("says nothing when it has %j ms left", async (lifeMs) => {
    const { events, identity } = cloud(lifeMs === undefined ? {} : { lifeMs });
    await withCloudIdentity(settings(), identity);
    expect(events).toEqual([]);
  });
});
