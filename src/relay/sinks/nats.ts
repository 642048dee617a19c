/**
 * NATS JetStream: one message each, delivered when the stream has stored it.
 *
 * Acknowledgements are tracked here instead of by the client's own publish, which makes a request with a timer of each
 * message: 140,000 messages a second against 31,000 on two cores. Every message carries a reply subject that ends in
 * its number; one subscription hears all answers. At most `max_in_flight` messages and MAX_IN_FLIGHT_BYTES are on their
 * way; what does not fit waits in order.
 *
 * An answer is one of: stored (or stored before: a duplicate by Nats-Msg-Id), refused with a code, nobody there. The
 * server answers a forbidden subject with an error on the connection and nothing else, so those are found by subject.
 * No answer in time makes the message due again; when nothing at all is answered the connection counts as lost.
 */
import type * as Nats from "@nats-io/transport-node";
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import {
  connectNats,
  JETSTREAM_PACKAGE,
  NATS_PACKAGE,
  type NatsClient,
  natsConnectionFields,
} from "../brokers/nats.ts";
import { reasonOf } from "../brokers/network.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure, type FailureClass } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition } from "../message.ts";
import { defineSink, type Sink } from "./sink.ts";

/** 1 MiB: what servers take unless they are told otherwise. */
const MAX_MESSAGE_BYTES = 2 ** 20;
/** 16 MiB on their way at once: bounds memory when messages are large. */
const MAX_IN_FLIGHT_BYTES = 2 ** 24;
/** 2 s for the stream that takes a subject to be named. */
const LOOKUP_TIMEOUT_MS = 2_000;
/** 1 s: so long an answer about a subject holds, so that a batch asks once. */
const LOOKUP_TTL_MS = 1_000;
/** 1,000 subjects: a template of many subjects must not fill the memory. */
const MAX_LOOKUPS = 1_000;
/** Bytes: longer subjects are refused by servers in their default settings. */
const MAX_SUBJECT_BYTES = 1_024;

const config = (z: ZodNamespace) =>
  z
    .strictObject({
      ...natsConnectionFields(z),
      subject: z.string().min(1).optional().meta({ description: "Subject of every message" }),
      subject_template: z
        .string()
        .min(1)
        .optional()
        .meta({ description: "Subject as a template, {outbox}.{op} when neither is given" }),
      stream: z
        .string()
        .regex(/^[^\s.*>/\\]{1,255}$/)
        .optional()
        .meta({ description: "The stream that must take the messages; another one is a refusal" }),
      publish_timeout_ms: z
        .int()
        .min(100)
        .max(300_000)
        .default(5_000)
        .meta({ description: "How long the stream may take to store a message" }),
      max_in_flight: z
        .int()
        .min(1)
        .max(4_096)
        .default(512)
        .meta({ description: "Messages on their way at once; 1 keeps the order even while the stream refuses some" }),
    })
    .refine(({ subject, subject_template: template }) => subject === undefined || template === undefined, {
      message: "give subject or subject_template, not both",
    });

type Config = Zod.output<ReturnType<typeof config>>;

export default defineSink({
  type: "nats",
  summary: "NATS JetStream: one message per event, with Nats-Msg-Id to deduplicate by",
  config,
  package: [NATS_PACKAGE, JETSTREAM_PACKAGE],
  guarantees: {
    order:
      "In order per key and subject; while a stream refuses messages for the moment, those behind them may overtake unless max_in_flight is 1.",
    duplicates: "Nats-Msg-Id is the dedup key, so the stream drops repeats inside of its duplicate window.",
    acknowledgement: "The stream's acknowledgement of each message, given when it has stored it.",
  },
  limits: { batchMessages: 1_000, batchBytes: 2 ** 24, messageBytes: MAX_MESSAGE_BYTES },
  lanes: () => 4,
  subject: ({ subject, subject_template: template }) => subject ?? template ?? "{outbox}.{op}",
  wrapsNative: true,
  async open(config: Config, context: ConnectorContext): Promise<Sink> {
    const client = await connectNats(config, context);
    const sink = new NatsSink(client, config, context);
    try {
      await sink.prove();
      return sink;
    } catch (error) {
      await sink.close();
      throw error;
    }
  },
});

/** A message between `send` and its disposition. */
interface Entry {
  delivery: Delivery;
  subject: string;
  headers: Nats.MsgHdrsImpl;
  body: Uint8Array;
  bytes: number;
  sentAtMs: number;
  /** Called once. */
  settle(disposition: Disposition): void;
}

