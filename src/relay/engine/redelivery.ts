/**
 * Dead letters that are to be tried again, and the keys that wait behind one.
 *
 * Looks every so often: takes in what is due, and lets go of keys whose dead letters have been resolved. One that was taken in is
 * not taken again before its outcome is recorded.
 */
import { readBlockingKeys, readDueDeadLetters } from "../store/dead-letters.ts";
import type { Lanes } from "./lanes.ts";
import type { Lookout } from "./lookout.ts";
import type { PageIntake } from "./page-intake.ts";
import type { Recorder } from "./recorder.ts";
import type { WorkerContext } from "./worker.ts";

const REDELIVERY_POLL_MS = 1_000;
const REDELIVERY_LIMIT = 100;

export interface RedeliveryOptions {
  context: WorkerContext;
  outbox: string;
  lookout: Lookout;
  lanes: Lanes;
  intake: PageIntake;
  recorder: Recorder;
  /** Which dead letters are to be delivered again now: all of the pipeline, those of this outbox only, or none. */
  redelivers: () => "all" | "own" | "none";
}

export class Redelivery {
  readonly #options: RedeliveryOptions;
  readonly #underway = new Set<string>();
  #dueMs = 0;
  #isLooking = false;
  #hasLooked = false;
  #hasMore = false;

  constructor(options: RedeliveryOptions) {
    this.#options = options;
  }

  /** When it wants to look; infinite: it is looking. */
  get dueMs(): number {
    return this.#isLooking ? Number.POSITIVE_INFINITY : this.#dueMs;
  }

  get isLooking(): boolean {
    return this.#isLooking;
  }

  /** Whether it has looked at all. */
  get hasLooked(): boolean {
    return this.#hasLooked;
  }

  /** Whether the last look found as many as it takes at once. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Takes in what is due, and lets go of keys whose dead letters have been resolved. */
  async look(): Promise<void> {
    const { context } = this.#options;
    this.#isLooking = true;
    try {
      await this.#releaseKeys();
      this.#hasLooked = true;
      this.#hasMore = false;
      if (this.#options.redelivers() !== "none") await this.#takeDue();
    } finally {
      this.#isLooking = false;
      this.#dueMs = context.options.clock.monotonicMs() + REDELIVERY_POLL_MS;
    }
  }

  /** Their outcome is recorded. */
  recorded(letters: readonly { id: string }[]): void {
    for (const { id } of letters) this.#underway.delete(id);
    // Those after them do not wait for the next look.
    if (this.#hasMore && this.#underway.size === 0) this.#dueMs = 0;
  }

  /** Holds every key that has an unresolved dead letter. */
  async blockKeys(): Promise<void> {
    const { lease, pipeline } = this.#options.context;
    const keys = await lease.use((session) => readBlockingKeys(session, pipeline.name));
    for (const orderKey of keys) this.#options.lanes.block(orderKey);
  }

  async #takeDue(): Promise<void> {
    const { context, outbox, lookout, intake, recorder, redelivers } = this.#options;
    const { name } = context.pipeline;
    const request = { pipeline: name, outbox, limit: REDELIVERY_LIMIT };
    const due = await context.lease.use(async (session) =>
      (await lookout.hasDueLetters(session, name)) ? readDueDeadLetters(session, request) : [],
    );
    const own = due.filter(({ source }) => redelivers() === "all" || source === outbox);
    const fresh = own.filter(({ id }) => !this.#underway.has(id));
    for (const letter of fresh) {
      this.#underway.add(letter.id);
      if (!intake.takeDeadLetter(letter)) recorder.redelivered({ id: letter.id, failure: undefined });
    }
    this.#hasMore = due.length === REDELIVERY_LIMIT && fresh.length > 0;
  }

  async #releaseKeys(): Promise<void> {
    const { lanes, recorder } = this.#options;
    const blocked = lanes.blockedKeys();
    if (blocked.length === 0 || recorder.isPending || recorder.isRecording) return;
    const { lease, pipeline } = this.#options.context;
    const blocking = await lease.use((session) => readBlockingKeys(session, pipeline.name));
    if (recorder.isPending) return;
    for (const orderKey of blocked) if (!blocking.has(orderKey)) lanes.release(orderKey);
  }
}
