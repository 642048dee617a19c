/**
 * One connection to an MQTT 5 broker.
 *
 * The client gets a socket on which TLS is done already: it writes its CONNECT, password included, as soon as it has a
 * socket. Its own reconnecting stays off; the engine opens a connector again.
 */
import type { IClientOptions, MqttClient } from "mqtt";
import { opened } from "../../net/sockets.ts";
import type { ConnectorContext, NeededPackage } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { bounded, loadClient, reasonOf } from "../network.ts";
import { dialEndpoint, type Endpoint, failureOf } from "./endpoint.ts";
import { Loss } from "./loss.ts";

export const MQTT_PACKAGE: NeededPackage = { name: "mqtt", range: "^5.16.0" };

export const MQTT_SCHEME = {
  form: "mqtts://host:port",
  plain: ["mqtt", "tcp"],
  secure: ["mqtts", "ssl"],
  plainPort: 1883,
  securePort: 8883,
};

/** 15 s: a broker that is gone is noticed within half a minute, also when nothing is sent. */
const KEEP_ALIVE_SECONDS = 15;
/** 1 s: a broker that takes a goodbye takes it at once. */
const GOODBYE_MS = 1_000;
/** What MQTT 5 says when the broker says nothing. */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;

export interface MqttSession {
  clientId: string;
  /** Forget what the broker remembers of this client. */
  cleanStart: boolean;
  /** How long it remembers after the connection ended; 0: not at all. */
  expirySeconds: number;
  /** Most messages it may send that are not acknowledged. */
  receiveMaximum: number;
}

/** What the broker said about itself when it accepted the connection. */
export interface MqttLimits {
  receiveMaximum: number;
  maximumPacketSize: number;
  maximumQos: number;
  retainAvailable: boolean;
}

export interface MqttConnection {
  client: MqttClient;
  limits: MqttLimits;
  /** Writes bytes of a packet between those of the client. */
  write(packet: Buffer): void;
  /** Why the connection ended, or undefined while it lives. */
  lost(): ConnectorFailure | undefined;
  /** Calls back once, when it is lost. */
  onLost(listener: () => void): void;
  /** Ends it without a goodbye. */
  drop(reason: ConnectorFailure): void;
  close(): Promise<void>;
}

/** Connects. `listen` is called before the first packet can arrive. Throws ConnectorFailure. */
export async function connectMqtt(
  endpoint: Endpoint,
  session: MqttSession,
  context: ConnectorContext,
  listen: (client: MqttClient) => void = () => {},
): Promise<MqttConnection> {
  const { MqttClient: Client } = await loadClient(MQTT_PACKAGE, () => import("mqtt"));
  const socket = dialEndpoint(endpoint, context);
  const limits = { timeoutMs: endpoint.timeoutMs, signal: context.signal, onEnd: () => void socket.destroy() };
  try {
    const ready = opened(socket, endpoint.isSecure ? "secureConnect" : "connect");
    await bounded(ready, { ...limits, what: "connecting to the MQTT broker" });
  } catch (error) {
    socket.destroy();
    throw failureOf(error, "could not connect to the MQTT broker");
  }
  const client = new Client(() => socket, optionsOf(endpoint, session));
  listen(client);
  const watched = watch(client, () => void socket.destroy());
  try {
    const accepted = new Promise<MqttLimits>((resolve, reject) => {
      client.once("connect", ({ properties }) => resolve(limitsOf(properties)));
      watched.onLost(() => reject(watched.lost()));
    });
    const signedIn = await bounded(accepted, { ...limits, what: "signing in to the MQTT broker" });
    watched.isSignedIn = true;
    return { client, limits: signedIn, write: (packet) => void socket.write(packet), ...watched };
  } catch (error) {
    const failure = failureOf(error, "could not sign in to the MQTT broker");
    watched.drop(failure);
    throw failure;
  }
}

function optionsOf({ username, password }: Endpoint, session: MqttSession): IClientOptions {
  return {
    protocolVersion: 5,
    clientId: session.clientId,
    clean: session.cleanStart,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    keepalive: KEEP_ALIVE_SECONDS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // Ours is the limit that counts: `bounded` around everything.
    connectTimeout: 2 ** 30,
    properties: { sessionExpiryInterval: session.expirySeconds, receiveMaximum: session.receiveMaximum },
  };
}

