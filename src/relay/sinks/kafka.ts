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
import type * as Kafkajs from "kafkajs";
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import {
  KAFKA_PACKAGE,
  type KafkaClient,
  type KafkaLink,
  kafkaConnectionFields,
  prepareKafka,
} from "../brokers/kafka.ts";
import { bounded } from "../brokers/network.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition } from "../message.ts";
import { defineSink, type Sink } from "./sink.ts";

/** 1 MiB: what brokers take unless they are told otherwise. */
const MAX_MESSAGE_BYTES = 2 ** 20;
/** Brokers' own default of max.message.bytes, which limits a record batch; used where a topic's may not be read. */
const DEFAULT_BATCH_BYTES = 1_048_588;
/** The frame of a record batch, and of a record with its varints. Source: Kafka documentation, "Message Format". */
const BATCH_FRAME_BYTES = 61;
const RECORD_FRAME_BYTES = 32;
const HEADER_FRAME_BYTES = 10;
/** 1.5 s for a client to say goodbye. */
const CLOSE_TIMEOUT_MS = 1_500;
/** 1,000 topics: a template of many topics must not fill the memory. */
const MAX_KNOWN_TOPICS = 1_000;
/** 5 min: how long what is known about a topic holds; a smaller limit is then found by a refusal. */
const TOPIC_TTL_MS = 300_000;

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
      message_key: z.enum(["auto", "format", "order_key", "dedup_key"]).default("auto").meta({
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
      throw new ConnectorFailure("invalid_config", '"topic" must be letters, digits, ".", "_" and "-", at most 249');
    }
    const { client, link } = await prepareKafka(config, context);
    const sink = new KafkaSink(client, link, config, context);
    try {
      await sink.prove();
      return sink;
    } catch (error) {
      await sink.close();
      throw error;
    }
  },
});

/** A producer, or what asks about topics, with connections of its own, so that it can be cut off alone. */
interface Linked<Client extends Kafkajs.Producer | Kafkajs.Admin> {
  link: KafkaLink;
  client: Client;
}

/** What can be sent, with the place of its disposition. */
interface Prepared {
  index: number;
  record: Kafkajs.Message;
  bytes: number;
}

class KafkaSink implements Sink {
  readonly #client: KafkaClient;
  readonly #newLink: () => KafkaLink;
  readonly #config: Config;
  readonly #context: ConnectorContext;
  readonly #topics = new Map<string, { batchBytes: number; atMs: number }>();
  #producing: Promise<Linked<Kafkajs.Producer>> | undefined;
  #asking: Promise<Linked<Kafkajs.Admin>> | undefined;
  /** The end of the last call; calls of an idempotent producer run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(client: KafkaClient, newLink: () => KafkaLink, config: Config, context: ConnectorContext) {
    this.#client = client;
    this.#newLink = newLink;
    this.#config = config;
    this.#context = context;
  }

  /** Connects, gets a producer id, and looks at a fixed topic. Throws ConnectorFailure. */
  async prove(): Promise<void> {
    const { signal } = this.#context;
    await this.#producer(signal);
    const { topic } = this.#config;
    if (topic === undefined) return;
    const refusal = await this.#lookUp(topic, signal);
    if (refusal) throw new ConnectorFailure(refusal.class, refusal.reason);
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
    const [producing, asking] = [this.#producing, this.#asking];
    this.#producing = undefined;
    this.#asking = undefined;
    await Promise.all([leave(producing), leave(asking)]);
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
      trouble ??= await this.#sendTopic(topic, prepared, dispositions, signal);
      if (trouble) for (const { index } of prepared) dispositions[index] ??= trouble;
    }
    return dispositions.map((disposition) => disposition ?? retry("unknown", "was not sent"));
  }

