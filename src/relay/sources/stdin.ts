/**
 * Reads events from standard input, one per line.
 *
 * Standard input cannot be asked to come again. So a batch that was not stored is offered until it is, and what is in hand
 * when the pipeline stops goes back into the stream, for the next pipeline of this process that reads it. The end of input
 * ends nothing but the reading: the pipeline waits until it is stopped.
 */
import { sleep } from "../../base/clock.ts";
import { ConnectorFailure } from "../failures.ts";
import { scalarAt } from "../json/scalar.ts";
import { type Deliver, defineSource, type Incoming, type Source } from "./source.ts";

/** 1 MiB, as everywhere; a longer line is left out, with a warning. */
const MAX_LINE_BYTES = 1024 * 1024;
const BATCH_LINES = 500;
/** 1 s: the database was away; nobody else can store what was read. */
const RETRY_MS = 1_000;

export default defineSource({
  type: "stdin",
  summary: "Standard input of the relay's process, one event per line",
  config: (z) =>
    z.strictObject({
      format: z.enum(["jsonl"]).default("jsonl").meta({ description: "jsonl: one JSON document per line" }),
      event_id_path: z
        .string()
        .regex(/^[^.\s]+(?:\.[^.\s]+)*$/)
        .optional()
        .meta({ description: "Path of the event's own id in the document; default: a hash of the line" }),
      subject: z
        .string()
        .min(1)
        .max(255)
        .default("stdin")
        .meta({ description: "What the inbox records as the source" }),
    }),
  guarantees: {
    order: "Order of the lines.",
    duplicates: "Equal ids, or equal lines where there is no id, are one event.",
    acknowledgement: "None: input that was read and not stored before the process died is lost.",
  },
  async open({ event_id_path, subject }, { streams: { input }, signal, warn }) {
    const path = event_id_path?.split(".");
    const incoming = (body: Buffer): Incoming => ({
      body,
      eventId: path && scalarAt(body.toString("utf8"), path),
      subject,
      headers: {},
    });
    const onTooLong = () => warn(`a line of standard input has more than ${MAX_LINE_BYTES} bytes and was left out`);
    return new StdinSource({ input, signal, incoming, onTooLong });
  },
});

interface StdinParts {
  input: NodeJS.ReadableStream;
  signal: AbortSignal;
  incoming: (body: Buffer) => Incoming;
  /** A line was left out. */
  onTooLong: () => void;
}

class StdinSource implements Source {
  readonly #input: NodeJS.ReadableStream;
  readonly #signal: AbortSignal;
  readonly #incoming: (body: Buffer) => Incoming;
  readonly #onTooLong: () => void;
  /** Inside of a line that is left out. */
  #isSkipping = false;
  /** Read and not stored. */
  #rest = Buffer.alloc(0);

  constructor({ input, signal, incoming, onTooLong }: StdinParts) {
    this.#input = input;
    this.#signal = signal;
    this.#incoming = incoming;
    this.#onTooLong = onTooLong;
  }

  async run(deliver: Deliver): Promise<void> {
    try {
      for (let chunk = await this.#read(); chunk; chunk = await this.#read()) {
        this.#rest = Buffer.concat([this.#rest, this.#afterSkipped(chunk)]);
        await this.#storeLines(deliver);
        this.#skipTooLong();
      }
      // The last line may lack its end.
      if (!this.#signal.aborted && this.#rest.length > 0) {
        this.#rest = Buffer.concat([this.#rest, Buffer.from("\n")]);
        await this.#storeLines(deliver);
      }
    } finally {
      if (this.#rest.length > 0 && !hasEnded(this.#input)) this.#input.unshift(this.#rest);
      this.#rest = Buffer.alloc(0);
    }
    await untilAborted(this.#signal);
  }

  async close(): Promise<void> {
    // The stream is the process's; whoever reads next goes on where this source stopped.
  }

  #isEvent(line: Buffer): boolean {
    if (line.length <= MAX_LINE_BYTES) return line.toString("utf8").trim() !== "";
    this.#onTooLong();
    return false;
  }

  /** A line that is too long before it has ended is not kept until it has. */
  #skipTooLong(): void {
    if (this.#rest.length <= MAX_LINE_BYTES || this.#rest.includes(0x0a)) return;
    this.#onTooLong();
    this.#isSkipping = true;
    this.#rest = Buffer.alloc(0);
  }

  #afterSkipped(chunk: Buffer): Buffer {
    if (!this.#isSkipping) return chunk;
    const end = chunk.indexOf(0x0a);
    if (end < 0) return Buffer.alloc(0);
    this.#isSkipping = false;
    return chunk.subarray(end + 1);
  }

  /** Stores the whole lines at hand, some at a time. */
  async #storeLines(deliver: Deliver): Promise<void> {
    while (!this.#signal.aborted) {
      const { lines, bytes } = takeLines(this.#rest);
      if (bytes === 0) return;
      const events = lines.filter((line) => this.#isEvent(line)).map(this.#incoming);
      if (events.length > 0 && !(await this.#store(events, deliver))) return;
      this.#rest = this.#rest.subarray(bytes);
    }
  }

  /** False when the pipeline stopped first. */
  async #store(batch: readonly Incoming[], deliver: Deliver): Promise<boolean> {
    while (!this.#signal.aborted) {
      try {
        await deliver(batch, this.#signal);
        return true;
      } catch {
        await sleep(RETRY_MS, this.#signal).catch(() => {});
      }
    }
    return false;
  }

  /** The next bytes; undefined at the end of input and when the pipeline stops. Takes nothing that it does not return. */
  async #read(): Promise<Buffer | undefined> {
    while (!this.#signal.aborted) {
      const chunk = this.#input.read();
      if (chunk !== null) return Buffer.from(chunk);
      if (hasEnded(this.#input)) return undefined;
      if (!(await untilReadable(this.#input, this.#signal))) return undefined;
    }
    return undefined;
  }
}

/** At most BATCH_LINES whole lines of `bytes`, and how many bytes they are. */
function takeLines(bytes: Buffer): { lines: Buffer[]; bytes: number } {
  const lines: Buffer[] = [];
  let from = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0 && lines.length < BATCH_LINES; end = bytes.indexOf(0x0a, from)) {
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return { lines, bytes: from };
}

function hasEnded(input: NodeJS.ReadableStream): boolean {
  return "readableEnded" in input && input.readableEnded === true;
}

/** Resolves with true when there is something to read, with false at the end or on abort. Throws ConnectorFailure. */
function untilReadable(input: NodeJS.ReadableStream, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = (isReadable: boolean) => () => {
      for (const [event, listener] of Object.entries(listeners)) input.off(event, listener);
      signal.removeEventListener("abort", onAbort);
      resolve(isReadable);
    };
    const onAbort = settle(false);
    const listeners = {
      readable: settle(true),
      end: settle(false),
      close: settle(false),
      error: () => {
        reject(new ConnectorFailure("unavailable", "standard input could not be read"));
        settle(false)();
      },
    };
    for (const [event, listener] of Object.entries(listeners)) input.on(event, listener);
    signal.addEventListener("abort", onAbort);
  });
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
