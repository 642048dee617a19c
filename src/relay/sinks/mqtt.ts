/**
 * MQTT 5: every message one PUBLISH, delivered when the broker has acknowledged it.
 *
 * At most a window of messages is on its way, never more than the broker's Receive Maximum: a broker ends the connection of
 * a client that sends more. A message that nobody subscribes to is acknowledged as well and then gone, unless
 * `require_subscriber` is set: then the broker's word "no matching subscribers" counts as a refusal.
 *
 * A broker that minds a packet often just ends the connection and does not say which packet it was about. If nothing of
 * the batch was acknowledged, the whole batch is reported as refused, so that the engine finds the one by halving.
 */
import { randomBytes } from "node:crypto";
import { type Endpoint, endpointFields, endpointUrl, isCleanText, readEndpoint } from "../brokers/endpoint.ts";
import {
  connectMqtt,
  MQTT_PACKAGE,
  MQTT_SCHEME,
  type MqttConnection,
  type MqttLimits,
  reasonClassOf,
} from "../brokers/mqtt-client.ts";
import { publishPacket } from "../brokers/mqtt-publish.ts";
import { ConnectorFailure, FAILURE_CLASSES, type FailureClass } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition, rejectMessage } from "../message.ts";
import { bounded, reasonOf } from "../network.ts";
import { defineSink, type Sink } from "./sink.ts";

/** 1 MiB: what pg_tide allows a message to be. */
const MESSAGE_BYTES = 2 ** 20;
/** 16 MiB: what pg_tide allows a batch to be. */
const BATCH_BYTES = 2 ** 24;
/** 1,000: measured; more gains nothing on a local broker. */
const WINDOW = 1_000;
/** 65,535: a string of MQTT carries its length in two bytes. */
const STRING_BYTES = 65_535;
/** 200 levels: mosquitto ends the connection over more. */
const TOPIC_LEVELS = 200;

/**
 * PINGREQ, whole. Brokers that do not set TCP_NODELAY send a few acknowledgements and hold the rest until our side has confirmed
 * them, which it does by itself only after 40 ms. Whatever we send confirms at once; a ping is the least there is.
 */
const PING = Buffer.from([0xc0, 0]);
const MAX_PACKET_ID = 65_535;
/** PUBACK: taken, but no session subscribes to the topic (MQTT 5, 3.4.2.1). */
const NO_MATCHING_SUBSCRIBERS = 0x10;

type Answered = (answer: Disposition | undefined) => void;

/** What of a packet that came in matters here. */
interface Acknowledgement {
  cmd: string;
  messageId?: number | undefined;
  reasonCode?: number | undefined;
}

/** An answer of the broker in the form in which the client reports one. */
function refusedWith(code: number): Error {
  return Object.assign(new Error(`reason ${code}`), { code });
}

export default defineSink({
  type: "mqtt",
  summary: "MQTT 5 brokers",
  package: MQTT_PACKAGE,
  config: (z) =>
    z.strictObject({
      url: endpointUrl(z, MQTT_SCHEME),
      topic: z.string().min(1).max(STRING_BYTES).default("{outbox}/{op}").meta({ description: "Topic; a template." }),
      qos: z
        .union([z.literal(1), z.literal(2)])
        .default(1)
        .meta({ description: "1: at least once; 2: exactly once as far as the broker." }),
      retain: z.boolean().default(false).meta({ description: "The broker keeps the last message of each topic." }),
      require_subscriber: z.boolean().default(false).meta({
        description: "Refuse messages that no session subscribes to; needs qos 1 and a broker that tells.",
      }),
      client_id: z.string().min(1).max(255).optional().meta({ description: "Default: made anew for each connection." }),
      clean_start: z
        .literal(true)
        .default(true)
        .meta({ description: "Always: a sink has nothing to be remembered for." }),
      ...endpointFields(z),
    }),
  guarantees: {
    order:
      "Each topic gets the messages in the order of the outbox; one that is sent again comes after those that followed it.",
    duplicates: "A message that is sent again has the same user property dedup_key.",
    acknowledgement:
      "PUBACK (qos 1) or PUBCOMP (qos 2) of the broker; whether that survives its crash is its persistence. A message that no session subscribes to is acknowledged and gone, unless it is retained or require_subscriber is set.",
  },
  limits: { batchMessages: WINDOW, batchBytes: BATCH_BYTES, messageBytes: MESSAGE_BYTES },
  lanes: () => 1,
  subject: ({ topic }) => topic,
  wrapsNative: true,
  async open(config, context) {
    const endpoint = readEndpoint(config, MQTT_SCHEME, context);
    const clientId = config.client_id ?? `pgkeep-${context.pipeline}-${randomBytes(6).toString("hex")}`;
    const session = { clientId, cleanStart: true, expirySeconds: 0, receiveMaximum: WINDOW };
    const connection = await connectMqtt(endpoint, session, context);
    const { qos, retain, topic, require_subscriber: requiresSubscriber } = config;
    const unfit = unfitness(connection.limits, { qos, retain, requiresSubscriber });
    const isOneTopic = !topic.includes("{");
    if (unfit === undefined) return new MqttSink(connection, { endpoint, qos, retain, isOneTopic, requiresSubscriber });
    await connection.close();
    throw new ConnectorFailure("invalid_config", unfit);
  },
});

