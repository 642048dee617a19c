/**
 * Kafka: delivered when all replicas in sync have a message.
 *
 * One call sends per topic, so that a topic that refuses touches its own messages only, in record batches that stay
 * below what the topic takes. The producer is idempotent: what the client sends again by itself is stored once. Its
 * sequence numbers are worth nothing after a call that failed, because nobody knows which part of it was stored; a
 * later batch could then pass for a repeat and be dropped without a word. So calls run one at a time, and after any
 * failure the producer is thrown away and the next call gets a new one.
 *
 * Every message has a key, which fixes its partition: a repeat with another partition would not be known as one.
 */
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import { KAFKA_PACKAGE, kafkaConnectionFields, prepareKafka } from "../brokers/kafka.ts";
import { KafkaCalls } from "../brokers/kafka-calls.ts";
import {
  BATCH_FRAME_BYTES,
  isTopic,
  type KafkaRecord,
  MESSAGE_KEYS,
  recordBytes,
  recordOf,
  TOPIC_RULE,
} from "../brokers/kafka-record.ts";
import { KafkaTopics } from "../brokers/kafka-topics.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition, rejectMessage, retryBySink } from "../message.ts";
import { defineSink, proved, type Sink } from "./sink.ts";

/** 1 MiB: what brokers take unless they are told otherwise. */
const MAX_MESSAGE_BYTES = 2 ** 20;

const config = (z: ZodNamespace) =>
  z
    .strictObject({
      ...kafkaConnectionFields(z),
      topic: z.string().min(1).optional().meta({ description: "Topic of every message" }),
      topic_template: z
        .string()
        .min(1)
        .optional()
        .meta({ description: "Topic as a template, {stream_table} when neither is given" }),
      message_key: z.enum(MESSAGE_KEYS).default("auto").meta({
        description:
          "Key of a message, so its partition. auto: the one that the event or its wire format brings, else the pipeline's order key, else the dedup key",
      }),
      headers: z
        .record(z.string().regex(/^[!-~]{1,255}$/), z.string().max(8_192))
        .optional()
        .meta({ description: "Headers of every message" }),
      compression: z.enum(["none", "gzip"]).default("none").meta({ description: "Compression of record batches" }),
      acks: z.enum(["all", "1"]).default("all").meta({
        description: "Who must have a message: all replicas in sync, or their leader alone, which may lose it",
      }),
      idempotent: z
        .boolean()
        .default(true)
        .meta({ description: "What the client repeats is stored once; needs acks all" }),
      linger_ms: z
        .int()
        .min(0)
        .max(60_000)
        .default(10)
        .meta({ description: "Accepted and without effect: the relay's pages are the batches" }),
    })
    .refine(({ topic, topic_template: template }) => topic === undefined || template === undefined, {
      message: "give topic or topic_template, not both",
    })
    .refine(({ acks, idempotent }) => acks === "all" || !idempotent, { message: "idempotent needs acks all" });

type Config = Zod.output<ReturnType<typeof config>>;

export default defineSink({
  type: "kafka",
  summary: "Apache Kafka: one record per event, acknowledged by all replicas in sync",
  config,
  package: KAFKA_PACKAGE,
  guarantees: {
    order: "In order per partition, so per key of the message.",
    duplicates:
      "What the client repeats is stored once; what the relay sends again carries the same pg_tide_dedup_key.",
    acknowledgement: "The leader's answer after all replicas in sync have the record batch.",
  },
  limits: { batchMessages: 500, batchBytes: 2 ** 24, messageBytes: MAX_MESSAGE_BYTES },
  lanes: ({ idempotent }) => (idempotent ? 1 : 4),
  subject: ({ topic, topic_template: template }) => topic ?? template ?? "{stream_table}",
  wrapsNative: false,
  async open(config: Config, context: ConnectorContext): Promise<Sink> {
    const { topic } = config;
    if (topic !== undefined && !isTopic(topic)) {
      throw new ConnectorFailure("invalid_config", `"topic" ${TOPIC_RULE}`);
    }
    const { client, link } = await prepareKafka(config, context);
    const { idempotent, compression, request_timeout_ms: timeoutMs } = config;
    const calls = new KafkaCalls({ client, link, idempotent, compression, timeoutMs });
    return await proved(new KafkaSink(calls, config, context));
  },
});

