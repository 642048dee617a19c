/**
 * Reads events from standard input, one per line.
 *
 * The end of input ends nothing but the reading: the pipeline waits until it is stopped. Standard input cannot be asked
 * to come again, so a batch that was not stored is offered again until it is or the pipeline stops.
 */
import { sleep } from "../../base/clock.ts";
import { ConnectorFailure } from "../failures.ts";
import { scalarAt } from "../pipeline/json-scalar.ts";
import { type Deliver, defineSource, type Incoming, type Source } from "./source.ts";

/** 1 MiB, as everywhere; a longer line is refused, and the rest of it with it. */
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
  async open({ event_id_path, subject }, { streams: { input }, signal }) {
    const path = event_id_path?.split(".");
    const incoming = (body: Buffer): Incoming => ({
      body,
      eventId: path && scalarAt(body.toString("utf8"), path),
      subject,
      headers: {},
    });
    return new StdinSource(input, signal, incoming);
  },
});

class StdinSource implements Source {
  readonly #input: NodeJS.ReadableStream;
  readonly #signal: AbortSignal;
  readonly #incoming: (body: Buffer) => Incoming;

  constructor(input: NodeJS.ReadableStream, signal: AbortSignal, incoming: (body: Buffer) => Incoming) {
    this.#input = input;
    this.#signal = signal;
    this.#incoming = incoming;
  }

  async run(deliver: Deliver): Promise<void> {
    let batch: Incoming[] = [];
    try {
      for await (const lines of readLines(this.#input, this.#signal)) {
        for (const line of lines) {
          batch.push(this.#incoming(line));
          if (batch.length < BATCH_LINES) continue;
          await this.#store(batch, deliver);
          batch = [];
        }
        if (batch.length > 0) await this.#store(batch, deliver);
        batch = [];
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      if (error instanceof ConnectorFailure) throw error;
      throw new ConnectorFailure("unavailable", "standard input could not be read", { cause: error });
    }
    await untilAborted(this.#signal);
  }

  async close(): Promise<void> {
    this.#input.pause();
  }

  async #store(batch: readonly Incoming[], deliver: Deliver): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await deliver(batch, this.#signal);
        return;
      } catch {
        await sleep(RETRY_MS, this.#signal);
      }
    }
  }
}

/** Lines as they come, without their ends; blank ones are left out. */
async function* readLines(input: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<Buffer[]> {
  let rest = Buffer.alloc(0);
  for await (const chunk of untilAbort(input, signal)) {
    const lines: Buffer[] = [];
    rest = Buffer.concat([rest, Buffer.from(chunk)]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      lines.push(checked(rest.subarray(0, end)));
      rest = rest.subarray(end + 1);
    }
    checked(rest);
    yield lines.filter((line) => line.toString("utf8").trim() !== "");
  }
  if (rest.toString("utf8").trim() !== "") yield [rest];
}

function checked(line: Buffer): Buffer {
  if (line.length > MAX_LINE_BYTES)
    throw new ConnectorFailure("message_too_large", `a line has more than ${MAX_LINE_BYTES} bytes`);
  return line;
}

/** The stream's chunks until the signal aborts. The stream stays open: it belongs to the process. */
async function* untilAbort(input: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<string | Buffer> {
  const chunks = input[Symbol.asyncIterator]();
  const aborted = untilAborted(signal).then((): IteratorResult<string | Buffer> => ({ done: true, value: undefined }));
  while (true) {
    const next = await Promise.race([chunks.next(), aborted]);
    if (next.done) return;
    yield next.value;
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