  /** Fills in dispositions of one topic's messages; returns what is wrong with the cluster as a whole, if anything. */
  async #sendTopic(
    topic: string,
    prepared: readonly Prepared[],
    dispositions: (Disposition | undefined)[],
    signal: AbortSignal,
  ): Promise<Disposition | undefined> {
    const refusal = await this.#lookUp(topic, signal);
    if (refusal) return this.#refuseAll(refusal, prepared, dispositions);
    const batchBytes = this.#topics.get(topic)?.batchBytes ?? DEFAULT_BATCH_BYTES;
    for (const { index, bytes } of prepared) {
      if (bytes + BATCH_FRAME_BYTES <= batchBytes) continue;
      dispositions[index] = reject("message_too_large", `${bytes} bytes; the topic takes ${batchBytes}`);
    }
    const fitting = prepared.filter(({ index }) => dispositions[index] === undefined);
    const waiting = chunks(fitting, batchBytes - BATCH_FRAME_BYTES);
    for (let chunk = waiting.shift(); chunk; chunk = waiting.shift()) {
      const failure = await this.#publish(topic, chunk, signal);
      if (failure === undefined) {
        for (const { index } of chunk) dispositions[index] = DELIVERED;
      } else if (chunk.length > 1 && OF_ONE_MESSAGE.has(failure.class)) {
        // Somewhere in it is one that is refused: it shall not take the others along.
        waiting.unshift(chunk.slice(0, chunk.length >> 1), chunk.slice(chunk.length >> 1));
      } else {
        const trouble = this.#refuseAll(this.#dispositionOf(failure), chunk, dispositions);
        if (failure.class === "invalid_destination" || failure.class === "authorization") this.#topics.delete(topic);
        if (trouble || !OF_ONE_MESSAGE.has(failure.class)) {
          for (const { index } of fitting) dispositions[index] ??= this.#dispositionOf(failure);
          return trouble;
        }
      }
    }
    return undefined;
  }

  #refuseAll(
    disposition: Refused,
    prepared: readonly Prepared[],
    dispositions: (Disposition | undefined)[],
  ): Disposition | undefined {
    for (const { index } of prepared) dispositions[index] = disposition;
    return disposition.scope === "sink" ? disposition : undefined;
  }

  /** One call for one record batch per partition. Returns the failure; after one the producer is not used again. */
  async #publish(
    topic: string,
    chunk: readonly Prepared[],
    signal: AbortSignal,
  ): Promise<ConnectorFailure | undefined> {
    const { acks, compression } = this.#config;
    const { CompressionTypes } = this.#client;
    const mine = this.#producer(signal);
    try {
      const producing = await mine;
      const send = () =>
        producing.client.send({
          topic,
          messages: chunk.map(({ record }) => record),
          acks: acks === "all" ? -1 : 1,
          timeout: this.#config.request_timeout_ms,
          compression: compression === "gzip" ? CompressionTypes.GZIP : CompressionTypes.None,
        });
      await this.#bounded("sending", signal, producing.link, send);
      return undefined;
    } catch (error) {
      void leave(mine);
      if (this.#producing === mine) this.#producing = undefined;
      if (error instanceof ConnectorFailure) return error;
      throw error;
    }
  }

  /** `work` over `link`, within the time of a call. Throws ConnectorFailure. */
  async #bounded<T>(what: string, signal: AbortSignal, link: KafkaLink, work: () => Promise<T>): Promise<T> {
    const { request_timeout_ms: timeoutMs } = this.#config;
    try {
      return await bounded(Promise.race([work(), link.hopeless]), { timeoutMs, signal, what });
    } catch (error) {
      if (error instanceof ConnectorFailure) link.cut();
      throw link.failure(error, what);
    }
  }

  #producer(signal: AbortSignal): Promise<Linked<Kafkajs.Producer>> {
    this.#producing ??= this.#connect(signal, ({ kafka }) =>
      kafka.producer({
        idempotent: this.#config.idempotent,
        allowAutoTopicCreation: false,
        createPartitioner: this.#client.Partitioners.DefaultPartitioner,
      }),
    );
    return this.#producing;
  }

  async #connect<C extends Kafkajs.Producer | Kafkajs.Admin>(
    signal: AbortSignal,
    make: (link: KafkaLink) => C,
  ): Promise<Linked<C>> {
    const link = this.#newLink();
    const client = make(link);
    try {
      await this.#bounded("connecting", signal, link, () => client.connect());
    } catch (error) {
      link.cut();
      throw error;
    }
    if (this.#isClosed) link.cut();
    return { link, client };
  }

  /** Asks about a topic. A link that failed is not used again. Throws ConnectorFailure. */
  async #ask<T>(signal: AbortSignal, question: (admin: Kafkajs.Admin) => Promise<T>): Promise<T> {
    this.#asking ??= this.#connect(signal, ({ kafka }) => kafka.admin());
    const mine = this.#asking;
    try {
      const { link, client } = await mine;
      return await this.#bounded("looking at the topic", signal, link, () => question(client));
    } catch (error) {
      const isAnswer = error instanceof ConnectorFailure && !error.isTransient;
      if (!isAnswer && this.#asking === mine) {
        this.#asking = undefined;
        void leave(mine);
      }
      throw error;
    }
  }

  /** Learns what a topic takes; returns why there is nothing to send to it. */
  async #lookUp(topic: string, signal: AbortSignal): Promise<Refused | undefined> {
    const nowMs = this.#context.clock.monotonicMs();
    const known = this.#topics.get(topic);
    if (known && nowMs - known.atMs < TOPIC_TTL_MS) return undefined;
    try {
      await this.#ask(signal, (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
      const batchBytes = await this.#batchBytesOf(topic, signal);
      if (this.#topics.size >= MAX_KNOWN_TOPICS) this.#topics.clear();
      this.#topics.set(topic, { batchBytes, atMs: nowMs });
      return undefined;
    } catch (error) {
      if (error instanceof ConnectorFailure) return this.#dispositionOf(error);
      throw error;
    }
  }

  /** The topic's max.message.bytes, where it may be read. */
  async #batchBytesOf(topic: string, signal: AbortSignal): Promise<number> {
    const resource = {
      type: this.#client.ConfigResourceTypes.TOPIC,
      name: topic,
      configNames: ["max.message.bytes"],
    };
    try {
      const answer = await this.#ask(signal, (admin) =>
        admin.describeConfigs({ includeSynonyms: false, resources: [resource] }),
      );
      const value = Number(answer.resources[0]?.configEntries[0]?.configValue);
      return Number.isSafeInteger(value) && value > 0 ? value : DEFAULT_BATCH_BYTES;
    } catch (error) {
      // The user may not, or the cluster has no controller to ask just now: what is too large will be refused one by one.
      if (error instanceof ConnectorFailure) return DEFAULT_BATCH_BYTES;
      throw error;
    }
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

  #prepare(delivery: Delivery, index: number): Prepared | Disposition {
    const { message, subject, body } = delivery;
    if (subject === undefined || !isTopic(subject)) {
      return reject("invalid_destination", 'the topic must be letters, digits, ".", "_" and "-", at most 249');
    }
    if (delivery.bytes > MAX_MESSAGE_BYTES) {
      return reject("message_too_large", `${delivery.bytes} bytes; at most ${MAX_MESSAGE_BYTES} are sent`);
    }
    const headers = {
      ...this.#config.headers,
      ...delivery.headers,
      "content-type": delivery.contentType,
      pg_tide_outbox: message.outbox,
      pg_tide_op: message.op,
      pg_tide_dedup_key: message.dedupKey,
    };
    const key = this.#keyOf(delivery);
    let bytes = delivery.bytes + Buffer.byteLength(key) + RECORD_FRAME_BYTES;
    for (const [name, value] of Object.entries(headers)) {
      bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + HEADER_FRAME_BYTES;
    }
    return { index, record: { key, value: body, headers }, bytes };
  }

  #keyOf({ key, orderKey, message }: Delivery): string {
    switch (this.#config.message_key) {
      case "format":
        return key;
      case "order_key":
        return orderKey;
      case "dedup_key":
        return message.dedupKey;
      case "auto":
        // A key that nobody chose would tear what belongs together into several partitions.
        return key === message.dedupKey && orderKey !== "" ? orderKey : key;
    }
  }
}

