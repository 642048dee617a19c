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
/** 4,096 entries that have gone are kept at the head of the queue before it is cut. */
const MAX_GONE = 4_096;
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

/** One `send` on its way: what became of each delivery, and how many are open. */
class Call {
  readonly ended: Promise<void>;
  readonly #dispositions: (Disposition | undefined)[];
  #open: number;
  #end: () => void = () => {};

  constructor(size: number) {
    this.#dispositions = new Array<Disposition | undefined>(size).fill(undefined);
    this.#open = size;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (size === 0) this.#end();
  }

  /** What was settled before stays as it is. */
  settle(index: number, disposition: Disposition): void {
    if (this.#dispositions[index] !== undefined) return;
    this.#dispositions[index] = disposition;
    this.#open -= 1;
    if (this.#open === 0) this.#end();
  }

  settleRest(disposition: Disposition): void {
    for (const index of this.#dispositions.keys()) this.settle(index, disposition);
  }

  get dispositions(): readonly Disposition[] {
    return this.#dispositions.map((disposition) => disposition ?? retry("unknown", "was not sent"));
  }
}

/** A message of a call that waits or is on its way. */
interface Entry {
  call: Call;
  index: number;
  subject: string;
  /** The header block as it is sent. */
  headers: Buffer;
  body: Uint8Array;
  bytes: number;
  sentAtMs: number;
}

class NatsSink implements Sink {
  readonly #client: NatsClient;
  readonly #config: Config;
  readonly #context: ConnectorContext;
  readonly #inbox: string;
  /** Gives the client the header block of the message that is being published; the client's own is slow to make. */
  readonly #block: Nats.MsgHdrsImpl;
  readonly #calls = new Set<Call>();
  /** In order; those before #next have gone. */
  #waiting: Entry[] = [];
  #next = 0;
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
    this.#block = new client.nats.MsgHdrsImpl();
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
    const call = new Call(batch.length);
    this.#calls.add(call);
    const stop = () => this.#giveUp(call, retry("unavailable", "the pipeline stops"));
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (const [index, delivery] of batch.entries()) this.#enqueue(call, index, delivery);
      if (signal.aborted) stop();
      this.#pump();
      await call.ended;
      return call.dispositions;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#calls.delete(call);
    }
  }

  async close(): Promise<void> {
    this.#lose(new ConnectorFailure("unavailable", "the sink was closed"));
    await this.#client.close();
  }

  /** Puts what goes out for a delivery into the queue, or settles why it cannot. */
  #enqueue(call: Call, index: number, { subject, body, bytes: bodyBytes, ...rest }: Delivery): void {
    if (subject === undefined || !isCarriable(subject)) {
      const reason = "the subject is not made of tokens of letters, digits, _ and -";
      call.settle(index, reject("invalid_destination", reason));
      return;
    }
    const headers = this.#headersOf(rest);
    if (headers === undefined) {
      call.settle(index, reject("protocol_rejection", "a header's name or value cannot be carried by NATS"));
      return;
    }
    const bytes = bodyBytes + headers.length;
    const most = this.#client.maxPayloadBytes;
    if (bodyBytes > MAX_MESSAGE_BYTES || bytes > most) {
      call.settle(index, reject("message_too_large", `${bytes} bytes with headers; the server takes ${most}`));
      return;
    }
    const data = typeof body === "string" ? Buffer.from(body) : (body ?? Buffer.alloc(0));
    this.#waiting.push({ call, index, subject, headers, body: data, bytes, sentAtMs: 0 });
  }

  /** The header block: the event's headers without those that steer JetStream, which only we may set. */
  #headersOf({
    headers,
    contentType,
    message,
  }: Pick<Delivery, "headers" | "contentType" | "message">): Buffer | undefined {
    let text = `NATS/1.0\r\nNats-Msg-Id: ${message.dedupKey}\r\n`;
    let isCarried = isValue(message.dedupKey);
    for (const name in headers) {
      const value = headers[name] ?? "";
      if (/^nats-/i.test(name)) continue;
      isCarried &&= NAME.test(name) && isValue(value);
      text += `${name}: ${value}\r\n`;
    }
    if (contentType !== "application/json") {
      isCarried &&= isValue(contentType);
      text += `content-type: ${contentType}\r\n`;
    }
    if (this.#config.stream !== undefined) text += `Nats-Expected-Stream: ${this.#config.stream}\r\n`;
    return isCarried ? Buffer.from(`${text}\r\n`, "utf8") : undefined;
  }

  /** Sends what waits, as far as the window goes. */
  #pump(): void {
    if (this.#failure) return;
    for (let entry = this.#waiting[this.#next]; entry !== undefined; entry = this.#waiting[this.#next]) {
      if (this.#sent.size >= this.#config.max_in_flight) break;
      if (this.#sent.size > 0 && this.#sentBytes + entry.bytes > MAX_IN_FLIGHT_BYTES) break;
      this.#next += 1;
      this.#publish(entry);
    }
    if (this.#next === this.#waiting.length || this.#next >= MAX_GONE) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
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
      this.#block.encode = () => entry.headers;
      this.#client.connection.publish(entry.subject, entry.body, { headers: this.#block, reply });
    } catch (error) {
      this.#take(number);
      entry.call.settle(entry.index, retry("unavailable", `could not publish: ${reasonOf(error)}`));
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
    if (answer === undefined)
      entry.call.settle(entry.index, retry("unknown", "something else than a stream answered", "message"));
    else if (answer.error === undefined) entry.call.settle(entry.index, DELIVERED);
    else entry.call.settle(entry.index, this.#refusal(answer.error));
  }

  /** Nobody listens on the subject: there is no stream for it, or JetStream is away. Only the latter may pass by itself. */
  async #explainSilence({ subject, call, index }: Entry): Promise<void> {
    const answer = await this.#streamFor(subject);
    if (answer !== "none") call.settle(index, retry("unavailable", "the stream does not answer"));
    else call.settle(index, this.#ofDestination("invalid_destination", "no stream takes this subject"));
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
    if (this.#watchdog !== undefined) return;
    const [oldest] = this.#sent.values();
    if (oldest === undefined) return;
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
    for (const [number, { call, index }] of late) {
      this.#take(number);
      call.settle(index, retry("timeout", reason));
    }
    this.#pump();
  }

  /** Ends a call: what of it waits is not sent, and answers to what was sent count no more. */
  #giveUp(call: Call, disposition: Disposition): void {
    this.#waiting = this.#waiting.slice(this.#next).filter((entry) => entry.call !== call);
    this.#next = 0;
    for (const [number, entry] of this.#sent) if (entry.call === call) this.#take(number);
    call.settleRest(disposition);
    this.#pump();
  }

  /** The connection is of no use any more: everything on its way is due again. */
  #lose(failure: ConnectorFailure): void {
    if (this.#failure) return;
    this.#failure = failure;
    clearTimeout(this.#watchdog);
    const outcome = failure.isTransient ? "retry" : "reject";
    const disposition: Disposition = { outcome, class: failure.class, scope: "sink", reason: failure.message };
    for (const call of this.#calls) this.#giveUp(call, disposition);
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
      entry.call.settle(entry.index, this.#ofDestination("authorization", "the user may not publish to this subject"));
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

const NAME = /^[!-9;-~]+$/;

function isValue(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header line must not hold.
  return !/[\r\n\u0000]/.test(value);
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
