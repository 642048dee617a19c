/**
 * When an outbox is read, and how the relay waits for more.
 *
 *   awake    reads again at once after a full page and a moment after a short one; an empty read -> asleep.
 *   asleep   publishers are asked to notify (relay_sleep), then the outbox is read once more, because an event in
 *            between was not told. A notification or a timer reads; a stream of events -> awake (relay_wake), so that
 *            busy publishers are spared the notifications.
 *
 * A full page means that there is a backlog. Then the server is asked once up to where everything is settled and durable, and
 * the rows up to there are read by plain statements.
 *
 * A notification carries nothing but "look", so a lost or a forged one costs time and never an event. One stands for all
 * transactions that overlap, so the timer is short after rows and after a notification that led to nothing: an
 * open transaction may hold events back, and should it roll back, nobody will tell.
 */
import type { ArrayRow, Session } from "../../pg/session.ts";
import {
  beginSleep,
  endSleep,
  type Horizon,
  hasSettledRows,
  type PageRequest,
  readHorizon,
  readPage,
  readSettledId,
  readSettledPage,
} from "../store/outbox-pages.ts";
import type { Lookout } from "./lookout.ts";
import type { Lease } from "./worker.ts";

/** Next read after a page that was not full. */
const AWAKE_POLL_MS = 2;
/** A sleeper's next read after some rows, or after a notification that led to nothing; doubled while nothing comes. */
const SOON_MS = 15;
/** Who was awake goes on looking for so long: publishers that overlap are held back by each other for moments. */
const LINGER_MS = 30;
const FIRST_NET_MS = 200;
/** Pipelines that rest wake at the same moments, so that many cost the process about as much as one. */
const ALIGN_MS = 200;
/** So many reads with rows, each soon after the last, are a stream. */
const STREAM_READS = 4;
const STREAM_GAP_MS = 20;
/** A page of so many rows is one, too. */
const STREAM_ROWS = 50;
/** Pages after a large row that are not tried the fast way, which is of no use where rows are large. */
const LARGE_PAGES = 16;

export interface ReaderOptions {
  outbox: string;
  lease: Pick<Lease, "use">;
  lookout: Lookout;
  pageRows: number;
  /** Longest wait without a notification. */
  netMs: number;
  monotonicMs: () => number;
}

export class Reader {
  readonly #options: ReaderOptions;
  #isAwake = true;
  #isReading = false;
  #isNotified = false;
  /** While the sequence stands here there is nothing to read; undefined: not known. */
  #quietId: bigint | undefined;
  #wasEmpty = false;
  #dueMs = 0;
  #waitMs = FIRST_NET_MS;
  #streak = 0;
  #rowsAtMs = Number.NEGATIVE_INFINITY;
  /** The last page was full: there is more. */
  #hasBacklog = false;
  /** Everything up to here is settled and durable. */
  #settledId = 0n;
  /** Pages to be read the slow way, because of large rows. */
  #largePages = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Whether the last thing this reader saw was an empty outbox. */
  get isAsleep(): boolean {
    return !this.#isAwake && this.#wasEmpty && !this.#isReading && !this.#isNotified;
  }

