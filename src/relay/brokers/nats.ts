/**
 * A connection to NATS for sink and source: one server at a time, dialled and verified by us.
 *
 * The client is given a transport of ours, because its own dials by name without asking anybody, also servers that the
 * cluster advertises. Here nothing is dialled but the configured URLs, in their order: advertised servers are ignored,
 * and the client never connects again by itself. A lost connection is a failure the engine hears of; it opens anew.
 * Credentials are sent only after TLS stands; a server that offers none where `tls://` is asked for gets nothing.
 */
import type * as Nats from "@nats-io/transport-node";
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import { registerSecret } from "../../base/secrets.ts";
import type { AddressPolicy } from "../../net/address-policy.ts";
import { dial, dialTls, opened, type Peer, type Socket, type Trust, upgrade } from "../../net/sockets.ts";
import type { ConnectorContext, NeededPackage } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { bounded, loadClient, networkClassOf, pemField, reasonOf, refusalIn } from "./network.ts";

export const NATS_PACKAGE: NeededPackage = { name: "@nats-io/transport-node", range: "^3.4.0" };
export const JETSTREAM_PACKAGE: NeededPackage = { name: "@nats-io/jetstream", range: "^3.4.0" };

const DEFAULT_PORT = 4222;
/** 5 s for name, connection, TLS and greeting together: a server that takes longer is asked again by the engine. */
const CONNECT_TIMEOUT_MS = 5_000;
/** 10 s: a connection that went without a word is found in half a minute, also while nothing is sent. */
const PING_INTERVAL_MS = 10_000;
/** 64 KiB: a greeting is under 2 KiB even with hundreds of cluster addresses. */
const MAX_GREETING_BYTES = 65_536;
/** 1.5 s for a client to say goodbye. */
const CLOSE_TIMEOUT_MS = 1_500;

