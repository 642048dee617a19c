/**
 * A narrow way to Kafka for sink and source, over kafkajs.
 *
 * Every socket is ours: the seeds and whatever brokers the cluster advertises are dialled through the address policy and
 * verified. The client swallows why a socket failed, so the last reason is kept here and decides the class of its
 * errors. Its own waits are many; whoever uses a link bounds them and then cuts the link, after which it dials nothing.
 */
import type * as Kafkajs from "kafkajs";
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import { AddressRefusal } from "../../net/address-policy.ts";
import { dial, dialTls, type Peer, type Socket, type Trust } from "../../net/sockets.ts";
import type { ConnectorContext, NeededPackage } from "../connector.ts";
import { ConnectorFailure, FAILURE_CLASSES, type FailureClass } from "../failures.ts";
import { loadClient, networkClassOf, pemField, reasonOf, refusalIn } from "../network.ts";
import { readLz4, readSnappy, readZstandard } from "./record-compression.ts";

export const KAFKA_PACKAGE: NeededPackage = { name: "kafkajs", range: "^2.2.4" };

const DEFAULT_PORT = 9092;
/** 3 s for TCP and TLS: a broker that takes longer is asked again. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Retries within one call bridge the change of a partition's leader; longer troubles are the engine's. */
const RETRY = { retries: 4, initialRetryTime: 100, maxRetryTime: 1_000, multiplier: 2, factor: 0.2 };

/** The fields that sink and source share. */
export const kafkaConnectionFields = (z: ZodNamespace) => ({
  brokers: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(100)])
    .meta({ description: "Brokers to begin with, host:port, with commas between" }),
  security_protocol: z
    .enum(["ssl", "sasl_ssl", "plaintext", "sasl_plaintext"])
    .optional()
    .meta({ description: "ssl, or sasl_ssl when there is a user; those without TLS need allow_insecure" }),
  sasl_mechanism: z
    .enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    .default("PLAIN")
    .meta({ description: "How the password is proved" }),
  sasl_username: z.string().min(1).optional().meta({ description: "User name" }),
  sasl_password: z.string().min(1).optional().meta({ description: "Password of the user", secret: true }),
  ssl_ca_location: z
    .string()
    .optional()
    .meta({ description: "Authority the brokers' certificates must come from, PEM, as ${file:/path}" }),
  ssl_certificate_location: z
    .string()
    .optional()
    .meta({ description: "Client certificate, PEM, as ${file:/path}; needs ssl_key_location" }),
  ssl_key_location: z
    .string()
    .optional()
    .meta({ description: "Key of the client certificate, PEM, as ${file:/path}", secret: true }),
  request_timeout_ms: z
    .int()
    .min(100)
    .max(300_000)
    .default(30_000)
    .meta({ description: "How long a call may take, with the client's own retries" }),
  allow_insecure: z
    .boolean()
    .default(false)
    .meta({ description: "Permits plaintext and sasl_plaintext, where the process permits them too" }),
});

export type KafkaConnectionConfig = Zod.output<Zod.ZodObject<ReturnType<typeof kafkaConnectionFields>>>;

/** The client's module. */
export type KafkaClient = (typeof Kafkajs)["default"];

/** A client with sockets of ours. */
export interface KafkaLink {
  kafka: Kafkajs.Kafka;
  /** Cuts every connection and keeps the client from making new ones. */
  cut(): void;
  /** An error of the client as a failure of ours. */
  failure(error: unknown, what: string): ConnectorFailure;
  /** Rejects when a socket fails in a way that no retry heals: TLS, or an address that may not be dialled. */
  hopeless: Promise<never>;
}

/** A function that makes links with the same settings, each with connections of its own. Throws ConnectorFailure. */
export async function prepareKafka(
  config: KafkaConnectionConfig,
  context: ConnectorContext,
): Promise<{ client: KafkaClient; link: () => KafkaLink }> {
  const settings = readSettings(config, context);
  // The package is CommonJS: only some of its names are seen from here, all of them on `default`.
  const { default: client } = await loadClient(KAFKA_PACKAGE, () => import("kafkajs"));
  completeCodecs(client);
  return { client, link: () => makeLink({ client, settings, config, context }) };
}

/** Snappy, LZ4, Zstandard. Source: Kafka documentation, "Record Batch", the lowest bits of its attributes. */
type CodecNumber = 2 | 3 | 4;

/** Teaches the client to read what it does not by itself. What somebody else in this process taught it stays. */
function completeCodecs({ CompressionCodecs: codecs }: KafkaClient): void {
  const readers: [CodecNumber, (bytes: Buffer) => Promise<Buffer> | Buffer][] = [
    [2, readSnappy],
    [3, readLz4],
    [4, (bytes) => readZstandard(bytes) ?? refuseZstandard()],
  ];
  for (const [type, decompress] of readers) {
    if (hasCodec(codecs, type)) continue;
    codecs[type] = () => ({ compress: refuseWriting, decompress: async (bytes: Buffer) => decompress(bytes) });
  }
}

function hasCodec(codecs: KafkaClient["CompressionCodecs"], type: CodecNumber): boolean {
  try {
    return codecs[type]() !== undefined;
  } catch {
    return false;
  }
}