  /** When it wants to read next. */
  get dueMs(): number {
    if (this.#isReading) return Number.POSITIVE_INFINITY;
    return this.#isNotified ? 0 : this.#dueMs;
  }

  notified(): void {
    this.#isNotified = true;
  }

  /** Whether the last page was full, so that the next one is worth asking for at once. */
  get hasBacklog(): boolean {
    return this.#hasBacklog;
  }

  /** Not now: asks again after so long. */
  postpone(ms: number): void {
    this.#isNotified = false;
    this.#dueMs = this.#options.monotonicMs() + ms;
  }

  /** Reads a page after `after`. An empty one means that there was nothing to read at that time. */
  async read(after: bigint, maxBytes: number): Promise<ArrayRow[]> {
    this.#isReading = true;
    const wasNotified = this.#isNotified;
    this.#isNotified = false;
    try {
      const rows = await this.#read(after, maxBytes, wasNotified);
      this.#plan(rows.length, wasNotified);
      return rows;
    } finally {
      this.#isReading = false;
    }
  }

  #read(after: bigint, maxBytes: number, wasNotified: boolean): Promise<ArrayRow[]> {
    const { lease, lookout, outbox, pageRows } = this.#options;
    const request = { outbox, after, limit: pageRows, maxBytes };
    return lease.use(async (session) => {
      const isUntold = !this.#isAwake && !wasNotified;
      if (isUntold && this.#quietId !== undefined && (await lookout.lastId(session)) === this.#quietId) return [];
      // Before the page: what was given an id by now is settled and visible to it, if nothing is held back.
      const horizon = isUntold ? await readHorizon(session, outbox) : undefined;
      const rows = await this.#page(session, request);
      this.#quietId = rows.length === 0 ? await quietAt(session, request, horizon) : undefined;
      if (rows.length > 0) {
        if (!this.#isAwake && this.#isStream(rows.length)) {
          await endSleep(session, outbox);
          this.#isAwake = true;
        }
        return rows;
      }
      if (!this.#isAwake || this.#options.monotonicMs() - this.#rowsAtMs < LINGER_MS) return rows;
      await beginSleep(session, outbox);
      this.#isAwake = false;
      this.#waitMs = FIRST_NET_MS;
      return this.#page(session, request);
    });
  }

  async #page(session: Session, request: PageRequest): Promise<ArrayRow[]> {
    if (this.#hasBacklog && this.#largePages === 0) {
      const rows = await this.#settledPage(session, request);
      if (rows.length > 0) return rows;
    }
    if (this.#largePages > 0) this.#largePages -= 1;
    const rows = await readPage(session, request);
    this.#hasBacklog = this.#isFull(rows, request.maxBytes);
    return rows;
  }

  /** Empty: the slow way has to tell. */
  async #settledPage(session: Session, request: PageRequest): Promise<ArrayRow[]> {
    if (request.after >= this.#settledId) this.#settledId = await readSettledId(session, request.outbox);
    if (request.after >= this.#settledId) return [];
    const { rows, end } = await readSettledPage(session, request, this.#settledId);
    if (end === "large") this.#largePages = LARGE_PAGES;
    return rows;
  }

  #isStream(rows: number): boolean {
    return rows >= STREAM_ROWS || this.#streak >= STREAM_READS;
  }

  #plan(rows: number, wasNotified: boolean): void {
    const nowMs = this.#options.monotonicMs();
    this.#wasEmpty = rows === 0;
    if (rows > 0) {
      this.#streak = nowMs - this.#rowsAtMs < STREAM_GAP_MS ? this.#streak + 1 : 0;
      this.#rowsAtMs = nowMs;
      this.#waitMs = SOON_MS;
      this.#dueMs = nowMs + (this.#hasBacklog ? 0 : this.#isAwake ? AWAKE_POLL_MS : SOON_MS);
      return;
    }
    if (this.#isAwake) {
      this.#dueMs = nowMs + AWAKE_POLL_MS;
      return;
    }
    this.#streak = 0;
    this.#waitMs = wasNotified ? SOON_MS : this.#waitMs;
    this.#dueMs =
      this.#waitMs < ALIGN_MS ? nowMs + this.#waitMs : Math.ceil((nowMs + this.#waitMs) / ALIGN_MS) * ALIGN_MS;
    this.#waitMs = Math.min(this.#waitMs * 2, Math.max(this.#options.netMs, SOON_MS));
  }

  /** Whether there is probably more: a page ends at its rows or at its bytes. */
  #isFull(rows: readonly ArrayRow[], maxBytes: number): boolean {
    if (rows.length >= this.#options.pageRows) return true;
    let bytes = 0;
    for (const row of rows) bytes += (row[1]?.length ?? 0) + (row[2]?.length ?? 0);
    return rows.length > 0 && bytes * 2 >= maxBytes;
  }
}

/**
 * The id up to which an empty page is the whole truth; undefined when it may not be. Who began to publish between the look
 * at the horizon and the page holds back what others have committed since its mark, and may end without an id of its own.
 */
async function quietAt(
  session: Session,
  request: PageRequest,
  horizon: Horizon | undefined,
): Promise<bigint | undefined> {
  if (horizon === undefined || horizon.upper !== horizon.last) return undefined;
  return (await hasSettledRows(session, request, horizon.last)) ? undefined : horizon.last;
}
