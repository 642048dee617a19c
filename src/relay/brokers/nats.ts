/**
 * A connection to NATS for sink and source: one server at a time, dialled and verified by us.
 *
 * The client is given a transport of ours, because its own dials by name without asking anybody, also servers that the
 * cluster advertises. Here nothing is dialled but the configured URLs, in their order: advertised servers are ignored,
 * and the client never connects again by itself. A lost connection is a failure the engine hears of; it opens anew.
 * Credentials are sent only after TLS stands; a server that offers none where `tls://` is asked for gets nothing.
 */
import type * as Nats from "@nats-io/transport-node";
import type { Trust } from "../../net/sockets.ts";
import type { ConnectorContext, NeededPackage } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { bounded, loadClient, networkClassOf, reasonOf, refusalIn } from "../network.ts";
import {
  authenticatorOf,
  type NatsConnectionConfig,
  type NatsServer,
  readServers,
  readTrust,
} from "./nats-settings.ts";
import { type Dialling, GuardedTransport } from "./nats-transport.ts";

export const NATS_PACKAGE: NeededPackage = { name: "@nats-io/transport-node", range: "^3.4.0" };
export const JETSTREAM_PACKAGE: NeededPackage = { name: "@nats-io/jetstream", range: "^3.4.0" };

/** 5 s for name, connection, TLS and greeting together: a server that takes longer is asked again by the engine. */
const CONNECT_TIMEOUT_MS = 5_000;
/** 10 s: a connection that went without a word is found in half a minute, also while nothing is sent. */
const PING_INTERVAL_MS = 10_000;
/** 1.5 s for a client to say goodbye. */
const CLOSE_TIMEOUT_MS = 1_500;

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

interface Attempt {
  config: NatsConnectionConfig;
  context: ConnectorContext;
  nats: typeof Nats;
  trust: Trust;
  authenticator: Nats.Authenticator | undefined;
}

async function connectTo(server: NatsServer, attempt: Attempt): Promise<NatsClient> {
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