function refuseZstandard(): never {
  throw new ConnectorFailure("protocol_rejection", "the topic holds Zstandard, which Node reads from 22.15 on");
}

function refuseWriting(): never {
  throw new ConnectorFailure("invalid_config", "this compression is read only");
}

interface Settings {
  brokers: string[];
  isTls: boolean;
  trust: Trust;
  sasl: Kafkajs.SASLOptions | undefined;
}

function readSettings(config: KafkaConnectionConfig, context: ConnectorContext): Settings {
  const { sasl_username: username, sasl_password: password } = config;
  if ((username === undefined) !== (password === undefined)) {
    throw invalid('"sasl_username" and "sasl_password" go together');
  }
  const protocol = config.security_protocol ?? (username === undefined ? "ssl" : "sasl_ssl");
  const isTls = protocol.endsWith("ssl");
  if (!isTls && !(config.allow_insecure && context.allowInsecure)) {
    throw invalid(`"${protocol}" needs allow_insecure in the pipeline and --allow-insecure on the process`);
  }
  if (protocol.startsWith("sasl") !== (username !== undefined)) {
    throw invalid(`"security_protocol" ${protocol} ${username === undefined ? "needs" : "has no use for"} a user`);
  }
  if ((config.ssl_certificate_location === undefined) !== (config.ssl_key_location === undefined)) {
    throw invalid('"ssl_certificate_location" and "ssl_key_location" go together');
  }
  return {
    brokers: readBrokers(config.brokers),
    isTls,
    trust: {
      ca: pemField(config.ssl_ca_location, "ssl_ca_location"),
      cert: pemField(config.ssl_certificate_location, "ssl_certificate_location"),
      key: pemField(config.ssl_key_location, "ssl_key_location"),
    },
    sasl: saslOf(config),
  };
}

function saslOf(config: KafkaConnectionConfig): Kafkajs.SASLOptions | undefined {
  const { sasl_username: username, sasl_password: password } = config;
  if (username === undefined || password === undefined) return undefined;
  switch (config.sasl_mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password };
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password };
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password };
  }
}

function readBrokers(given: string | readonly string[]): string[] {
  const texts = (typeof given === "string" ? given.split(",") : given).map((text) => text.trim()).filter(Boolean);
  const brokers = texts.map((text) => {
    const [, host, port = String(DEFAULT_PORT)] = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
    if (host === undefined) throw invalid('"brokers" must be host:port, with commas between');
    return `${host}:${port}`;
  });
  if (brokers.length === 0) throw invalid('"brokers" names none');
  return brokers;
}

function invalid(message: string): ConnectorFailure {
  return new ConnectorFailure("invalid_config", message);
}

interface LinkParts {
  client: KafkaClient;
  settings: Settings;
  config: KafkaConnectionConfig;
  context: ConnectorContext;
}

function makeLink({ client, settings, config, context }: LinkParts): KafkaLink {
  const sockets = new SocketBook(settings, context);
  const kafka = new client.Kafka({
    brokers: settings.brokers,
    clientId: `pgkeep-${context.group}-${context.pipeline}`,
    ssl: settings.isTls,
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
    socketFactory: ({ host, port, onConnect }) => sockets.open({ host, port }, onConnect),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    authenticationTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: config.request_timeout_ms,
    retry: RETRY,
    // Its entries hold addresses and stacks, and go nowhere.
    logLevel: client.logLevel.NOTHING,
    logCreator: () => () => {},
  });
  return {
    kafka,
    cut: () => sockets.cut(),
    hopeless: sockets.hopeless,
    failure: (error, what) => kafkaFailure(error, what, sockets.lastError),
  };
}

/** The sockets of one link. */
class SocketBook {
  /** Why the last socket that failed did; undefined after one that connected. */
  lastError: unknown;
  readonly hopeless: Promise<never>;
  readonly #settings: Settings;
  readonly #context: ConnectorContext;
  readonly #open = new Set<Socket>();
  #isCut = false;
  #giveUp: (error: unknown) => void = () => {};

  constructor(settings: Settings, context: ConnectorContext) {
    this.#settings = settings;
    this.#context = context;
    this.hopeless = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
    this.hopeless.catch(() => {});
  }

  open(peer: Peer, onConnect: () => void): Socket {
    if (this.#isCut) throw new Error("the link is cut");
    const socket = this.#dial(peer);
    guardAnswers(socket);
    this.#open.add(socket);
    socket.once(this.#settings.isTls ? "secureConnect" : "connect", () => {
      this.lastError = undefined;
      onConnect();
    });
    let hasSaid = false;
    socket.once("end", () => {
      hasSaid = true;
    });
    socket.on("error", (error) => {
      hasSaid = true;
      this.#note(error);
    });
    socket.once("close", () => {
      this.#open.delete(socket);
      // The client waits for "end" or "error"; a socket that goes without a word would leave its requests waiting.
      if (!hasSaid) socket.emit("error", new Error("the connection was closed"));
    });
    return socket;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy(new Error("the connection was given up"));
  }

