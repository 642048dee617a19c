/** Which JetStream stream takes a subject, asked at most once a second for each. */
import type * as Nats from "@nats-io/transport-node";
import type { Clock } from "../../base/clock.ts";

/** 2 s for the stream that takes a subject to be named. */
const LOOKUP_TIMEOUT_MS = 2_000;
/** 1 s: so long an answer about a subject holds, so that a batch asks once. */
const LOOKUP_TTL_MS = 1_000;
/** 1,000 subjects: a template of many subjects must not fill the memory. */
const MAX_LOOKUPS = 1_000;

/** some: a stream takes it; none: no stream does; away: JetStream does not answer; unknown: the user may not ask. */
export type StreamAnswer = "some" | "none" | "away" | "unknown";

export class StreamLookup {
  readonly #connection: Nats.NatsConnection;
  readonly #clock: Clock;
  readonly #known = new Map<string, { answer: Promise<StreamAnswer>; atMs: number }>();

  constructor(connection: Nats.NatsConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Whether a stream takes `subject`. Never rejects. */
  streamFor(subject: string): Promise<StreamAnswer> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#known.get(subject);
    if (known && nowMs - known.atMs < LOOKUP_TTL_MS) return known.answer;
    if (this.#known.size >= MAX_LOOKUPS) this.#known.clear();
    const answer = this.#ask(subject);
    this.#known.set(subject, { answer, atMs: nowMs });
    return answer;
  }

  async #ask(subject: string): Promise<StreamAnswer> {
    try {
      const message = await this.#connection.request("$JS.API.STREAM.NAMES", JSON.stringify({ subject }), {
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
