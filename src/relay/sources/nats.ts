/**
 * NATS JetStream: a durable pull consumer whose messages are acknowledged one by one after the inbox has them.
 *
 * The consumer is the position: it lives on the server under a name made of group and pipeline, so whichever relay owns
 * the pipeline goes on with it. Messages wait in a bounded queue; the server is told now and then that they are still
 * being worked on, so that a slow database causes no repeats. A batch that could not be stored is kept and tried again
 * with growing waits, and at the end everything unfinished is given back at once.
 */
import { createHash } from "node:crypto";
import type * as Jetstream from "@nats-io/jetstream";
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import { connectNats, JETSTREAM_PACKAGE, NATS_PACKAGE, type NatsClient, natsFailure } from "../brokers/nats.ts";
import { natsConnectionFields } from "../brokers/nats-settings.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { bounded, loadClient } from "../network.ts";
import { type Deliver, defineSource, type Incoming, type Source } from "./source.ts";

/** 4 MiB handed over at once, whatever `batch_size` says. */
const MAX_BATCH_BYTES = 2 ** 22;
/** 5 s: how long an answer of the JetStream API may take. */
const API_TIMEOUT_MS = 5_000;
/** 500 ms, doubled to at most 30 s: how soon a batch that could not be stored is tried again. */
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** 500 ms for acknowledgements to leave before the connection is closed. */
const FLUSH_TIMEOUT_MS = 500;
/** 1 s between the server's signs of life while there is nothing to read; the client gives up after two were missed. */
const HEARTBEAT_MS = 1_000;
/** Characters: longer names of consumers are cut and told apart by a hash. */
const MAX_NAME_LENGTH = 100;

const fields = (z: ZodNamespace) =>
  z.strictObject({
    ...natsConnectionFields(z),
    stream: z
      .string()
      .regex(/^[^\s.*>/\\]{1,255}$/)
      .optional()
      .meta({ description: "The stream to read; by default the one that holds the subject" }),
    subject: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "Only messages of this subject; * and > stand for tokens" }),
    durable_name: z
      .string()
      .regex(/^[^\s.*>/\\]{1,255}$/)
      .optional()
      .meta({ description: "Name of the durable consumer; by default made of relay group and pipeline" }),
    ack_wait_secs: z
      .int()
      .min(1)
      .max(3_600)
      .default(30)
      .meta({ description: "After how long the server gives a message that nobody works on to the next reader" }),
    batch_size: z.int().min(1).max(1_000).default(200).meta({ description: "Most events stored in one transaction" }),
    deliver_policy: z.enum(["all", "new"]).default("all").meta({
      description: "Where a consumer that is made anew begins: with the stream or with what arrives from now on",
    }),
    event_id: z
      .enum(["auto", "sequence", "format"])
      .default("auto")
      .meta({ description: "auto: Nats-Msg-Id, else stream and sequence; format: the wire format's own id" }),
  });

const config = (z: ZodNamespace) =>
  fields(z).refine(
    ({ stream, subject }) => stream !== undefined || subject !== undefined,
    'needs either "stream" or "subject"',
  );

type Config = Zod.output<ReturnType<typeof config>>;

export default defineSource({
  type: "nats",
  summary: "NATS JetStream: reads a stream with a durable pull consumer",
  config,
  package: [NATS_PACKAGE, JETSTREAM_PACKAGE],
  guarantees: {
    order: "In the stream's order; what is given again after a failure comes later.",
    duplicates:
      "The event's id is Nats-Msg-Id, else stream and sequence, and is the same whenever a message comes again.",
    acknowledgement: "Each message is acknowledged after the inbox has committed it.",
  },
  async open(config: Config, context: ConnectorContext): Promise<Source> {
    const jetstream = await loadClient(JETSTREAM_PACKAGE, () => import("@nats-io/jetstream"));
    const client = await connectNats(config, context);
    try {
      const consumer = await bounded(openConsumer(jetstream, client.connection, { config, context }), {
        timeoutMs: API_TIMEOUT_MS,
        signal: context.signal,
        what: "opening the consumer",
      });
      return new NatsSource({ client, consumer, config, context });
    } catch (error) {
      await client.close();
      throw streamFailure(error);
    }
  },
});

interface SourceParts {
  client: NatsClient;
  consumer: Jetstream.Consumer;
  config: Config;
  context: ConnectorContext;
}

