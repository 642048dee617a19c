/**
 * Kafka: a member of a consumer group that commits an offset only after the inbox has what is before it.
 *
 * One batch at a time goes to the inbox, heartbeats going on beside it. What could not be stored is tried again with
 * growing waits, so the order of a partition holds. When the group is rebalanced meanwhile, the batch is let go: an
 * offset that was not committed is read again by whoever has the partition then, and the event's id, made of topic,
 * partition and offset unless the sender gave one, keeps the inbox from storing it twice.
 */
import type * as Kafkajs from "kafkajs";
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import { KAFKA_PACKAGE, type KafkaLink, kafkaConnectionFields, prepareKafka } from "../brokers/kafka.ts";
import type { ConnectorContext } from "../connector.ts";
import { bounded } from "../network.ts";
import { type Deliver, defineSource, type Incoming, type Source } from "./source.ts";

/** 4 MiB handed over at once, whatever `batch_size` says. */
const MAX_BATCH_BYTES = 2 ** 22;
/** 500 ms, doubled to at most 30 s: how soon a batch that could not be stored is tried again. */
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** 500 ms: how long a broker may hold an answer for want of messages; also how soon a stop is noticed. */
const MAX_WAIT_MS = 500;
/** 1.2 s for the group to be told; then the connections are cut. */
const LEAVE_TIMEOUT_MS = 1_200;
const DEDUP_HEADER = "pg_tide_dedup_key";

const config = (z: ZodNamespace) =>
  z.strictObject({
    ...kafkaConnectionFields(z),
    topic: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,249}$/)
      .meta({ description: "The topic to read" }),
    group_id: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .meta({ description: "Consumer group; by default made of relay group and pipeline" }),
    auto_offset_reset: z
      .enum(["earliest", "latest"])
      .default("earliest")
      .meta({ description: "Where a group without an offset begins" }),
    batch_size: z.int().min(1).max(1_000).default(200).meta({ description: "Most events stored in one transaction" }),
    session_timeout_ms: z.int().min(1_000).max(300_000).default(30_000).meta({
      description:
        "After how long without a sign of life the group gives partitions to others; brokers refuse less than 6 s unless told otherwise",
    }),
    tls: z.boolean().optional().meta({ description: "false stands for security_protocol plaintext or sasl_plaintext" }),
    event_id: z
      .enum(["auto", "offset", "format"])
      .default("auto")
      .meta({
        description: `auto: header ${DEDUP_HEADER}, else topic, partition, offset; format: the wire format's own`,
      }),
  });

type Config = Zod.output<ReturnType<typeof config>>;

export default defineSource({
  type: "kafka",
  summary: "Apache Kafka: reads a topic as a member of a consumer group",
  config,
  package: KAFKA_PACKAGE,
  guarantees: {
    order: "In order per partition, also when the inbox was away for a while.",
    duplicates: `The event's id is the header ${DEDUP_HEADER}, else topic, partition and offset, and is the same whenever it is read again.`,
    acknowledgement: "The offset is committed after the inbox has committed the events before it.",
  },
  async open(given: Config, context: ConnectorContext): Promise<Source> {
    const config = withTlsField(given);
    const { link: newLink } = await prepareKafka(config, context);
    const link = newLink();
    const source = new KafkaSource(link, config, context);
    try {
      await bounded(Promise.race([source.connect(), link.hopeless]), {
        timeoutMs: config.request_timeout_ms,
        signal: context.signal,
        what: "connecting",
      });
      return source;
    } catch (error) {
      link.cut();
      throw link.failure(error, "could not open");
    }
  },
});

/** The older `tls` field in terms of `security_protocol`. */
function withTlsField(config: Config): Config {
  if (config.tls === undefined || config.security_protocol !== undefined) return config;
  const sasl = config.sasl_username === undefined ? "" : "sasl_";
  return { ...config, security_protocol: `${sasl}${config.tls ? "ssl" : "plaintext"}` };
}

class KafkaSource implements Source {
  readonly #link: KafkaLink;
  readonly #config: Config;
  readonly #context: ConnectorContext;
  readonly #consumer: Kafkajs.Consumer;
  #isClosed = false;
  #leaving: Promise<void> | undefined;
  /** Ends `run`. */
  #end: (failure?: unknown) => void = () => {};

