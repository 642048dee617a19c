/**
 * One connection to Redis, without the client's own reconnecting and queueing: the engine opens a sink again, and a command
 * that was sent into a lost connection must be reported, never sent a second time behind our back.
 *
 * The client signs in by commands of ours instead of by its options: it would print warnings of its own and its errors
 * hold the arguments of the command.
 */
import type { Redis, RedisOptions } from "ioredis";
import type { ZodNamespace } from "../../base/operation.ts";
import type { ConnectorContext, NeededPackage } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { bounded, loadClient, reasonOf } from "../network.ts";
import { dialEndpoint, type Endpoint, failureOf } from "./endpoint.ts";
import { Loss } from "./loss.ts";

export const REDIS_PACKAGE: NeededPackage = { name: "ioredis", range: "^6.0.0" };

export const REDIS_SCHEME = {
  form: "rediss://host:port",
  plain: ["redis"],
  secure: ["rediss"],
  plainPort: 6379,
  securePort: 6379,
};

export interface RedisConnection {
  client: Redis;
  /** Why the connection ended, or undefined while it lives. */
  lost(): ConnectorFailure | undefined;
  /** Drops the connection now; what was sent and not answered fails. */
  drop(reason: ConnectorFailure): void;
  close(): Promise<void>;
}

/** 1 s: a server that takes QUIT answers at once; one that does not is left. */
const QUIT_MS = 1_000;

/** Connects, signs in and selects the database. Throws ConnectorFailure. */
export async function connectRedis(
  endpoint: Endpoint,
  database: number,
  context: ConnectorContext,
): Promise<RedisConnection> {
  const connection = await dialRedis(endpoint, context);
  try {
    await bounded(signIn(connection.client, { endpoint, database, context }), {
      timeoutMs: endpoint.timeoutMs,
      signal: context.signal,
      what: "signing in to Redis",
    });
    return connection;
  } catch (error) {
    const failure = connection.lost() ?? redisFailure(error, "could not sign in to Redis");
    connection.drop(failure);
    throw failure;
  }
}

async function dialRedis(endpoint: Endpoint, context: ConnectorContext): Promise<RedisConnection> {
  const { Redis: Client, AbstractConnector } = await loadClient(REDIS_PACKAGE, () => import("ioredis"));
  const socket = dialEndpoint(endpoint, context);
  class OwnConnector extends AbstractConnector {
    constructor(_options: unknown) {
      super(0);
    }
    connect() {
      return Promise.resolve(socket);
    }
    override disconnect() {
      socket.destroy();
    }
  }
  const connection = watched(new Client({ Connector: OwnConnector, ...clientOptions(endpoint) }), socket);
  const { client } = connection;
  try {
    const limits = { timeoutMs: endpoint.timeoutMs, signal: context.signal, what: "connecting to Redis" };
    await bounded(client.connect(), limits);
  } catch (error) {
    const failure = connection.lost() ?? redisFailure(error, "could not connect to Redis");
    connection.drop(failure);
    throw failure;
  }
  return connection;
}

/** Everything off that the client would do by itself. */
function clientOptions(endpoint: Endpoint): RedisOptions {
  return {
    ...(endpoint.isSecure ? { tls: {} } : {}),
    lazyConnect: true,
    connectTimeout: endpoint.timeoutMs,
    protocol: 2,
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
  };
}

/** Keeps the first reason why the connection ended. */
function watched(client: Redis, socket: { destroy(): unknown }): RedisConnection {
  const loss = new Loss();
  const lose = (error: unknown) => loss.lose(failureOf(error, "lost the connection to Redis"));
  client.on("error", lose);
  client.on("close", () => lose(new Error("the server ended it")));
  const drop = (reason: ConnectorFailure) => {
    loss.lose(reason);
    client.disconnect();
    socket.destroy();
  };
  return { client, lost: () => loss.reason, drop, close: () => quit(client, drop, () => loss.reason !== undefined) };
}

/** The field that sink and source share. */
export const redisDatabaseField = (z: ZodNamespace) =>
  z.number().int().min(0).max(65_535).optional().meta({ description: "Number of the database; default 0." });

/** The database that the URL names: rediss://host:port/3. */
export function redisDatabase({ path }: Endpoint): number {
  if (path === undefined) return 0;
  if (!/^\d{1,5}$/.test(path))
    throw new ConnectorFailure("invalid_config", 'the path of "url" must be a database number');
  return Number(path);
}

interface SignIn {
  endpoint: Endpoint;
  database: number;
  context: ConnectorContext;
}

async function signIn(client: Redis, { endpoint, database, context }: SignIn): Promise<void> {
  const { username, password } = endpoint;
  if (password !== undefined) {
    const args = username === undefined ? [password] : [username, password];
    try {
      await client.call("AUTH", ...args);
    } catch (error) {
      // A server without passwords is as open with ours as without.
      if (!/without any password configured|no password is set/.test(reasonOf(error))) throw error;
      context.warn("the Redis server asks for no password, though one is configured");
    }
  }
  if (database !== 0) await client.select(database);
  await client.ping();
}

async function quit(client: Redis, drop: (reason: ConnectorFailure) => void, isLost: () => boolean): Promise<void> {
  const closed = new ConnectorFailure("unavailable", "the connection to Redis was closed");
  if (isLost()) return drop(closed);
  const limits = { timeoutMs: QUIT_MS, signal: new AbortController().signal, what: "QUIT" };
  await bounded(client.quit(), limits).catch(() => {});
  drop(closed);
}

/** What a refusal of Redis means, by the first word of its answer. */
const CLASSES: Readonly<Record<string, FailureClass>> = {
  NOAUTH: "authentication",
  WRONGPASS: "authentication",
  NOPERM: "authorization",
  DENIED: "authorization",
  WRONGTYPE: "invalid_destination",
  NOGROUP: "invalid_destination",
  MOVED: "invalid_destination",
  ASK: "invalid_destination",
  OOM: "throttled",
  BUSY: "unavailable",
  LOADING: "unavailable",
  MASTERDOWN: "unavailable",
  CLUSTERDOWN: "unavailable",
  TRYAGAIN: "unavailable",
  READONLY: "unavailable",
  MISCONF: "unavailable",
  NOREPLICAS: "unavailable",
  UNKILLABLE: "unavailable",
};

/** The class of an error answer, or undefined when the server did not answer at all. */
export function answerClassOf(error: unknown): FailureClass | undefined {
  if (!(error instanceof Error) || error.name !== "ReplyError") return undefined;
  if (/invalid password|invalid username-password/i.test(error.message)) return "authentication";
  return CLASSES[wordOf(error.message)] ?? "protocol_rejection";
}

/** Whether an error answer is about what was written, and not about everything that could be. */
export function isAboutTheMessage(error: Error): boolean {
  const word = wordOf(error.message);
  return word === "WRONGTYPE" || (word === "ERR" && !/unknown command/i.test(error.message));
}

/** Older servers put what went wrong in a script behind words of their own. */
function wordOf(message: string): string {
  const [first = ""] = message.split(" ", 1);
  if (first !== "ERR" || !message.includes("script")) return first;
  return message.split(/[^A-Z]+/).find((word) => word in CLASSES) ?? first;
}

/** Any error of the client as a failure of the connection, without the command it was about. */
export function redisFailure(error: unknown, what: string): ConnectorFailure {
  const answer = answerClassOf(error);
  return answer === undefined ? failureOf(error, what) : new ConnectorFailure(answer, `${what}: ${reasonOf(error)}`);
}