/** The durable consumer, made when it is not there. One that somebody else made is used when it can be. */
async function openConsumer(
  jetstream: typeof Jetstream,
  connection: NatsClient["connection"],
  { config, context }: Pick<SourceParts, "config" | "context">,
): Promise<Jetstream.Consumer> {
  const manager = await jetstream.jetstreamManager(connection, { timeout: API_TIMEOUT_MS, checkAPI: false });
  const name = config.durable_name ?? durableName(context);
  const stream = config.stream ?? (await streamOf(manager, config.subject ?? ""));
  const known = await manager.consumers.info(stream, name).catch((error: unknown) => {
    if (statusOf(error) === 404) return undefined;
    throw error;
  });
  if (known === undefined) {
    await manager.consumers.add(stream, {
      durable_name: name,
      ack_policy: jetstream.AckPolicy.Explicit,
      ack_wait: config.ack_wait_secs * 1e9,
      deliver_policy: config.deliver_policy === "new" ? jetstream.DeliverPolicy.New : jetstream.DeliverPolicy.All,
      max_ack_pending: Math.max(1_000, 4 * config.batch_size),
      ...(config.subject === undefined ? {} : { filter_subject: config.subject }),
    });
  } else if (known.config.ack_policy !== jetstream.AckPolicy.Explicit || known.config.deliver_subject !== undefined) {
    throw new ConnectorFailure(
      "invalid_config",
      `consumer "${name}" exists and is not a pull consumer with explicit ack`,
    );
  }
  return jetstream.jetstream(connection, { timeout: API_TIMEOUT_MS }).consumers.get(stream, name);
}

/** The one stream that holds `subject`. Several: nobody but the operator knows which is meant. */
async function streamOf(manager: Jetstream.JetStreamManager, subject: string): Promise<string> {
  const streams = await manager.streams.names(subject).next();
  const [stream] = streams;
  if (stream === undefined) throw new ConnectorFailure("invalid_destination", "no stream holds the subject");
  if (streams.length > 1) {
    throw new ConnectorFailure("invalid_config", `${streams.length} streams hold the subject: name one as "stream"`);
  }
  return stream;
}

/** One consumer per group and pipeline; what a consumer's name cannot hold is replaced and told apart by a hash. */
function durableName({ group, pipeline }: ConnectorContext): string {
  const whole = `pgkeep-${group}-${pipeline}`;
  const plain = whole.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, MAX_NAME_LENGTH);
  if (plain === whole) return plain;
  return `${plain}-${createHash("sha256").update(whole).digest("hex").slice(0, 8)}`;
}

class NatsSource implements Source {
  readonly #client: NatsClient;
  readonly #consumer: Jetstream.Consumer;
  readonly #config: Config;
  readonly #context: ConnectorContext;
  /** Read and not yet handed over. */
  readonly #queue: Jetstream.JsMsg[] = [];
  #inHand: readonly Jetstream.JsMsg[] = [];
  #failure: ConnectorFailure | undefined;
  #isClosed = false;
  #wake = () => {};

  constructor({ client, consumer, config, context }: SourceParts) {
    this.#client = client;
    this.#consumer = consumer;
    this.#config = config;
    this.#context = context;
    void client.lost.then((failure) => this.#fail(failure));
  }

  async run(deliver: Deliver): Promise<void> {
    const { signal } = this.#context;
    const stop = () => this.#wake();
    signal.addEventListener("abort", stop, { once: true });
    const alive = setInterval(() => this.#keepAlive(), (this.#config.ack_wait_secs * 1_000) / 3);
    let messages: Jetstream.ConsumerMessages | undefined;
    try {
      messages = await this.#consume();
      while (await this.#hasWork()) await this.#handOver(deliver);
    } catch (error) {
      this.#fail(streamFailure(error));
    } finally {
      clearInterval(alive);
      signal.removeEventListener("abort", stop);
      messages?.stop();
      await this.#giveBack();
    }
    if (this.#failure && !signal.aborted && !this.#isClosed) throw this.#failure;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#client.close();
  }

  async #consume(): Promise<Jetstream.ConsumerMessages> {
    const messages = await bounded(
      this.#consumer.consume({
        max_messages: 2 * this.#config.batch_size,
        idle_heartbeat: HEARTBEAT_MS,
        expires: 30_000,
      }),
      { timeoutMs: API_TIMEOUT_MS, signal: this.#context.signal, what: "reading the stream" },
    );
    void this.#feed(messages);
    void this.#watch(messages);
    return messages;
  }

  /** Takes messages off the client's hands; asks for no more while the queue is full. */
  async #feed(messages: Jetstream.ConsumerMessages): Promise<void> {
    try {
      for await (const message of messages) {
        this.#queue.push(message);
        this.#wake();
        while (this.#queue.length >= 2 * this.#config.batch_size && !this.#isOver()) {
          await new Promise<void>((resolve) => setTimeout(resolve, 5));
        }
      }
      this.#fail(new ConnectorFailure("unavailable", "the server ended the reading"));
    } catch (error) {
      this.#fail(streamFailure(error));
    }
  }

  /** What the server says about the consumer beside its messages. */
  async #watch(messages: Jetstream.ConsumerMessages): Promise<void> {
    for await (const notification of messages.status()) {
      if (notification.type === "consumer_deleted" || notification.type === "consumer_not_found") {
        this.#fail(new ConnectorFailure("unavailable", "the consumer was deleted"));
      }
      if (notification.type === "stream_not_found") {
        this.#fail(new ConnectorFailure("invalid_destination", "the stream was deleted"));
      }
      if (notification.type === "heartbeats_missed") {
        this.#fail(new ConnectorFailure("timeout", "the server shows no sign of life"));
      }
    }
  }