class NatsSink implements Sink {
  readonly #client: NatsClient;
  readonly #config: Config;
  readonly #context: ConnectorContext;
  readonly #inbox: string;
  readonly #waiting = new Set<Entry>();
  /** Sent and not answered, by number, in the order of sending. */
  readonly #sent = new Map<number, Entry>();
  readonly #lookups = new Map<string, { answer: Promise<StreamAnswer>; atMs: number }>();
  #number = 0;
  #sentBytes = 0;
  #lastAnswerMs = 0;
  #failure: ConnectorFailure | undefined;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(client: NatsClient, config: Config, context: ConnectorContext) {
    this.#client = client;
    this.#config = config;
    this.#context = context;
    this.#inbox = client.nats.createInbox(config.inbox_prefix);
    client.connection.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#hear(error, message) });
    void client.lost.then((failure) => this.#lose(failure));
    void this.#watchStatus();
  }

  /** Throws when a fixed subject has no stream. Whoever may not ask is believed: the first message tells. */
  async prove(): Promise<void> {
    const { subject } = this.#config;
    if (subject !== undefined && !isCarriable(subject)) {
      throw new ConnectorFailure(
        "invalid_config",
        '"subject" must be tokens of letters, digits, "_" and "-" with dots',
      );
    }
    const answer = await this.#streamFor(subject ?? "pgkeep.probe");
    if (this.#failure) throw this.#failure;
    if (answer === "away") throw new ConnectorFailure("unavailable", "JetStream does not answer, or is not enabled");
    if (answer === "none" && subject !== undefined) {
      throw new ConnectorFailure("invalid_destination", "no stream takes the configured subject");
    }
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    if (this.#failure) throw this.#failure;
    const dispositions: Disposition[] = new Array(batch.length);
    const entries = new Set<Entry>();
    await new Promise<void>((resolve) => {
      let open = batch.length + 1;
      const countDown = () => {
        open -= 1;
        if (open === 0) resolve();
      };
      for (const [index, delivery] of batch.entries()) {
        const settle = (disposition: Disposition) => {
          dispositions[index] = disposition;
          countDown();
        };
        const prepared = this.#prepare(delivery);
        if (!("subject" in prepared)) {
          settle(prepared);
          continue;
        }
        const entry: Entry = {
          ...prepared,
          delivery,
          sentAtMs: 0,
          settle: (disposition) => {
            if (entries.delete(entry)) settle(disposition);
          },
        };
        entries.add(entry);
        this.#waiting.add(entry);
      }
      const stop = () => this.#giveUp([...entries], retry("unavailable", "the pipeline stops"));
      signal.addEventListener("abort", stop, { once: true });
      void Promise.resolve().then(() => {
        if (signal.aborted) stop();
        this.#pump();
        countDown();
      });
    });
    return dispositions;
  }

  async close(): Promise<void> {
    this.#lose(new ConnectorFailure("unavailable", "the sink was closed"));
    await this.#client.close();
  }

  /** What goes out for a delivery, or why it cannot. */
  #prepare(delivery: Delivery): Omit<Entry, "delivery" | "sentAtMs" | "settle"> | Disposition {
    const { subject, body, message } = delivery;
    if (subject === undefined || !isCarriable(subject)) {
      return reject("invalid_destination", "the subject is not made of tokens of letters, digits, _ and -");
    }
    const headers = this.#headersOf(delivery);
    if (headers === undefined) {
      return reject("protocol_rejection", `a header of message ${message.id} cannot be carried by NATS`);
    }
    const bytes = delivery.bytes + headers.encode().length;
    const most = this.#client.maxPayloadBytes;
    if (delivery.bytes > MAX_MESSAGE_BYTES || bytes > most) {
      return reject("message_too_large", `${bytes} bytes with headers; the server takes ${most}`);
    }
    const data = body === null ? Buffer.alloc(0) : typeof body === "string" ? Buffer.from(body) : body;
    return { subject, headers, body: data, bytes };
  }

  /** The event's headers without those that steer JetStream, which only we may set. */
  #headersOf({ headers, contentType, message }: Delivery): Nats.MsgHdrsImpl | undefined {
    const made = new this.#client.nats.MsgHdrsImpl();
    try {
      for (const [name, value] of Object.entries(headers)) {
        if (!/^nats-/i.test(name) && isHeader(name, value)) made.set(name, value);
        else if (!/^nats-/i.test(name)) return undefined;
      }
      if (contentType !== "application/json" && isHeader("content-type", contentType)) {
        made.set("content-type", contentType);
      }
      if (this.#config.stream !== undefined) made.set("Nats-Expected-Stream", this.#config.stream);
      if (!isHeader("Nats-Msg-Id", message.dedupKey)) return undefined;
      made.set("Nats-Msg-Id", message.dedupKey);
      const encoded = made.encode();
      // Asked for twice: here for the size, and by the client when it writes.
      made.encode = () => encoded;
      return made;
    } catch {
      return undefined;
    }
  }

  /** Sends what waits, as far as the window goes. */
  #pump(): void {
    if (this.#failure) return;
    for (const entry of this.#waiting) {
      if (this.#sent.size >= this.#config.max_in_flight) break;
      if (this.#sent.size > 0 && this.#sentBytes + entry.bytes > MAX_IN_FLIGHT_BYTES) break;
      this.#waiting.delete(entry);
      this.#publish(entry);
    }
    this.#watch();
  }

  #publish(entry: Entry): void {
    const number = this.#number++;
    entry.sentAtMs = this.#context.clock.monotonicMs();
    this.#sent.set(number, entry);
    this.#sentBytes += entry.bytes;
    try {
      const reply = `${this.#inbox}.${number}`;
      this.#client.connection.publish(entry.subject, entry.body, { headers: entry.headers, reply });
    } catch (error) {
      this.#take(number);
      entry.settle(retry("unavailable", `could not publish: ${reasonOf(error)}`));
    }
  }

  /** The entry of an answer; undefined when it is settled already. */
  #take(number: number): Entry | undefined {
    const entry = this.#sent.get(number);
    if (entry && this.#sent.delete(number)) this.#sentBytes -= entry.bytes;
    return entry;
  }

  #hear(error: Error | null, message: Nats.Msg): void {
    if (error) {
      this.#lose(new ConnectorFailure("authorization", `the user may not hear answers: ${reasonOf(error)}`));
      return;
    }
    this.#lastAnswerMs = this.#context.clock.monotonicMs();
    const entry = this.#take(Number(message.subject.slice(this.#inbox.length + 1)));
    if (entry) this.#answer(entry, message);
    this.#pump();
  }

  #answer(entry: Entry, message: Nats.Msg): void {
    if (message.headers?.code === 503) {
      void this.#explainSilence(entry);
      return;
    }
    const answer = parseAnswer(message.data);
    if (answer === undefined) entry.settle(retry("unknown", "something else than a stream answered", "message"));
    else if (answer.error === undefined) entry.settle(DELIVERED);
    else entry.settle(this.#refusal(answer.error));
  }

  /** Nobody listens on the subject: there is no stream for it, or JetStream is away. Only the latter may pass by itself. */
  async #explainSilence({ subject, settle }: Entry): Promise<void> {
    const answer = await this.#streamFor(subject);
    if (answer !== "none") settle(retry("unavailable", "the stream does not answer"));
    else settle(this.#ofDestination("invalid_destination", "no stream takes this subject"));
  }

  /** A refusal of the destination is everybody's when all messages share it. */
  #ofDestination(failureClass: FailureClass, reason: string): Disposition {
    const scope = this.#config.subject === undefined ? "message" : "sink";
    return { outcome: "reject", class: failureClass, scope, reason };
  }