/** The fields that sink and source share. */
export const natsConnectionFields = (z: ZodNamespace) => ({
  url: z.string().min(1).meta({
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

export interface NatsClient {
  nats: typeof Nats;
  connection: Nats.NatsConnection;
  /** Resolves when the connection is gone, with why; never rejects. */
  lost: Promise<ConnectorFailure>;
  /** Largest message with its headers that the server takes. */
  maxPayloadBytes: number;
  /** Ends the connection in bounded time. Never throws. */
  close(): Promise<void>;
}

/** Connects to the first of the configured servers that answers. Throws ConnectorFailure. */
export async function connectNats(config: NatsConnectionConfig, context: ConnectorContext): Promise<NatsClient> {
  const servers = readServers(config, context);
  const trust = readTrust(config);
  const nats = await loadClient(NATS_PACKAGE, () => import("@nats-io/transport-node"));
  let failure: ConnectorFailure | undefined;
  for (const server of servers) {
    try {
      const authenticator = authenticatorOf(config, server, nats);
      return await connectTo(server, { config, context, nats, trust, authenticator });
    } catch (error) {
      const next = natsFailure(error, "could not connect");
      // What one server refuses for good is what people have to hear of, not that another one is away.
      if (failure === undefined || (failure.isTransient && !next.isTransient)) failure = next;
      if (context.signal.aborted) break;
    }
  }
  throw failure ?? new ConnectorFailure("invalid_config", "the URL names no server");
}

interface Server extends Peer {
  isTls: boolean;
  user: string | undefined;
  password: string | undefined;
}

interface Attempt {
  config: NatsConnectionConfig;
  context: ConnectorContext;
  nats: typeof Nats;
  trust: Trust;
  authenticator: Nats.Authenticator | undefined;
}

/** What the transport needs to know, carried through the client's own options. */
interface Dialling {
  server: Server;
  trust: Trust;
  tlsFirst: boolean;
  addresses: AddressPolicy;
  /** Set by the transport; ends a connection that is still being made. */
  end?: () => void;
}

async function connectTo(server: Server, attempt: Attempt): Promise<NatsClient> {
  const { config, context, nats } = attempt;
  const dialling: Dialling = {
    server,
    trust: attempt.trust,
    tlsFirst: config.tls_first,
    addresses: context.addresses,
  };
  nats.setTransportFactory({ factory: () => new GuardedTransport() });
  const options: Nats.ConnectionOptions & { dialling: Dialling } = {
    dialling,
    servers: [`${server.host.includes(":") ? `[${server.host}]` : server.host}:${server.port}`],
    name: `pgkeep ${context.group} ${context.pipeline}`,
    reconnect: false,
    ignoreClusterUpdates: true,
    resolve: false,
    noAsyncTraces: true,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    inboxPrefix: config.inbox_prefix,
    ...(attempt.authenticator === undefined ? {} : { authenticator: attempt.authenticator }),
  };
  const connecting = nats.NatsConnectionImpl.connect(options);
  const connection = await bounded(connecting, {
    timeoutMs: CONNECT_TIMEOUT_MS,
    signal: context.signal,
    what: "connecting",
    onEnd: () => dialling.end?.(),
  }).finally(() => restoreTransport(nats));
  if (dialling.end === undefined) {
    await connection.close();
    throw new ConnectorFailure("unknown", "another part of this process took over the NATS client while it connected");
  }
  return client(nats, connection, dialling);
}

/**
 * Gives the client its own transport back, for others in this process whose connections are made anew by themselves.
 * There is no way to ask for it: the client sets it at the start of `connect`, which then refuses this prefix.
 */
function restoreTransport(nats: typeof Nats): void {
  nats.connect({ inboxPrefix: "*" }).catch(() => {});
}

function client(nats: typeof Nats, connection: Nats.NatsConnection, dialling: Dialling): NatsClient {
  const lost = connection.closed().then(
    (error) =>
      error === undefined || error === null
        ? new ConnectorFailure("unavailable", "the connection was closed")
        : natsFailure(error, "the connection was lost"),
    (error: unknown) => natsFailure(error, "the connection was lost"),
  );
  return {
    nats,
    connection,
    lost,
    maxPayloadBytes: connection.info?.max_payload ?? 2 ** 20,
    async close() {
      const signal = new AbortController().signal;
      await bounded(connection.close(), { timeoutMs: CLOSE_TIMEOUT_MS, signal, what: "closing" }).catch(() => {});
      dialling.end?.();
    },
  };
}

/** The servers of `url`. Throws ConnectorFailure for a URL that is none, and for one without TLS that is not permitted. */
function readServers(config: NatsConnectionConfig, context: ConnectorContext): Server[] {
  const mayBePlain = config.allow_insecure && context.allowInsecure;
  const texts = config.url.split(",").map((text) => text.trim());
  return texts.filter((text) => text !== "").map((text) => readServer(text, mayBePlain));
}

function readServer(text: string, mayBePlain: boolean): Server {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `nats://${text}`;
  // The URL class drops ports that are a scheme's own only for schemes that it knows; these it does not know.
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || url.hostname === "" || !["nats:", "tls:"].includes(url.protocol)) {
    throw new ConnectorFailure("invalid_config", '"url" must be tls://host:port or nats://host:port');
  }
  const isTls = url.protocol === "tls:";
  if (!isTls && !mayBePlain) {
    throw new ConnectorFailure(
      "invalid_config",
      '"url" without TLS needs allow_insecure in the pipeline and --allow-insecure on the process',
    );
  }
  const password = decodeURIComponent(url.password);
  const user = decodeURIComponent(url.username);
  registerSecret(password === "" ? user : password);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    isTls,
    user: user === "" ? undefined : user,
    password: password === "" ? undefined : password,
  };
}

function readTrust(config: NatsConnectionConfig): Trust {
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
function authenticatorOf(
  config: NatsConnectionConfig,
  server: Server,
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

/** Any error of the client as a failure of ours. */
export function natsFailure(error: unknown, what: string): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  return new ConnectorFailure(natsClassOf(error), `${what}: ${reasonOf(error)}`, { cause: refusalIn(error) });
}

/** Classes by the client's error names; its classes are of a module that is loaded late. */
const NATS_CLASSES: Readonly<Record<string, FailureClass>> = {
  AuthorizationError: "authentication",
  UserAuthenticationExpiredError: "authentication",
  PermissionViolationError: "authorization",
  TimeoutError: "timeout",
  ConnectionError: "unavailable",
  ClosedConnectionError: "unavailable",
  DrainingConnectionError: "unavailable",
  RequestError: "unavailable",
  NoRespondersError: "unavailable",
  JetStreamNotEnabled: "unavailable",
};

function natsClassOf(error: unknown): FailureClass {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const known = networkClassOf(at) ?? NATS_CLASSES[at.name];
    if (known !== undefined) return known;
  }
  return "unknown";
}

/** The client's way to its server, made of sockets of ours. */
class GuardedTransport implements Nats.Transport {
  readonly lang = "nats.js";
  readonly version = "3.4.0";
  closeError?: Error;
  isClosed = false;
  #socket: Socket | undefined;
  #isEncrypted = false;
  #chunks: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  readonly #closed: Promise<Error | undefined>;
  #settleClosed: (error: Error | undefined) => void = () => {};

  constructor() {
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  async connect(_server: unknown, options: Nats.ConnectionOptions & { dialling?: Dialling }): Promise<void> {
    const { dialling } = options;
    if (dialling === undefined) throw new Error("the NATS client of this process is set to pgkeep's transport");
    dialling.end = () => this.#end();
    try {
      const socket = await this.#establish(dialling);
      socket.on("data", (chunk: Uint8Array) => this.#push(chunk));
      socket.on("error", (error) => this.#end(error));
      socket.on("close", () => this.#end());
      socket.resume();
    } catch (error) {
      this.#socket?.destroy();
      throw error;
    }
  }

  /** A socket on which the greeting was read and TLS stands where it must. The greeting is the client's first chunk. */
  async #establish({ server, trust, tlsFirst, addresses }: Dialling): Promise<Socket> {
    if (server.isTls && tlsFirst) {
      const early = this.#use(dialTls(server, trust, addresses));
      await opened(early, "secureConnect");
      this.#isEncrypted = true;
      await this.#greeting(early);
      return early;
    }
    const socket = this.#use(dial(server, addresses));
    await opened(socket, "connect");
    const info = await this.#greeting(socket);
    const isOffered = info.tls_required === true || info.tls_available === true;
    if (server.isTls && !isOffered) {
      throw new ConnectorFailure("tls_verification", "the server offers no TLS, and tls:// asks for it");
    }
    if (!server.isTls && info.tls_required !== true) return socket;
    const encrypted = this.#use(await upgrade(socket, server, trust));
    this.#isEncrypted = true;
    return encrypted;
  }

  #use<S extends Socket>(socket: S): S {
    this.#socket = socket;
    // Until handlers of their own are set, an error is what a wait for the socket reports.
    socket.on("error", () => {});
    return socket;
  }

  /** Reads the server's INFO line and keeps it for the client's parser. */
  #greeting(socket: Socket): Promise<{ tls_required?: boolean; tls_available?: boolean }> {
    return new Promise((resolve, reject) => {
      let text = Buffer.alloc(0);
      const finish = (settle: () => void) => {
        socket.pause();
        socket.off("data", onData).off("error", reject).off("close", onClose);
        settle();
      };
      const onClose = () =>
        finish(() => reject(new ConnectorFailure("unavailable", "the server closed the connection")));
      const onData = (chunk: Buffer) => {
        text = Buffer.concat([text, chunk]);
        const end = text.indexOf("\r\n");
        if (end < 0 && text.length < MAX_GREETING_BYTES) return;
        const info = /^INFO +(\{.*\})\s*$/.exec(text.subarray(0, Math.max(0, end)).toString("utf8"))?.[1];
        const greeting = info === undefined ? undefined : parseObject(info);
        if (greeting === undefined) {
          finish(() => reject(new ConnectorFailure("unknown", "the server does not greet as NATS does")));
          return;
        }
        this.#chunks.push(text);
        finish(() => resolve(greeting));
      };
      socket.on("data", onData).once("error", reject).once("close", onClose);
    });
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  #end(error?: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (error !== undefined) this.closeError = error;
    this.#socket?.destroy();
    this.#wake?.();
    // After the parser had its turn: the server says why it ends a connection just before it does.
    setImmediate(() => this.#settleClosed(error));
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      for (const chunk of chunks) yield chunk;
      if (this.#chunks.length > 0) continue;
      if (this.isClosed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  send(frame: Uint8Array): void {
    if (!this.isClosed) this.#socket?.write(frame);
  }

  async close(error?: Error): Promise<void> {
    this.#end(error);
  }

  disconnect(): void {
    this.#end();
  }

  closed(): Promise<Error | undefined> {
    return this.#closed;
  }

  discard(): void {
    this.isClosed = true;
    this.#socket?.destroy();
  }
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