  #dial(peer: Peer): Socket {
    const { isTls, trust } = this.#settings;
    try {
      return isTls ? dialTls(peer, trust, this.#context.addresses) : dial(peer, this.#context.addresses);
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  #note(error: unknown): void {
    if (this.#isCut) return;
    this.lastError = error;
    const known = networkClassOf(error);
    const isForeign = error instanceof ConnectorFailure;
    if (isForeign || (known !== undefined && !FAILURE_CLASSES[known].isTransient)) this.#giveUp(error);
  }
}

/** 1 MiB: the first answer is a list of what the broker can do, or a step of signing in. */
const FIRST_ANSWER_BYTES = 1024 * 1024;

/**
 * The client reads answers inside of the socket's event, where an error of its own would end the process: whoever listens
 * at the other end could do that with a few bytes. And it waits for as many bytes as somebody's first four say.
 */
function guardAnswers(socket: Socket): void {
  const on = socket.on.bind(socket);
  let isFirst = true;
  const guarded = (read: (chunk: Buffer) => void) => (chunk: Buffer) => {
    try {
      if (isFirst && !isAnswer(chunk)) throw new Error("not an answer");
      isFirst = false;
      read(chunk);
    } catch {
      socket.destroy(
        new ConnectorFailure("unavailable", "what answers there is no Kafka broker: look at host and port"),
      );
    }
  };
  // biome-ignore lint/suspicious/noExplicitAny: listeners of any event, as the socket's own method takes them.
  socket.on = (event: string, listener: (...values: any[]) => void) =>
    on(event, event === "data" ? guarded(listener) : listener);
}

function isAnswer(chunk: Buffer): boolean {
  if (chunk.length < 4) return true;
  const size = chunk.readInt32BE(0);
  return size >= 4 && size <= FIRST_ANSWER_BYTES;
}

/** Protocol errors by name. Source: Apache Kafka 4.1, protocol guide, "Error Codes". What is not here goes by `retriable`. */
const PROTOCOL_CLASSES: Readonly<Record<string, FailureClass>> = {
  SASL_AUTHENTICATION_FAILED: "authentication",
  UNSUPPORTED_SASL_MECHANISM: "authentication",
  ILLEGAL_SASL_STATE: "authentication",
  TOPIC_AUTHORIZATION_FAILED: "authorization",
  GROUP_AUTHORIZATION_FAILED: "authorization",
  CLUSTER_AUTHORIZATION_FAILED: "authorization",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "authorization",
  UNKNOWN_TOPIC_OR_PARTITION: "invalid_destination",
  INVALID_TOPIC_EXCEPTION: "invalid_destination",
  MESSAGE_TOO_LARGE: "message_too_large",
  RECORD_LIST_TOO_LARGE: "message_too_large",
  THROTTLING_QUOTA_EXCEEDED: "throttled",
  REQUEST_TIMED_OUT: "timeout",
  OUT_OF_ORDER_SEQUENCE_NUMBER: "unavailable",
  UNKNOWN_PRODUCER_ID: "unavailable",
  INVALID_PRODUCER_EPOCH: "unavailable",
};

/** Error names of the client. */
const CLIENT_CLASSES: Readonly<Record<string, FailureClass>> = {
  KafkaJSSASLAuthenticationError: "authentication",
  KafkaJSRequestTimeoutError: "timeout",
  KafkaJSConnectionError: "unavailable",
  KafkaJSConnectionClosedError: "unavailable",
  KafkaJSBrokerNotFound: "unavailable",
  KafkaJSNoBrokerAvailableError: "unavailable",
  KafkaJSMetadataNotLoaded: "unavailable",
  KafkaJSGroupCoordinatorNotFound: "unavailable",
  KafkaJSLockTimeout: "timeout",
  CompressionFailure: "protocol_rejection",
  KafkaJSServerDoesNotSupportApiKey: "protocol_rejection",
};

function kafkaFailure(error: unknown, what: string, socketError: unknown): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  const known = kafkaClassOf(error);
  if (socketError instanceof ConnectorFailure && (known === undefined || known === "unavailable")) {
    return new ConnectorFailure(socketError.class, `${what}: ${socketError.message}`);
  }
  // A connection that could not be made: the socket's own reason says more than the client does.
  const fromSocket = known === undefined || known === "unavailable" || known === "timeout";
  const ofSocket = fromSocket && socketError !== undefined ? networkClassOf(socketError) : undefined;
  const said = ofSocket === undefined ? error : socketError;
  return new ConnectorFailure(ofSocket ?? known ?? "unknown", `${what}: ${reasonOf(said)}`, { cause: refusalIn(said) });
}

function kafkaClassOf(error: unknown): FailureClass | undefined {
  let found: FailureClass | undefined;
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof AddressRefusal) return "ssrf_rejected";
    const type = "type" in at && typeof at.type === "string" ? at.type : "";
    const retriable = "retriable" in at && at.retriable === true;
    found ??= PROTOCOL_CLASSES[type] ?? CLIENT_CLASSES[at.name] ?? networkClassOf(at);
    if (found === undefined && type !== "") found = retriable ? "unavailable" : "protocol_rejection";
  }
  return found;
}