  #refusal({ code, err_code: number, description }: StreamError): Disposition {
    const reason = `JetStream refuses: ${reasonOf(description)} (${number})`;
    const known = REFUSALS[number];
    if (known === "message_too_large") return reject(known, reason);
    if (known === "invalid_destination" || known === "authorization") return this.#ofDestination(known, reason);
    if (known === "throttled") return retry("throttled", reason);
    return code >= 500 || code === 408 || code === 429
      ? retry("unavailable", reason)
      : reject("protocol_rejection", reason);
  }

  /** Which stream takes `subject`. */
  #streamFor(subject: string): Promise<StreamAnswer> {
    const nowMs = this.#context.clock.monotonicMs();
    const known = this.#lookups.get(subject);
    if (known && nowMs - known.atMs < LOOKUP_TTL_MS) return known.answer;
    if (this.#lookups.size >= MAX_LOOKUPS) this.#lookups.clear();
    const answer = this.#lookUp(subject);
    this.#lookups.set(subject, { answer, atMs: nowMs });
    return answer;
  }

  async #lookUp(subject: string): Promise<StreamAnswer> {
    try {
      const message = await this.#client.connection.request("$JS.API.STREAM.NAMES", JSON.stringify({ subject }), {
        timeout: LOOKUP_TIMEOUT_MS,
      });
      const answer = parseNames(message.data);
      if (answer === undefined) return "away";
      return answer.length > 0 ? "some" : "none";
    } catch (error) {
      const isForbidden = error instanceof Error && /permission/i.test(`${error.name} ${error.message}`);
      return isForbidden ? "unknown" : "away";
    }
  }

  /** Ends waiting for answers that do not come. One timer for all: entries are in the order of sending. */
  #watch(): void {
    const [oldest] = this.#sent.values();
    if (this.#watchdog !== undefined || oldest === undefined) return;
    const dueMs = oldest.sentAtMs + this.#config.publish_timeout_ms - this.#context.clock.monotonicMs();
    this.#watchdog = setTimeout(() => this.#expire(), Math.max(1, dueMs));
  }

  #expire(): void {
    this.#watchdog = undefined;
    const limitMs = this.#context.clock.monotonicMs() - this.#config.publish_timeout_ms;
    const reason = `no answer in ${this.#config.publish_timeout_ms} ms`;
    const late = [...this.#sent].filter(([, { sentAtMs }]) => sentAtMs <= limitMs);
    if (late.length > 0 && this.#lastAnswerMs <= limitMs) {
      this.#lose(new ConnectorFailure("timeout", `the server gave ${reason}`));
      return;
    }
    for (const [number, { settle }] of late) {
      this.#take(number);
      settle(retry("timeout", reason));
    }
    this.#pump();
  }

  #giveUp(entries: readonly Entry[], disposition: Disposition): void {
    const given = new Set(entries);
    for (const entry of given) this.#waiting.delete(entry);
    for (const [number, entry] of this.#sent) if (given.has(entry)) this.#take(number);
    for (const { settle } of given) settle(disposition);
    this.#pump();
  }

  /** The connection is of no use any more: everything on its way is due again. */
  #lose(failure: ConnectorFailure): void {
    if (this.#failure) return;
    this.#failure = failure;
    clearTimeout(this.#watchdog);
    const outcome = failure.isTransient ? "retry" : "reject";
    const disposition: Disposition = { outcome, class: failure.class, scope: "sink", reason: failure.message };
    this.#giveUp([...this.#waiting, ...this.#sent.values()], disposition);
    void this.#client.close();
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.#client.connection.status()) {
      if (status.type === "ldm") {
        this.#lose(new ConnectorFailure("unavailable", "the server shuts down and asks its clients to go elsewhere"));
      }
      if (status.type === "error") this.#hearForbidden(status.error);
    }
  }

  /** The server names the subject that may not be published to; no answer follows for messages to it. */
  #hearForbidden(error: Error): void {
    if (!("operation" in error) || error.operation !== "publish" || !("subject" in error)) return;
    for (const [number, entry] of this.#sent) {
      if (entry.subject !== error.subject) continue;
      this.#take(number);
      entry.settle(this.#ofDestination("authorization", "the user may not publish to this subject"));
    }
    this.#pump();
  }
}