type ServerProperties = MqttClient["serverProperties"];

function limitsOf(properties: ServerProperties): MqttLimits {
  return {
    receiveMaximum: properties?.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM,
    maximumPacketSize: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    maximumQos: properties?.maximumQoS ?? 2,
    retainAvailable: properties?.retainAvailable ?? true,
  };
}

/** Keeps the first reason why the connection ended. */
function watch(client: MqttClient, destroy: () => void) {
  const loss = new Loss();
  const drop = (reason: ConnectorFailure) => {
    loss.lose(reason);
    client.end(true);
    destroy();
  };
  const watched = {
    isSignedIn: false,
    lost: () => loss.reason,
    onLost: (listener: () => void) => loss.onLost(listener),
    drop,
    async close(): Promise<void> {
      const wasLost = loss.reason !== undefined;
      loss.lose(new ConnectorFailure("unavailable", "the connection to the MQTT broker was closed"));
      const limits = { timeoutMs: GOODBYE_MS, signal: new AbortController().signal, what: "the goodbye" };
      if (!wasLost) await bounded(client.endAsync(), limits).catch(() => {});
      client.end(true);
      destroy();
    },
  };
  client.on("error", (error) => loss.lose(sessionFailure(error, watched.isSignedIn)));
  client.on("disconnect", ({ reasonCode }) => loss.lose(disconnected(reasonCode ?? 0)));
  client.on("close", () => loss.lose(new ConnectorFailure("unavailable", "the MQTT broker ended the connection")));
  return watched;
}

/** Reason codes of MQTT 5 (section 2.4) from 128 on, as far as they mean more than "something went wrong". */
const REASONS: Readonly<Record<number, FailureClass>> = {
  129: "protocol_rejection",
  130: "protocol_rejection",
  132: "invalid_config",
  133: "invalid_config",
  134: "authentication",
  135: "authorization",
  136: "unavailable",
  137: "unavailable",
  138: "authorization",
  139: "unavailable",
  140: "authentication",
  141: "timeout",
  142: "unavailable",
  143: "invalid_config",
  144: "invalid_destination",
  147: "throttled",
  149: "message_too_large",
  150: "throttled",
  151: "throttled",
  153: "protocol_rejection",
  154: "invalid_config",
  155: "invalid_config",
  156: "invalid_destination",
  157: "invalid_destination",
  158: "invalid_config",
  159: "throttled",
};

/** The class of a reason code that a broker gave, or undefined when the error carries none. */
export function reasonClassOf(error: unknown): FailureClass | undefined {
  if (!(error instanceof Error && "code" in error && typeof error.code === "number")) return undefined;
  return error.code >= 128 ? (REASONS[error.code] ?? "unknown") : undefined;
}

function sessionFailure(error: unknown, isSignedIn: boolean): ConnectorFailure {
  const what = isSignedIn ? "lost the connection to the MQTT broker" : "could not sign in to the MQTT broker";
  const given = reasonClassOf(error);
  if (given === undefined && /^Invalid (puback|pubrec|pubcomp) reason code/.test(reasonOf(error))) {
    // mosquitto answers a message above its message_size_limit so; the client then understands nothing more.
    const why = "the MQTT broker refused a message for a reason that MQTT 5 does not have; it may be too large";
    return new ConnectorFailure("protocol_rejection", why);
  }
  if (given === undefined) return failureOf(error, what);
  // Brokers say "not authorized" (135) about a wrong password too, so as not to tell which of both is wrong.
  const isRefusedSignIn = !isSignedIn && given === "authorization";
  return new ConnectorFailure(isRefusedSignIn ? "authentication" : given, `${what}: ${reasonOf(error)}`);
}

function disconnected(reasonCode: number): ConnectorFailure {
  const failureClass = reasonCode < 128 ? "unavailable" : (REASONS[reasonCode] ?? "unknown");
  return new ConnectorFailure(failureClass, `the MQTT broker ended the connection with reason ${reasonCode}`);
}
