/**
 * What pipelines that have nothing to do would each ask for, asked once for all of the process.
 *
 * A relay that sleeps looks now and then without being told. All outboxes share one sequence, so one look at it answers for
 * every pipeline that had nothing to read when it stood where it still stands; and one question tells which pipelines have
 * dead letters to try again. Answers are kept for moments; each is asked for over the session of whoever needs it, so a
 * session that fails fails its own pipeline only.
 */
import type { Session } from "../../pg/session.ts";
import { readPipelinesWithDue } from "../store/dead-letters.ts";
import { readLastId } from "../store/outbox-pages.ts";

/** 400 ms: with the longest wait between two looks of a pipeline, so late is an event seen that nobody told of. */
const SEQUENCE_MAX_AGE_MS = 400;
/** 1.5 s: dead letters are tried again because somebody asked, and is looking. */
const DUE_MAX_AGE_MS = 1_500;

export class Lookout {
  readonly #lastId: Kept<bigint>;
  readonly #due: Kept<ReadonlySet<string>>;

  constructor(monotonicMs: () => number) {
    this.#lastId = new Kept(SEQUENCE_MAX_AGE_MS, readLastId, monotonicMs);
    this.#due = new Kept(DUE_MAX_AGE_MS, readPipelinesWithDue, monotonicMs);
  }

  /** The last id given out by any outbox. */
  lastId(session: Session): Promise<bigint> {
    return this.#lastId.value(session);
  }

  /** Whether a forward pipeline has dead letters that are to be tried again. */
  async hasDueLetters(session: Session, pipeline: string): Promise<boolean> {
    return (await this.#due.value(session)).has(pipeline);
  }
}

/** An answer that holds for a while after it was asked for. */
class Kept<Value> {
  readonly #maxAgeMs: number;
  readonly #ask: (session: Session) => Promise<Value>;
  readonly #monotonicMs: () => number;
  #answer: { value: Value; atMs: number } | undefined;

  constructor(maxAgeMs: number, ask: (session: Session) => Promise<Value>, monotonicMs: () => number) {
    this.#maxAgeMs = maxAgeMs;
    this.#ask = ask;
    this.#monotonicMs = monotonicMs;
  }

  async value(session: Session): Promise<Value> {
    const atMs = this.#monotonicMs();
    if (this.#answer !== undefined && atMs - this.#answer.atMs < this.#maxAgeMs) return this.#answer.value;
    const value = await this.#ask(session);
    this.#answer = { value, atMs };
    return value;
  }
}