/** What can be sent, with the place of its disposition. */
interface Prepared {
  index: number;
  record: KafkaRecord;
  bytes: number;
}

/** What one `send` has for one topic, and where the answers go. */
interface TopicPart {
  topic: string;
  prepared: readonly Prepared[];
  dispositions: (Disposition | undefined)[];
  signal: AbortSignal;
}

class KafkaSink implements Sink {
  readonly #calls: KafkaCalls;
  readonly #topics: KafkaTopics;
  readonly #config: Config;
  readonly #context: ConnectorContext;
  /** The end of the last call; calls of an idempotent producer run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(calls: KafkaCalls, config: Config, context: ConnectorContext) {
    this.#calls = calls;
    this.#topics = new KafkaTopics(calls, context.clock);
    this.#config = config;
    this.#context = context;
  }

  /** Connects, gets a producer id, and looks at a fixed topic. Throws ConnectorFailure. */
  async prove(): Promise<void> {
    const { signal } = this.#context;
    await this.#calls.connectProducer(signal);
    const { topic } = this.#config;
    if (topic !== undefined) await this.#topics.batchBytesOf(topic, signal);
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    if (this.#isClosed) throw new ConnectorFailure("unavailable", "the sink was closed");
    const mine = this.#config.idempotent ? this.#turn.then(() => this.#sendAll(batch, signal)) : undefined;
    const work = mine ?? this.#sendAll(batch, signal);
    this.#turn = work.catch(() => {});
    return work;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#calls.close();
  }

  async #sendAll(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    const dispositions: (Disposition | undefined)[] = new Array(batch.length).fill(undefined);
    const byTopic = new Map<string, Prepared[]>();
    for (const [index, delivery] of batch.entries()) {
      const topic = delivery.subject ?? "";
      const prepared = this.#prepare(delivery, index);
      if ("outcome" in prepared) dispositions[index] = prepared;
      else if (byTopic.get(topic)?.push(prepared) === undefined) byTopic.set(topic, [prepared]);
    }
    let trouble: Disposition | undefined;
    for (const [topic, prepared] of byTopic) {
      trouble ??= await this.#sendTopic({ topic, prepared, dispositions, signal });
      if (trouble) for (const { index } of prepared) dispositions[index] ??= trouble;
    }
    return dispositions.map((disposition) => disposition ?? retryBySink("unknown", "was not sent"));
  }

  #prepare(delivery: Delivery, index: number): Prepared | Disposition {
    if (delivery.subject === undefined || !isTopic(delivery.subject)) {
      return rejectMessage("invalid_destination", `the topic ${TOPIC_RULE}`);
    }
    if (delivery.bytes > MAX_MESSAGE_BYTES) {
      return rejectMessage("message_too_large", `${delivery.bytes} bytes; at most ${MAX_MESSAGE_BYTES} are sent`);
    }
    const record = recordOf(delivery, this.#config);
    return { index, record, bytes: recordBytes(record, delivery.bytes) };
  }