/** some: a stream takes it; none: no stream does; away: JetStream does not answer; unknown: the user may not ask. */
type StreamAnswer = "some" | "none" | "away" | "unknown";

interface StreamError {
  code: number;
  err_code: number;
  description: string;
}

/** JetStream's error codes. Source: nats-server, server/errors.json. */
const REFUSALS: Readonly<Record<number, FailureClass>> = {
  10023: "throttled", // insufficient resources
  10028: "throttled", // resource limits exceeded for account
  10047: "throttled", // insufficient storage resources available
  10077: "throttled", // the stream is full and discards new messages
  10054: "message_too_large",
  10097: "message_too_large", // headers over 64 KiB
  10035: "authorization", // no permission
  10039: "authorization", // JetStream not enabled for account
  10059: "invalid_destination", // stream not found
  10060: "invalid_destination", // expected stream does not match
  10109: "invalid_destination", // stream is sealed
};

const TOKENS = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** No wildcards, spaces, system subjects or empty tokens, and nobody's place for answers. */
function isCarriable(subject: string): boolean {
  return subject.length <= MAX_SUBJECT_BYTES && TOKENS.test(subject) && !/^_(INBOX|R_)/.test(subject);
}

function isHeader(name: string, value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header line must not hold.
  return /^[!-9;-~]+$/.test(name) && !/[\r\n\u0000]/.test(value);
}

/** The answer of a stream, or undefined for something else. */
function parseAnswer(data: Uint8Array): { error?: StreamError } | undefined {
  try {
    const answer: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    if (typeof answer !== "object" || answer === null) return undefined;
    if ("error" in answer) return { error: streamError(answer.error) };
    return "stream" in answer && typeof answer.stream === "string" && answer.stream !== "" ? {} : undefined;
  } catch {
    return undefined;
  }
}

function streamError(error: unknown): StreamError {
  const fields: Record<string, unknown> = typeof error === "object" && error !== null ? { ...error } : {};
  return {
    code: Number(fields.code ?? 500),
    err_code: Number(fields.err_code ?? 0),
    description: String(fields.description ?? "no reason given"),
  };
}

/** Names of streams; undefined when the answer is an error. */
function parseNames(data: Uint8Array): readonly unknown[] | undefined {
  try {
    const answer: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    if (typeof answer !== "object" || answer === null || "error" in answer) return undefined;
    return "streams" in answer && Array.isArray(answer.streams) ? answer.streams : [];
  } catch {
    return undefined;
  }
}

function retry(failureClass: FailureClass, reason: string, scope: "message" | "sink" = "sink"): Disposition {
  return { outcome: "retry", class: failureClass, scope, reason };
}

function reject(failureClass: FailureClass, reason: string): Disposition {
  return { outcome: "reject", class: failureClass, scope: "message", reason };
}