function unfitness(
  { maximumQos, retainAvailable }: MqttLimits,
  wish: { qos: number; retain: boolean; requiresSubscriber: boolean },
): string | undefined {
  if (wish.requiresSubscriber && wish.qos !== 1) return "require_subscriber needs qos 1";
  if (wish.qos > maximumQos) return `the MQTT broker takes no qos above ${maximumQos}`;
  return wish.retain && !retainAvailable ? "the MQTT broker keeps no retained messages" : undefined;
}

interface Settings {
  endpoint: Endpoint;
  qos: 1 | 2;
  retain: boolean;
  /** All messages have the same topic. */
  isOneTopic: boolean;
  requiresSubscriber: boolean;
}

class MqttSink implements Sink {
  readonly #connection: MqttConnection;
  readonly #settings: Settings;
  readonly #window: number;
  /** Who waits for the answer to which packet. */
  readonly #waiting = new Map<number, Answered>();
  /** Of the last packet. */
  #id = 0;
  /** What waits for answers hears of the connection's end by this. */
  #onLost = () => {};

  constructor(connection: MqttConnection, settings: Settings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#window = Math.min(WINDOW, connection.limits.receiveMaximum);
    connection.onLost(() => this.#onLost());
    connection.client.on("packetreceive", (packet) => this.#take(packet));
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    const lost = this.#connection.lost();
    if (lost) throw lost;
    if (batch.length === 0) return [];
    const { timeoutMs } = this.#settings.endpoint;
    try {
      const answers = await bounded(this.#publish(batch), { timeoutMs, signal, what: "waiting for the MQTT broker" });
      return this.#settled(answers);
    } catch (error) {
      const failure =
        error instanceof ConnectorFailure
          ? error
          : new ConnectorFailure("unknown", `could not publish: ${reasonOf(error)}`);
      this.#connection.drop(failure);
      throw failure;
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** One answer each, as soon as all are there or the connection ends; undefined where none came. */
  #publish(batch: readonly Delivery[]): Promise<readonly (Disposition | undefined)[]> {
    return new Promise((resolve) => {
      const answers: (Disposition | undefined)[] = Array(batch.length).fill(undefined);
      let next = 0;
      let settled = 0;
      let inFlight = 0;
      const settle = (index: number, answer: Disposition | undefined) => {
        answers[index] = answer;
        settled += 1;
        if (settled === batch.length) resolve(answers);
      };
      const fill = () => {
        const packets: Buffer[] = [];
        while (next < batch.length && inFlight < this.#window && !this.#connection.lost()) {
          const index = next++;
          const delivery = batch[index];
          const refusal = delivery ? this.#refusalOf(delivery) : undefined;
          if (!delivery || refusal) {
            settle(index, refusal);
            continue;
          }
          inFlight += 1;
          const answered = (answer: Disposition | undefined) => {
            inFlight -= 1;
            settle(index, answer);
            refill();
          };
          if (this.#settings.qos === 1) packets.push(this.#packetOf(delivery, answered));
          else this.#publishByClient(delivery, answered);
        }
        if (packets.length > 0) this.#connection.write(Buffer.concat(packets));
      };
      let isRefilling = false;
      // Answers come many at a time: what may follow them leaves in one piece.
      const refill = () => {
        if (isRefilling) return;
        isRefilling = true;
        setImmediate(() => {
          isRefilling = false;
          if (next < batch.length) fill();
          else if (inFlight > 0 && !this.#connection.lost()) this.#connection.write(PING);
        });
      };
      this.#onLost = () => {
        this.#waiting.clear();
        resolve(answers);
      };
      fill();
    });
  }

  #packetOf({ subject = "", body, contentType, headers, message }: Delivery, answered: Answered): Buffer {
    this.#id = (this.#id % MAX_PACKET_ID) + 1;
    this.#waiting.set(this.#id, answered);
    return publishPacket({
      topic: subject,
      body: body ?? "",
      id: this.#id,
      isRetained: this.#settings.retain,
      contentType,
      userProperties: [...Object.entries(headers), ["dedup_key", message.dedupKey]],
    });
  }

  /** The answer to a packet of ours. */
  #take({ cmd, messageId, reasonCode = 0 }: Acknowledgement): void {
    if (cmd !== "puback" || messageId === undefined) return;
    const answered = this.#waiting.get(messageId);
    this.#waiting.delete(messageId);
    answered?.(this.#meaningOf(reasonCode));
  }

  #meaningOf(reasonCode: number): Disposition | undefined {
    if (reasonCode >= 128) return this.#answerOf(refusedWith(reasonCode));
    if (reasonCode !== NO_MATCHING_SUBSCRIBERS || !this.#settings.requiresSubscriber) return DELIVERED;
    // A topic that is the same for all messages and leads nowhere is a mistake of the pipeline, not of this message.
    const scope = this.#settings.isOneTopic ? "sink" : "message";
    return { outcome: "reject", class: "invalid_destination", scope, reason: "no session subscribes to this topic" };
  }

  /** qos 2 takes two more packets for each message, which the client knows how to send. */
  #publishByClient({ subject = "", body, message, contentType, headers }: Delivery, answered: Answered): void {
    const { qos, retain } = this.#settings;
    const properties = { contentType, userProperties: { ...headers, dedup_key: message.dedupKey } };
    this.#connection.client.publish(subject, body ?? "", { qos, retain, properties }, (error) => {
      answered(error ? this.#answerOf(error) : DELIVERED);
    });
  }

  #answerOf(error: unknown): Disposition | undefined {
    const given = reasonClassOf(error);
    if (given === undefined) return undefined;
    const outcome = FAILURE_CLASSES[given].isTransient ? "retry" : "reject";
    const scope = ABOUT_THE_MESSAGE.has(given) ? "message" : "sink";
    return { outcome, class: given, scope, reason: `the MQTT broker refused: ${reasonOf(error)}` };
  }

  /** Fills in what the connection's end left without an answer. */
  #settled(answers: readonly (Disposition | undefined)[]): readonly Disposition[] {
    const lost =
      this.#connection.lost() ?? new ConnectorFailure("unavailable", "lost the connection to the MQTT broker");
    const isAboutOne = ABOUT_THE_MESSAGE.has(lost.class);
    const isWhole = isAboutOne && !answers.some((answer) => answer?.outcome === "delivered");
    const rest: Disposition = isWhole
      ? { outcome: "reject", class: lost.class, scope: "message", reason: lost.message }
      : { outcome: "retry", class: lost.class, scope: "sink", reason: lost.message };
    return answers.map((answer) => answer ?? rest);
  }