  constructor(link: KafkaLink, config: Config, context: ConnectorContext) {
    this.#link = link;
    this.#config = config;
    this.#context = context;
    this.#consumer = link.kafka.consumer({
      groupId: config.group_id ?? `pgkeep-${context.group}-${context.pipeline}`,
      sessionTimeout: config.session_timeout_ms,
      heartbeatInterval: Math.floor(config.session_timeout_ms / 10),
      maxWaitTimeInMs: MAX_WAIT_MS,
      allowAutoTopicCreation: false,
      readUncommitted: false,
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  /** Connects, and looks whether the topic is there. */
  async connect(): Promise<void> {
    const admin = this.#link.kafka.admin();
    await admin.connect();
    await admin.fetchTopicMetadata({ topics: [this.#config.topic] });
    await admin.disconnect();
    await this.#consumer.connect();
    await this.#consumer.subscribe({
      topics: [this.#config.topic],
      fromBeginning: this.#config.auto_offset_reset === "earliest",
    });
  }

  async run(deliver: Deliver): Promise<void> {
    const { signal } = this.#context;
    const ended = new Promise<unknown>((resolve) => {
      this.#end = resolve;
    });
    const stop = () => this.#end();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted || this.#isClosed) stop();
    this.#consumer.on(this.#consumer.events.CRASH, ({ payload }) => this.#end(payload.error));
    this.#link.hopeless.catch((error: unknown) => this.#end(error));
    try {
      const starting = this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => this.#store(payload, deliver),
      });
      starting.catch((error: unknown) => this.#end(error));
      const failure = await ended;
      if (failure !== undefined && !this.#isOver()) throw this.#link.failure(failure, "could not read");
    } finally {
      signal.removeEventListener("abort", stop);
      await this.#leave();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end();
    await this.#leave();
  }

  /** Leaves the group in bounded time, then cuts what is left. */
  #leave(): Promise<void> {
    const signal = new AbortController().signal;
    const limits = { timeoutMs: LEAVE_TIMEOUT_MS, signal, what: "leaving the group" };
    this.#leaving ??= bounded(this.#consumer.disconnect(), limits)
      .catch(() => {})
      .finally(this.#link.cut);
    return this.#leaving;
  }

  #isOver(): boolean {
    return this.#isClosed || this.#context.signal.aborted;
  }

  /** Stores what the client fetched, part by part, committing after each. */
  async #store(payload: Kafkajs.EachBatchPayload, deliver: Deliver): Promise<void> {
    const { batch, isRunning, isStale } = payload;
    for (const part of this.#parts(batch.messages)) {
      if (this.#isOver() || !isRunning() || isStale()) return;
      const events = part.map((message) => this.#incoming(batch, message));
      if (!(await this.#storePart(payload, deliver, events))) return;
      const last = part.at(-1)?.offset ?? batch.lastOffset();
      payload.resolveOffset(last);
      await payload.commitOffsetsIfNecessary({
        topics: [
          { topic: batch.topic, partitions: [{ partition: batch.partition, offset: (BigInt(last) + 1n).toString() }] },
        ],
      });
    }
  }

  /** Resolves with whether the events are stored. Rejects when the group moves on without us. */
  async #storePart(
    { heartbeat }: Kafkajs.EachBatchPayload,
    deliver: Deliver,
    events: readonly Incoming[],
  ): Promise<boolean> {
    for (let attempt = 0; !this.#isOver(); attempt++) {
      const storing = deliver(events, this.#context.signal).then(
        () => true,
        // The engine knows why; here it only matters that nothing was stored.
        () => false,
      );
      if (await this.#besideHeartbeats(heartbeat, storing)) return true;
      await this.#besideHeartbeats(heartbeat, this.#pause(Math.min(FIRST_RETRY_MS * 2 ** attempt, MAX_RETRY_MS)));
    }
    return false;
  }

  /** Waits for `work` to end. A lost membership is reported after it: what was stored then is committed by nobody. */
  async #besideHeartbeats<T>(heartbeat: () => Promise<void>, work: Promise<T>): Promise<T> {
    let lost: unknown;
    const beat = () =>
      heartbeat().catch((error: unknown) => {
        lost ??= error;
      });
    const timer = setInterval(beat, this.#config.session_timeout_ms / 10);
    try {
      const result = await work;
      if (lost !== undefined) throw lost;
      return result;
    } finally {
      clearInterval(timer);
    }
  }

  /** Waits, but not after the end. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#context;
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal.addEventListener("abort", finish, { once: true });
      if (this.#isOver()) finish();
    });
  }

  *#parts(messages: readonly Kafkajs.KafkaMessage[]): Generator<readonly Kafkajs.KafkaMessage[]> {
    let part: Kafkajs.KafkaMessage[] = [];
    let bytes = 0;
    for (const message of messages) {
      const size = message.value?.length ?? 0;
      if (part.length > 0 && (part.length >= this.#config.batch_size || bytes + size > MAX_BATCH_BYTES)) {
        yield part;
        part = [];
        bytes = 0;
      }
      part.push(message);
      bytes += size;
    }
    if (part.length > 0) yield part;
  }

  #incoming({ topic, partition }: Kafkajs.Batch, message: Kafkajs.KafkaMessage): Incoming {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(message.headers ?? {})) {
      const last = Array.isArray(value) ? value.at(-1) : value;
      if (last !== undefined) headers[name.toLowerCase()] = last.toString("utf8");
    }
    return {
      body: message.value ?? Buffer.alloc(0),
      eventId: this.#eventId(`${topic}:${partition}:${message.offset}`, headers[DEDUP_HEADER]),
      subject: topic,
      headers,
    };
  }

  #eventId(position: string, sent: string | undefined): string | undefined {
    const { event_id: rule } = this.#config;
    if (rule === "format") return undefined;
    return rule === "auto" && sent ? sent : position;
  }
}