  /** Fills in dispositions of one topic's messages; returns what is wrong with the cluster as a whole, if anything. */
  async #sendTopic(part: TopicPart): Promise<Disposition | undefined> {
    const { topic, prepared, dispositions, signal } = part;
    const batchBytes = await failureOrValue(this.#topics.batchBytesOf(topic, signal));
    if (batchBytes instanceof ConnectorFailure)
      return refuseAll(this.#dispositionOf(batchBytes), prepared, dispositions);
    for (const { index, bytes } of prepared) {
      if (bytes + BATCH_FRAME_BYTES <= batchBytes) continue;
      dispositions[index] = rejectMessage("message_too_large", `${bytes} bytes; the topic takes ${batchBytes}`);
    }
    const fitting = prepared.filter(({ index }) => dispositions[index] === undefined);
    return await this.#sendChunks({ ...part, prepared: fitting }, batchBytes - BATCH_FRAME_BYTES);
  }

  /** Sends what fits, as record batches of at most `most` bytes. Returns as `#sendTopic` does. */
  async #sendChunks(part: TopicPart, most: number): Promise<Disposition | undefined> {
    const { topic, prepared, dispositions, signal } = part;
    const waiting = chunks(prepared, most);
    for (let chunk = waiting.shift(); chunk; chunk = waiting.shift()) {
      const failure = await this.#publish(topic, chunk, signal);
      if (failure === undefined) {
        for (const { index } of chunk) dispositions[index] = DELIVERED;
      } else if (chunk.length > 1 && OF_ONE_MESSAGE.has(failure.class)) {
        // Somewhere in it is one that is refused: it shall not take the others along.
        waiting.unshift(chunk.slice(0, chunk.length >> 1), chunk.slice(chunk.length >> 1));
      } else {
        const refused = this.#dispositionOf(failure);
        const trouble = refuseAll(refused, chunk, dispositions);
        if (failure.class === "invalid_destination" || failure.class === "authorization") this.#topics.forget(topic);
        if (trouble || !OF_ONE_MESSAGE.has(failure.class)) {
          for (const { index } of prepared) dispositions[index] ??= refused;
          return trouble;
        }
      }
    }
    return undefined;
  }

  /** One call for one record batch per partition. Returns the failure. */
  #publish(topic: string, chunk: readonly Prepared[], signal: AbortSignal): Promise<ConnectorFailure | undefined> {
    const { acks, request_timeout_ms: timeout } = this.#config;
    const messages = chunk.map(({ record }) => record);
    const sending = this.#calls.produce({ topic, messages, acks: acks === "all" ? -1 : 1, timeout }, signal);
    return failureOrValue(sending);
  }

  /** A refusal of the topic is everybody's when all messages share it. */
  #dispositionOf({ class: failureClass, isTransient, message, retryAfterMs }: ConnectorFailure): Refused {
    const isOfTopic = failureClass === "invalid_destination" || failureClass === "authorization";
    const isOfMessage = OF_ONE_MESSAGE.has(failureClass) || (isOfTopic && this.#config.topic === undefined);
    return {
      outcome: isTransient ? "retry" : "reject",
      class: failureClass,
      scope: isOfMessage ? "message" : "sink",
      reason: message,
      retryAfterMs,
    };
  }
}

type Refused = Exclude<Disposition, { outcome: "delivered" }>;

/** What one message can be guilty of; in a batch the guilty one is searched. */
const OF_ONE_MESSAGE: ReadonlySet<FailureClass> = new Set(["message_too_large", "protocol_rejection"]);

/** Returns what is wrong with the cluster as a whole, if it is that. */
function refuseAll(
  disposition: Refused,
  prepared: readonly Prepared[],
  dispositions: TopicPart["dispositions"],
): Disposition | undefined {
  for (const { index } of prepared) dispositions[index] = disposition;
  return disposition.scope === "sink" ? disposition : undefined;
}

/** The value of `work`, or the failure it rejects with. Any other error is a bug and goes on. */
async function failureOrValue<T>(work: Promise<T>): Promise<T | ConnectorFailure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ConnectorFailure) return error;
    throw error;
  }
}

/** Messages in order, in parts whose bytes stay below `most`. */
function chunks(prepared: readonly Prepared[], most: number): Prepared[][] {
  const parts: Prepared[][] = [];
  let room = 0;
  for (const one of prepared) {
    if (one.bytes > room) {
      parts.push([]);
      room = most;
    }
    parts.at(-1)?.push(one);
    room -= one.bytes;
  }
  return parts;
}
