/**
 * Connection settings whose password is an access token of a cloud identity.
 *
 * The cloud's library is asked for a token at every connect, because an older one may have ended. A token is a bearer
 * credential: whoever reads it can log in with it. So it is never sent outside TLS, whatever sslmode says, and modes
 * that could fall back to clear text are raised to one that cannot.
 */

import type { Catalogue } from "../base/catalogue.ts";
import { catalogueOf } from "../base/catalogue.ts";
import { PgkeepError } from "../base/errors.ts";
import type { ProgressEvent } from "../base/operation.ts";
import type { AuthContext, AuthCredentials, AuthMethod, AuthOptions } from "./auth/auth-method.ts";
import { index } from "./auth/index.ts";
import type { ConnectionSettings, HostAddress, SslMode } from "./session.ts";

/** Every way to log in with a cloud identity, by name. */
export const authMethods: Catalogue<AuthMethod> = catalogueOf(index, {
  kind: "authentication method",
  unknown: "CONNECT_AUTH_METHOD_UNKNOWN",
});

/** 5 minutes: less is not enough for a slow connect and a retry, so the clock or the provider is probably wrong. */
export const SHORT_TOKEN_MS = 5 * 60_000;

export interface CloudIdentity {
  method: AuthMethod;
  options: AuthOptions;
  context: AuthContext;
  /** Gets `connect.token_expires_soon` when the first token has less than SHORT_TOKEN_MS left. */
  report: (event: ProgressEvent) => void;
}

/**
 * `settings` with passwords from `identity`.
 *
 * The first token is requested now, since the provider may also decide the user's name; it serves the first connect,
 * every later connect gets its own.
 * Throws CONNECT_AUTH_CONFIG when TLS is off, and what the method throws.
 */
export async function withCloudIdentity(
  settings: ConnectionSettings,
  identity: CloudIdentity,
): Promise<ConnectionSettings> {
  const sslMode = modeForTokens(settings, identity.method);
  const request = (address: HostAddress): Promise<AuthCredentials> =>
    identity.method.credentials(
      { ...address, user: settings.user, database: settings.database },
      identity.options,
      identity.context,
    );
  const [firstAddress] = settings.hosts;
  if (!firstAddress) return settings;
  const first = await request(firstAddress);
  reportShortLife(first, identity);
  let unused: { address: HostAddress; credentials: AuthCredentials } | undefined = {
    address: firstAddress,
    credentials: first,
  };
  return {
    ...settings,
    sslMode,
    user: first.user ?? settings.user,
    password: async (address) => {
      const ready = unused;
      // Tokens may be bound to one host and port (AWS), so the first one serves only where it was made for.
      if (ready && ready.address.host === address.host && ready.address.port === address.port) {
        unused = undefined;
        return ready.credentials.password;
      }
      return (await request(address)).password;
    },
  };
}

/** The mode to connect with: at least `require`. Unix sockets have no network to protect and keep theirs. */
function modeForTokens(settings: ConnectionSettings, method: AuthMethod): SslMode {
  const isLocal = settings.hosts.every(({ host }) => host.startsWith("/"));
  if (isLocal) return settings.sslMode;
  if (settings.sslMode === "disable") {
    throw new PgkeepError("CONNECT_AUTH_CONFIG", `${method.title} cannot be used with sslmode disable`, {
      detail: "The access token is a password that anybody on the path could use.",
      hint: "Use --sslmode verify-full with the provider's root certificate.",
      state: "not connected",
    });
  }
  return settings.sslMode === "allow" || settings.sslMode === "prefer" ? "require" : settings.sslMode;
}

function reportShortLife({ expiresAt }: AuthCredentials, { method, context, report }: CloudIdentity): void {
  if (!expiresAt) return;
  const leftMs = expiresAt.getTime() - context.clock.now().getTime();
  if (leftMs >= SHORT_TOKEN_MS) return;
  report({
    type: "connect.token_expires_soon",
    method: method.name,
    expires_at: expiresAt.toISOString(),
    seconds_left: Math.max(0, Math.floor(leftMs / 1000)),
  });
}
