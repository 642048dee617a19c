/**
 * Brings the pages of an outbox into the lanes.
 *
 *   asking      one page is on its way from the server, or none
 *   taking in   pages that have arrived are shaped and queued, one after the other and in order. Of a backlog the next
 *               page is asked for before the one that arrived is taken in, so that the server works while we do
 *   shut        what comes next may not be sent (its fields have changed): nothing more is taken in, and the pipeline is
 *               switched off when it has nothing left
 *
 * A page that cannot be taken in ends the worker, and no later one is taken in: the position must not pass it. Bytes of a
 * page count as held from the question on, since several pipelines ask at the same time.
 */
import type { ArrayRow } from "../../pg/session.ts";
import type { Shape } from "../pipeline/shaping.ts";
import type { Lanes } from "./lanes.ts";
import type { Lookout } from "./lookout.ts";
import type { MemoryBudget } from "./memory.ts";
import type { RelayStep } from "./options.ts";
import { PageIntake, type Taken } from "./page-intake.ts";
import type { Position } from "./position.ts";
import { Reader } from "./reader.ts";
import type { SchemaWatch } from "./schema-watch.ts";
import type { WorkerContext } from "./worker.ts";

/** 1,000 rows of 1 KB are read in about 10 ms; larger pages gain little and hold more. */
const PAGE_ROWS = 1_000;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Messages of one pipeline between position and newest: bounds what a crash repeats, and what a blocked key holds up. */
const WINDOW_MESSAGES = 20_000;
/** A pipeline that has to wait for another one asks again after so long. */
const NOT_NOW_MS = 200;

export interface FeedOptions {
  context: WorkerContext;
  outbox: string;
  lookout: Lookout;
  memory: MemoryBudget;
  lanes: Lanes;
  position: Position;
  shape: Shape;
  /** Nothing after this id; undefined: no end. */
  lastId: bigint | undefined;
  /** Looks at the fields of events before they are taken. */
  schemas: SchemaWatch | undefined;
  /** Asked before a page is read; false: not now. */
  mayRead: (() => Promise<boolean>) | undefined;
  /** So many messages of a page were filtered out. */
  dropped(messages: number): void;
  /** Something happened that the loop should look at. */
  wake(): void;
}

export class Feed {
  readonly intake: PageIntake;
  readonly #options: FeedOptions;
  readonly #reader: Reader;
  /** Pages that were asked for and are not taken in. */
  #pages = 0;
  /** Of those, one that has not arrived. */
  #isAsking = false;
  #reservedBytes = 0;
  /** The newest id that has arrived. */
  #readId: bigint;
  #takingIn: Promise<void> = Promise.resolve();
  #shut: "no" | "sending" | "pausing" | "paused" = "no";

  constructor(options: FeedOptions) {
    const { context, outbox, lookout, shape, lanes, position, memory } = options;
    const { clock } = context.options;
    const netMs = context.pipeline.pollIntervalMs;
    const monotonicMs = () => clock.monotonicMs();
    this.#options = options;
    this.#readId = position.position;
    this.#reader = new Reader({ outbox, lease: context.lease, lookout, pageRows: PAGE_ROWS, netMs, monotonicMs });
    this.intake = new PageIntake({ outbox, shape, lanes, position, memory });
  }

  /** When it wants to read next. */
  get dueMs(): number {
    return this.#reader.dueMs;
  }

  /** Whether a page is on its way to the lanes. */
  get isReading(): boolean {
    return this.#pages > 0;
  }

  get isShut(): boolean {
    return this.#shut !== "no";
  }

  /** Shut, and the pipeline not switched off yet. */
  get isShutting(): boolean {
    return this.#shut === "sending" || this.#shut === "pausing";
  }

  /** Whether `switchOff` is to be called once nothing is left to send. */
  get wantsSwitchOff(): boolean {
    return this.#shut === "sending";
  }

