/**
 * One connection and one channel to RabbitMQ. The client's own recovery stays off: a channel that was lost has forgotten
 * what was confirmed, and only the engine knows what to send again.
 */
import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import type { ConnectorContext, NeededPackage } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { bounded, loadClient, networkClassOf, reasonOf } from "../network.ts";
import { type Endpoint, failureOf } from "./endpoint.ts";
import { Loss } from "./loss.ts";

export const RABBITMQ_PACKAGE: NeededPackage = { name: "amqplib", range: "^2.3.1" };

export const RABBITMQ_SCHEME = {
  form: "amqps://host:port/vhost",
  plain: ["amqp"],
  secure: ["amqps"],
  plainPort: 5672,
  securePort: 5671,
};

/** 10 s: a peer that is gone is noticed within 30, also when nothing is sent. */
const HEARTBEAT_SECONDS = 10;
/** 1 s: a server that takes a goodbye answers at once. */
const GOODBYE_MS = 1_000;

export interface RabbitmqConnection<C extends Channel> {
  channel: C;
  /** Why connection or channel ended, or undefined while both live. */
  lost(): ConnectorFailure | undefined;
  /** Ends it without a goodbye. */
  drop(reason: ConnectorFailure): void;
  /** Calls back once, when it is lost. */
  onLost(listener: () => void): void;
  /** Whether the server has asked us to wait: it is short of memory or disk. */
  isBlocked(): boolean;
  close(): Promise<void>;
}

/** Connects and opens a channel that confirms. Throws ConnectorFailure. */
export function openConfirmChannel(endpoint: Endpoint, context: ConnectorContext) {
  return open(endpoint, context, (model): Promise<ConfirmChannel> => model.createConfirmChannel());
}

/** Connects and opens a channel. Throws ConnectorFailure. */
export function openChannel(endpoint: Endpoint, context: ConnectorContext) {
  return open(endpoint, context, (model): Promise<Channel> => model.createChannel());
}

async function open<C extends Channel>(
  endpoint: Endpoint,
  context: ConnectorContext,
  createChannel: (model: ChannelModel) => Promise<C>,
): Promise<RabbitmqConnection<C>> {
  const hard = new AbortController();
  const limits = { timeoutMs: endpoint.timeoutMs, signal: context.signal, onEnd: () => hard.abort() };
  try {
    const dialled = dialRabbitmq(endpoint, context, hard.signal);
    const model = await bounded(dialled, { ...limits, what: "connecting to RabbitMQ" });
    const watched = watch(model, hard);
    const channel = await bounded(createChannel(model), { ...limits, what: "opening a channel at RabbitMQ" });
    watched.add(channel);
    return { channel, ...watched.connection };
  } catch (error) {
    hard.abort();
    throw openFailure(error);
  }
}

async function dialRabbitmq(endpoint: Endpoint, context: ConnectorContext, signal: AbortSignal): Promise<ChannelModel> {
  const { connect } = await loadClient(RABBITMQ_PACKAGE, () => import("amqplib"));
  const { host, port, isSecure, username, password, path, trust } = endpoint;
  context.addresses.checkHost(host, port);
  const socketOptions = {
    ...trust,
    lookup: context.addresses.lookup,
    minVersion: "TLSv1.2" as const,
    rejectUnauthorized: true,
    noDelay: true,
    signal,
    clientProperties: { connection_name: `pgkeep ${context.group} ${context.pipeline}` },
  };
  const where = { protocol: isSecure ? "amqps" : "amqp", hostname: host, port, heartbeat: HEARTBEAT_SECONDS };
  return connect(
    { ...where, username: username ?? "guest", password: password ?? "guest", vhost: encodeURIComponent(path ?? "/") },
    socketOptions,
  );
}

/** Keeps the first reason why connection or channel ended. */
function watch(model: ChannelModel, hard: AbortController) {
  const loss = new Loss();
  let isBlocked = false;
  const drop = (reason: ConnectorFailure) => {
    loss.lose(reason);
    hard.abort();
  };
  const ended = (error: unknown) => loss.lose(closeFailure(error, "lost the connection to RabbitMQ"));
  model.on("error", ended).on("close", (error) => ended(error ?? new Error("the connection was closed")));
  model.on("blocked", () => {
    isBlocked = true;
  });
  model.on("unblocked", () => {
    isBlocked = false;
  });
  return {
    add(channel: Channel): void {
      channel.on("error", (error) => loss.lose(closeFailure(error, "RabbitMQ closed the channel")));
      channel.on("close", () => ended(new Error("the channel was closed")));
    },
    connection: {
      lost: () => loss.reason,
      drop,
      onLost: (listener: () => void) => loss.onLost(listener),
      isBlocked: () => isBlocked,
      async close(): Promise<void> {
        const limits = { timeoutMs: GOODBYE_MS, signal: new AbortController().signal, what: "the goodbye" };
        const goodbye = loss.reason ? Promise.resolve() : Promise.resolve().then(() => model.close());
        loss.lose(new ConnectorFailure("unavailable", "the connection to RabbitMQ was closed"));
        await bounded(goodbye, limits).catch(() => {});
        hard.abort();
      },
    },
  };
}

/** Reply codes of AMQP 0-9-1, and what RabbitMQ means by them. */
const CODES: Readonly<Record<number, FailureClass>> = {
  311: "message_too_large",
  320: "unavailable",
  402: "invalid_destination",
  403: "authorization",
  404: "invalid_destination",
  405: "unavailable",
  406: "protocol_rejection",
  501: "protocol_rejection",
  502: "protocol_rejection",
  503: "protocol_rejection",
  530: "authorization",
  540: "protocol_rejection",
  541: "unavailable",
};

/** Why the server closed a channel or connection. */
export function closeFailure(error: unknown, what: string): ConnectorFailure {
  const code = error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : 0;
  const reason = reasonOf(error);
  const isTooLarge = code === 406 && /larger than .*max size/.test(reason);
  const failureClass = isTooLarge ? "message_too_large" : CODES[code];
  return failureClass === undefined ? failureOf(error, what) : new ConnectorFailure(failureClass, `${what}: ${reason}`);
}

/** While connecting, refusals come as texts: with the code inside, and for the virtual host without any reason. */
function openFailure(error: unknown): ConnectorFailure {
  const what = "could not connect to RabbitMQ";
  const text = reasonOf(error);
  if (error instanceof ConnectorFailure || networkClassOf(error) !== undefined) return failureOf(error, what);
  if (/OpenOk; got <ConnectionClose/.test(text)) {
    const why = "the virtual host is not there, or not open to this user";
    return new ConnectorFailure("invalid_destination", `${what}: ${why}`);
  }
  if (/\b403\b|ACCESS.REFUSED/.test(text)) return new ConnectorFailure("authentication", `${what}: ${text}`);
  return failureOf(error, what);
}
