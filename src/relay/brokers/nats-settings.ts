/** How a connection to NATS is configured: which servers, whom to trust, and the one way to say who we are. */
import type * as Nats from "@nats-io/transport-node";
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import { registerSecret } from "../../base/secrets.ts";
import type { Peer, Trust } from "../../net/sockets.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { checkedText, isEscaped, pemField } from "../network.ts";

const DEFAULT_PORT = 4222;

/** The fields that sink and source share. */
export const natsConnectionFields = (z: ZodNamespace) => ({
  url: checkedText(z.string().min(1), urlProblem).meta({
    description: "tls://host:4222, or several with commas between, tried in order; nats:// needs allow_insecure",
  }),
  token: z.string().optional().meta({ description: "Token, when the server asks for one", secret: true }),
  username: z.string().optional().meta({ description: "User name" }),
  password: z.string().optional().meta({ description: "Password of the user", secret: true }),
  credentials_file: z
    .string()
    .optional()
    .meta({ description: "Text of a .creds file (JWT and seed), as ${file:/path}", secret: true }),
  nkey: z.string().optional().meta({ description: "Seed of an nkey user (SU...)", secret: true }),
  tls_ca_file: z
    .string()
    .optional()
    .meta({ description: "Authority the server's certificate must come from, PEM, as ${file:/path}" }),
  tls_client_cert: z
    .string()
    .optional()
    .meta({ description: "Client certificate, PEM, as ${file:/path}; needs tls_client_key" }),
  tls_client_key: z
    .string()
    .optional()
    .meta({ description: "Key of the client certificate, PEM, as ${file:/path}", secret: true }),
  tls_first: z
    .boolean()
    .default(false)
    .meta({ description: "TLS before the server's greeting, for servers that are set to handshake_first" }),
  inbox_prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/)
    .default("_INBOX")
    .meta({ description: "First tokens of the subjects on which answers arrive" }),
  allow_insecure: z
    .boolean()
    .default(false)
    .meta({ description: "Permits nats:// without TLS, where the process permits it too" }),
});

/** What the shared fields hold once parsed. */
export type NatsConnectionConfig = Zod.output<Zod.ZodObject<ReturnType<typeof natsConnectionFields>>>;

export interface NatsServer extends Peer {
  isTls: boolean;
  user: string | undefined;
  password: string | undefined;
}

/** The servers of `url`. Throws ConnectorFailure when one has no TLS and that is not permitted. */
export function readServers(config: NatsConnectionConfig, context: ConnectorContext): NatsServer[] {
  const servers = urlsOf(config.url).map((text) => serverAt(new URL(text)));
  if (servers.every(({ isTls }) => isTls) || (config.allow_insecure && context.allowInsecure)) return servers;
  throw new ConnectorFailure(
    "invalid_config",
    '"url" without TLS needs allow_insecure in the pipeline and --allow-insecure on the process',
  );
}

function urlProblem(list: string): string | undefined {
  const urls = urlsOf(list);
  if (urls.length === 0) return "names no server";
  return urls.every(isServerUrl) ? undefined : "must be tls://host:port or nats://host:port";
}

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return (protocol === "nats:" || protocol === "tls:") && hostname !== "" && [username, password].every(isEscaped);
}

function urlsOf(list: string): string[] {
  const texts = list.split(",").map((text) => text.trim());
  return texts.filter((text) => text !== "").map((text) => (/^[a-z]+:\/\//i.test(text) ? text : `nats://${text}`));
}

function serverAt(url: URL): NatsServer {
  const password = decodeURIComponent(url.password);
  const user = decodeURIComponent(url.username);
  registerSecret(password === "" ? user : password);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    // The URL class drops ports that are a scheme's own only for schemes that it knows; these it does not know.
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    isTls: url.protocol === "tls:",
    user: user === "" ? undefined : user,
    password: password === "" ? undefined : password,
  };
}

export function readTrust(config: NatsConnectionConfig): Trust {
  if ((config.tls_client_cert === undefined) !== (config.tls_client_key === undefined)) {
    throw new ConnectorFailure("invalid_config", '"tls_client_cert" and "tls_client_key" go together');
  }
  return {
    ca: pemField(config.tls_ca_file, "tls_ca_file"),
    cert: pemField(config.tls_client_cert, "tls_client_cert"),
    key: pemField(config.tls_client_key, "tls_client_key"),
  };
}

/** One way to say who we are, or none. Throws ConnectorFailure when there are several, or a part is missing. */
export function authenticatorOf(
  config: NatsConnectionConfig,
  server: NatsServer,
  nats: typeof Nats,
): Nats.Authenticator | undefined {
  const { token, username, password, credentials_file: credentials, nkey } = config;
  const ways = [token, username ?? password, credentials, nkey].filter((way) => way !== undefined);
  if (ways.length > 1) {
    throw new ConnectorFailure("invalid_config", "give one of token, username with password, credentials_file, nkey");
  }
  if ((username === undefined) !== (password === undefined)) {
    throw new ConnectorFailure("invalid_config", '"username" and "password" go together');
  }
  const encoder = new TextEncoder();
  if (token !== undefined) return nats.tokenAuthenticator(token);
  if (username !== undefined) return nats.usernamePasswordAuthenticator(username, password);
  if (nkey !== undefined) return checkedSeed(nats.nkeyAuthenticator(encoder.encode(nkey.trim())), "nkey");
  if (credentials !== undefined) {
    const text = pemField(credentials, "credentials_file") ?? "";
    return checkedSeed(nats.credsAuthenticator(encoder.encode(text)), "credentials_file");
  }
  if (server.user === undefined) return undefined;
  return server.password === undefined
    ? nats.tokenAuthenticator(server.user)
    : nats.usernamePasswordAuthenticator(server.user, server.password);
}

/** Tries the seed once on a challenge of ours: a wrong one is the configuration's fault, not the server's. */
function checkedSeed(authenticator: Nats.Authenticator, field: string): Nats.Authenticator {
  try {
    authenticator("challenge");
  } catch {
    throw new ConnectorFailure("invalid_config", `"${field}" holds no valid seed`);
  }
  return authenticator;
}