  #isOver(): boolean {
    return this.#failure !== undefined || this.#isClosed || this.#context.signal.aborted;
  }

  /** Resolves with true when there is something to hand over, with false when it is over. */
  async #hasWork(): Promise<boolean> {
    while (this.#queue.length === 0 && !this.#isOver()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return !this.#isOver();
  }

  /** Stores one batch, again and again until it is stored: so the order holds, and nothing behind it overtakes. */
  async #handOver(deliver: Deliver): Promise<void> {
    this.#inHand = this.#nextBatch();
    const events = this.#inHand.map((message) => this.#incoming(message));
    for (let attempt = 0; !this.#isOver(); attempt++) {
      try {
        await deliver(events, this.#context.signal);
        for (const message of this.#inHand) message.ack();
        this.#inHand = [];
        return;
      } catch {
        // The engine knows why; here it only matters that nothing was stored.
        await this.#pause(Math.min(FIRST_RETRY_MS * 2 ** attempt, MAX_RETRY_MS));
      }
    }
  }

  /** Waits, but not after the end. */
  async #pause(ms: number): Promise<void> {
    if (this.#isOver()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!this.#isOver()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #nextBatch(): Jetstream.JsMsg[] {
    let bytes = 0;
    let count = 0;
    for (const message of this.#queue) {
      bytes += message.data.length;
      if (count > 0 && (bytes > MAX_BATCH_BYTES || count >= this.#config.batch_size)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  #incoming(message: Jetstream.JsMsg): Incoming {
    const headers: Record<string, string> = {};
    for (const name of message.headers?.keys() ?? []) headers[name.toLowerCase()] = message.headers?.last(name) ?? "";
    return {
      body: Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength),
      eventId: this.#eventId(message, headers["nats-msg-id"]),
      subject: message.subject,
      headers,
    };
  }

  #eventId(message: Jetstream.JsMsg, sent: string | undefined): string | undefined {
    const { event_id: rule, stream } = this.#config;
    if (rule === "format") return undefined;
    return rule === "auto" && sent ? sent : `${stream}:${message.info.streamSequence}`;
  }

  #keepAlive(): void {
    if (this.#isOver()) return;
    for (const message of [...this.#inHand, ...this.#queue]) message.working();
  }

  /** What was read and not stored is for the next reader, at once. */
  async #giveBack(): Promise<void> {
    if (this.#client.connection.isClosed()) return;
    for (const message of [...this.#inHand, ...this.#queue.splice(0)]) message.nak();
    const signal = new AbortController().signal;
    await bounded(this.#client.connection.flush(), { timeoutMs: FLUSH_TIMEOUT_MS, signal, what: "flushing" }).catch(
      () => {},
    );
  }

  #fail(failure: ConnectorFailure): void {
    this.#failure ??= failure;
    this.#wake();
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : undefined;
}

/** As natsFailure, with the answers of the JetStream API classed. */
function streamFailure(error: unknown): ConnectorFailure {
  const status = statusOf(error);
  const failure = natsFailure(error, "could not read the stream");
  if (failure === error || status === undefined) return failure;
  if (status === 404) return new ConnectorFailure("invalid_destination", failure.message);
  if (status === 400) return new ConnectorFailure("invalid_config", failure.message);
  return new ConnectorFailure("unavailable", failure.message);
}