  /** Whether nothing more is to be read, as far as is known now. */
  get isExhausted(): boolean {
    const { lastId } = this.#options;
    if (this.isShut) return !this.isReading;
    return (!this.isReading && this.#reader.isAsleep) || (lastId !== undefined && this.intake.lastId >= lastId);
  }

  /** Somebody published, or says so. */
  notified(): void {
    this.#reader.notified();
  }

  /** Whether another page may be asked for now. */
  hasRoom(): boolean {
    const { lastId, memory, lanes, position } = this.#options;
    if (this.#isAsking || this.isShut || (lastId !== undefined && this.#readId >= lastId)) return false;
    const arriving = this.#pages * PAGE_ROWS;
    if (this.#pages > 1 || lanes.queued > PAGE_ROWS || position.pending + arriving >= WINDOW_MESSAGES) return false;
    return memory.grant(PAGE_BYTES, this.#heldBytes) > 0;
  }

  /** Reads a page and takes it in. */
  async read(): Promise<void> {
    this.#pages += 1;
    let reserved = 0;
    try {
      const rows = await this.#next((bytes) => {
        reserved = bytes;
      });
      this.#takingIn = this.#takeIn(rows, this.#takingIn);
      await this.#takingIn;
    } finally {
      this.#pages -= 1;
      this.#reserve(-reserved);
    }
  }

  /** Switches the pipeline off. */
  async switchOff(): Promise<void> {
    this.#shut = "pausing";
    await this.#options.schemas?.pause();
    this.#shut = "paused";
  }

  get #heldBytes(): number {
    return this.intake.heldBytes + this.#reservedBytes;
  }

  #reserve(bytes: number): void {
    const { memory } = this.#options;
    this.#reservedBytes += bytes;
    if (bytes < 0) memory.free(-bytes);
    else memory.add(bytes);
  }

  /** The next page; `reserve` is told how many bytes are kept for it. */
  async #next(reserve: (bytes: number) => void): Promise<readonly ArrayRow[]> {
    const { mayRead, memory } = this.#options;
    this.#isAsking = true;
    try {
      if (mayRead !== undefined && !(await mayRead())) {
        this.#reader.postpone(NOT_NOW_MS);
        return [];
      }
      const bytes = memory.grant(PAGE_BYTES, this.#heldBytes);
      this.#reserve(bytes);
      reserve(bytes);
      return await this.#ask(bytes);
    } finally {
      this.#isAsking = false;
    }
  }

  async #ask(maxBytes: number): Promise<readonly ArrayRow[]> {
    const { context, lastId } = this.#options;
    const { clock } = context.options;
    const startedMs = clock.monotonicMs();
    const rows = await this.#reader.read(this.#readId, maxBytes);
    this.#readId = BigInt(rows.at(-1)?.[0] ?? this.#readId);
    context.voice.report({ type: "relay.polled", messages: rows.length, durationMs: clock.monotonicMs() - startedMs });
    return lastId === undefined ? rows : rows.filter(([id]) => BigInt(id ?? 0) <= lastId);
  }

  async #takeIn(rows: readonly ArrayRow[], before: Promise<void>): Promise<void> {
    const { context, wake } = this.#options;
    const hasSteps = context.options.atStep !== undefined && rows.length > 0;
    if (this.#reader.hasBacklog) await afterAskingFor(wake);
    await before;
    if (this.isShut) return;
    if (hasSteps) await this.#steps("page_read", "durable");
    await this.#queue(rows);
    if (hasSteps) await this.#steps("encoded");
  }

  async #queue(rows: readonly ArrayRow[]): Promise<void> {
    const { schemas, dropped } = this.#options;
    let left = rows;
    while (left.length > 0) {
      const taken: Taken = this.intake.take(left, schemas?.judge);
      if (taken.dropped > 0) dropped(taken.dropped);
      left = left.slice(taken.messages);
      if (left.length > 0 && !(await schemas?.ask())) {
        this.#shut = "sending";
        return;
      }
    }
  }

  async #steps(...steps: RelayStep[]): Promise<void> {
    const { options, pipeline } = this.#options.context;
    for (const step of steps) await options.atStep?.(step, pipeline.name);
  }
}

/** Lets the loop ask for the next page, and that question leave. */
function afterAskingFor(wake: () => void): Promise<void> {
  wake();
  return new Promise((resolve) => setImmediate(resolve));
}