  #refusalOf({ subject = "", bytes, headers }: Delivery): Disposition | undefined {
    const wrong = wrongTopic(subject);
    if (wrong !== undefined) return rejectMessage("invalid_destination", `the topic ${wrong}`);
    let size = bytes + Buffer.byteLength(subject) + FIXED_BYTES;
    for (const name in headers) {
      const value = headers[name] ?? "";
      const length = Buffer.byteLength(value);
      if (!isCleanText(name) || !isCleanText(value) || length > STRING_BYTES) {
        return rejectMessage(
          "protocol_rejection",
          "a header holds control characters or is too long for a user property",
        );
      }
      size += length + Buffer.byteLength(name) + 5;
    }
    if (bytes <= MESSAGE_BYTES && size <= this.#connection.limits.maximumPacketSize) return undefined;
    return rejectMessage("message_too_large", `the message has ${bytes} bytes`);
  }
}

/** 512 bytes: header of the packet, content type and dedup_key. */
const FIXED_BYTES = 512;

/** Brokers answer other refusals for everybody who signs in as we do. */
const ABOUT_THE_MESSAGE: ReadonlySet<FailureClass> = new Set([
  "invalid_destination",
  "message_too_large",
  "protocol_rejection",
]);

/** A broker ends the connection over such a topic, or takes it for another. */
function wrongTopic(topic: string): string | undefined {
  if (topic === "") return "is empty";
  if (Buffer.byteLength(topic) > STRING_BYTES) return `is longer than ${STRING_BYTES} bytes`;
  if (/[+#]/.test(topic)) return "holds a wildcard";
  if (topic.startsWith("$")) return "begins with $, which is the broker's own";
  if (!isCleanText(topic)) return "holds control characters";
  return topic.split("/").length > TOPIC_LEVELS ? `has more than ${TOPIC_LEVELS} levels` : undefined;
}
