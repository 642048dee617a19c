/**
 * Whether any id was given out since somebody last looked, asked once for all pipelines of the process.
 *
 * A relay that sleeps looks now and then without being told. All outboxes share one sequence, so one look answers for
 * every pipeline that had nothing to read when the sequence stood where it still stands.
 */
import type { Session } from "../../pg/session.ts";
import { readLastId } from "../store/outbox-pages.ts";

/** 400 ms: with the longest wait between two looks of a pipeline, so late is an event seen that nobody told of. */
const MAX_AGE_MS = 400;

export class SequenceWatch {
  readonly #monotonicMs: () => number;
  #last: { id: bigint; atMs: number } | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** The last id given out by any outbox, at most MAX_AGE_MS ago. */
  async lastId(session: Session): Promise<bigint> {
    const askedAtMs = this.#monotonicMs();
    if (this.#last !== undefined && askedAtMs - this.#last.atMs < MAX_AGE_MS) return this.#last.id;
    const id = await readLastId(session);
    this.#last = { id, atMs: askedAtMs };
    return id;
  }
}