type Refused = Exclude<Disposition, { outcome: "delivered" }>;

/** What one message can be guilty of; in a batch the guilty one is searched. */
const OF_ONE_MESSAGE: ReadonlySet<FailureClass> = new Set(["message_too_large", "protocol_rejection"]);

/** Says goodbye in bounded time, then cuts what is left. */
async function leave(linked: Promise<Linked<Kafkajs.Producer | Kafkajs.Admin>> | undefined): Promise<void> {
  try {
    if (linked === undefined) return;
    const { link, client } = await linked;
    const signal = new AbortController().signal;
    const goodbye = bounded(client.disconnect(), { timeoutMs: CLOSE_TIMEOUT_MS, signal, what: "closing" });
    await goodbye.catch(() => {}).finally(link.cut);
  } catch {
    // It never connected, and cut its link itself.
  }
}

/** Kafka's rule, and no topics of Kafka's own. */
function isTopic(topic: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(topic) && topic !== "." && topic !== ".." && !topic.startsWith("__");
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

function retry(failureClass: FailureClass, reason: string): Disposition {
  return { outcome: "retry", class: failureClass, scope: "sink", reason };
}

function reject(failureClass: FailureClass, reason: string): Disposition {
  return { outcome: "reject", class: failureClass, scope: "message", reason };
}
