/**
 * The loop of a forward pipeline: read, shape, send, settle, record.
 *
 * One turn of the loop starts whatever can be started, without waiting, and then waits for the next thing to happen:
 *
 *   reading     one page is on its way, or none; the next begins while the one before is still being sent, as long as
 *               the window and the memory of the process have room
 *   sending     as many batches as the sink has lanes, the gate allows and the rate limit has tokens for
 *   recording   one fenced call at a time: position, dead letters, redelivered ones
 *   waiting     for an answer, a page, a notification, or the earliest time at which something is due
 *
 *   running -> draining   `stop`: nothing new is read or sent; what is on its way is settled and recorded
 *           -> ended      drained; until-idle and nothing left; `end` (lease lost, time over): nothing more is written
 *
 * A crash at any point repeats what was sent after the last recorded position and loses nothing: the position is below
 * everything that is not settled, and dead letters are written with it. Bounds: WINDOW_MESSAGES per pipeline, and the
 * bytes of all pipelines of the process together.
 */
import type { ArrayRow } from "../../pg/session.ts";
import type { DeadLetter } from "../store/checkpoints.ts";
import { readBlockingKeys, readDueDeadLetters } from "../store/dead-letters.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import { Gate } from "./gate.ts";
import { type Item, Lanes } from "./lanes.ts";
import type { Lookout } from "./lookout.ts";
import type { MemoryBudget } from "./memory.ts";
import type { RelayStep } from "./options.ts";
import { PageIntake, type Taken } from "./page-intake.ts";
import type { Outlet } from "./parts.ts";
import { Position } from "./position.ts";
import { Reader } from "./reader.ts";
import { type Recorded, Recorder } from "./recorder.ts";
import type { SchemaWatch } from "./schema-watch.ts";
import { Sender } from "./sender.ts";
import { type Settlement, Settler } from "./settle.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { WorkerContext } from "./worker.ts";

/** 1,000 rows of 1 KB are read in about 10 ms; larger pages gain little and hold more. */
const PAGE_ROWS = 1_000;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Messages of one pipeline between position and newest: bounds what a crash repeats, and what a blocked key holds up. */
const WINDOW_MESSAGES = 20_000;
/** Looking whether dead letters are to be delivered again, and keys to be released. */
const REDELIVERY_POLL_MS = 1_000;
const REDELIVERY_LIMIT = 100;
/** A pipeline that has to wait for another one asks again after so long. */
const NOT_NOW_MS = 200;
const NEVER = Number.POSITIVE_INFINITY;
/** What came in is looked at, what went wrong is counted, at most so long after. Longer than any timer should be late. */
const LONGEST_WAIT_MS = 60_000;

export interface LoopOptions {
  context: WorkerContext;
  memory: MemoryBudget;
  lookout: Lookout;
  /** Whose position, dead letters and lease. */
  key: PipelineKey;
  outbox: string;
  outlet: Outlet;
  /** Where to begin. */
  start: bigint;
  /** Ends after this id; undefined: never. */
  lastId: bigint | undefined;
  withReceipts: boolean;
  /** Which dead letters are to be delivered again now: all of the pipeline, those of this outbox only, or none. */
  redelivers: () => "all" | "own" | "none";
  /** False: what is settled is recorded by somebody else. */
  keepsPosition: boolean;
  /** Looks at the fields of events before they are taken. */
  schemas: SchemaWatch | undefined;
  /** Asked before a page is read; false: not now. */
  mayRead: (() => Promise<boolean>) | undefined;
}

export class ForwardLoop implements Settlement {
  readonly #options: LoopOptions;
  readonly #position: Position;
  readonly #lanes: Lanes;
  readonly #gate: Gate;
  readonly #reader: Reader;
  readonly #recorder: Recorder;
  readonly #sender: Sender;
  readonly #intake: PageIntake;
  readonly #redelivering = new Set<string>();
  #redeliveryDueMs = 0;
  /** The last look found as many dead letters as it takes at once. */
  #hasMoreLetters = false;
  #isReading = false;
  #isLooking = false;
  #hasLooked = false;
  #isPoked = false;
  #isHalted = false;
  /** What comes next may not be sent: nothing more is read, and the pipeline is switched off when it has nothing left. */
  #shut: "no" | "sending" | "pausing" | "paused" = "no";
  #resume: (() => void) | undefined;
  #failure: { error: unknown } | undefined;

  constructor(options: LoopOptions) {
    const { context, outlet, outbox, start, memory, key } = options;
    const { pipeline, lease } = context;
    const { clock, random } = context.options;
    const monotonicMs = () => clock.monotonicMs();
    this.#options = options;
    this.#position = new Position(start);
    this.#lanes = new Lanes({
      lanes: outlet.lanes,
      batchMessages: Math.min(outlet.limits.batchMessages, pipeline.batchSize),
      batchBytes: outlet.limits.batchBytes,
    });
    this.#gate = new Gate({
      breaker: pipeline.circuitBreaker,
      backoff: { firstMs: pipeline.retry.backoffMs, maxMs: pipeline.retry.maxBackoffMs },
      random,
      monotonicMs,
    });
    const netMs = pipeline.pollIntervalMs;
    this.#reader = new Reader({ outbox, lease, lookout: options.lookout, pageRows: PAGE_ROWS, netMs, monotonicMs });
    this.#recorder = new Recorder(
      {
        key,
        outbox,
        sink: outlet.sinkType,
        lease,
        monotonicMs,
        withReceipts: options.withReceipts,
        keepsPosition: options.keepsPosition,
      },
      start,
    );
    const { lanes: waiting, gate } = { lanes: this.#lanes, gate: this.#gate };
    const settler = new Settler({
      pipeline,
      sinkType: outlet.sinkType,
      lanes: waiting,
      gate,
      settlement: this,
      random,
      monotonicMs,
    });
    this.#sender = new Sender({
      context,
      outlet,
      lanes: waiting,
      gate,
      settler,
      rate: pipeline.rateLimit && new TokenBucket(pipeline.rateLimit, clock),
      wake: this.#wake,
      fail: this.#fail,
    });
    this.#intake = new PageIntake({ outbox, shape: outlet.shape, lanes: waiting, position: this.#position, memory });
  }

  async run(): Promise<void> {
    const { context } = this.#options;
    context.stop.addEventListener("abort", this.#wake, { once: true });
    context.end.addEventListener("abort", this.#wake, { once: true });
    if (context.pipeline.onDeadLetter === "block") await this.#blockKeys();
    context.voice.state("running");
    while (!context.end.aborted && !this.#isHalted) {
      this.#turn();
      if (this.#failure) throw this.#failure.error;
      if (this.#isDone()) return;
      await this.#pause();
    }
  }

  /** Somebody published, or says so. */
  notified(): void {
    this.#reader.notified();
    this.#wake();
  }

  /** Whether it has delivered what there is. */
  get isAtRest(): boolean {
    return this.#work() !== "goes_on";
  }

  /** Whether everything up to the last id is settled and recorded. */
  get isComplete(): boolean {
    return this.#isExhausted() && this.#position.pending === 0 && !this.#recorder.isPending;
  }

  /** Ends it, what is not settled left as it is. */
  halt(): void {
    this.#isHalted = true;
    this.#wake();
  }

  /** Ends it with an error. */
  fail(error: unknown): void {
    this.#fail(error);
  }

  async close(): Promise<void> {
    const { context, memory } = this.#options;
    context.stop.removeEventListener("abort", this.#wake);
    context.end.removeEventListener("abort", this.#wake);
    memory.forget(this.#wake);
    this.#intake.leaveAll();
    await this.#sender.close();
  }

  // Settlement: what the settler decides.

  settled(item: Item): void {
    if (item.slot === undefined) return;
    this.#position.settle(item.slot);
    this.#recorder.delivered();
    this.#recorder.settled(1, this.#position.position);
    this.#intake.leave(item);
  }

  dead(item: Item, letter: DeadLetter): void {
    this.#recorder.dead(letter);
    if (item.slot !== undefined) this.#position.settle(item.slot);
    this.#recorder.settled(1, this.#position.position);
    this.#intake.leave(item);
  }

  redelivered(item: Item, failure: string | undefined): void {
    if (item.deadLetter !== undefined) this.#recorder.redelivered({ id: item.deadLetter, failure });
    this.#intake.leave(item);
  }

  #turn(): void {
    const { context } = this.#options;
    const nowMs = context.options.clock.monotonicMs();
    if (!context.stop.aborted) {
      this.#sender.start();
      if (this.#shut === "sending" && this.#lanes.queued === 0 && !this.#sender.isBusy) this.#start(this.#switchOff());
      if (this.#reader.dueMs <= nowMs && this.#hasRoom()) this.#start(this.#read());
      if (this.#redeliveryDueMs <= nowMs && !this.#isLooking) this.#start(this.#redeliver());
    }
    if (this.#recorder.dueMs(this.#work()) <= nowMs && context.lease.isHeld()) this.#start(this.#record());
  }

  #start(work: Promise<void>): void {
    work.catch(this.#fail).finally(this.#wake);
  }

  #work(): "goes_on" | "rests" | "ends" {
    const { context } = this.#options;
    if (this.#sender.isBusy) return "goes_on";
    if (context.stop.aborted) return "ends";
    if (this.#lanes.queued > 0 || !this.#isExhausted()) return "goes_on";
    return context.options.untilIdle ? "ends" : "rests";
  }

  /** Whether nothing more is to be read, as far as is known now. */
  #isExhausted(): boolean {
    const { lastId } = this.#options;
    if (this.#shut !== "no") return !this.#isReading;
    return (!this.#isReading && this.#reader.isAsleep) || (lastId !== undefined && this.#intake.lastId >= lastId);
  }

  #isDone(): boolean {
    const { context, lastId } = this.#options;
    if (this.#sender.isBusy || this.#recorder.isRecording || this.#isReading || this.#isLooking) return false;
    const isRecorded = !this.#recorder.isPending;
    if (context.stop.aborted) return isRecorded || !context.lease.isHeld();
    if (this.#shut === "sending" || this.#shut === "pausing") return false;
    if (!context.options.untilIdle && lastId === undefined) return false;
    const isStill = this.#lanes.queued === 0 && this.#lanes.dueMs() === NEVER && !this.#hasMoreLetters;
    return isRecorded && isStill && this.#hasLooked && this.#isExhausted();
  }

  #hasRoom(): boolean {
    const { lastId, memory } = this.#options;
    if (this.#isReading || this.#shut !== "no" || (lastId !== undefined && this.#intake.lastId >= lastId)) return false;
    if (this.#lanes.queued > PAGE_ROWS || this.#position.pending >= WINDOW_MESSAGES) return false;
    return memory.grant(PAGE_BYTES, this.#intake.heldBytes) > 0;
  }

  /** One at a time, from the question whether it may to the last row taken in: the next begins after these. */
  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      const { mayRead } = this.#options;
      if (mayRead !== undefined && !(await mayRead())) this.#reader.postpone(NOT_NOW_MS);
      else await this.#readPage();
    } finally {
      this.#isReading = false;
    }
    if (this.#work() === "rests" && this.#shut === "no") this.#options.context.voice.state("idle");
  }

  async #readPage(): Promise<void> {
    const { context, memory, lastId } = this.#options;
    const { clock } = context.options;
    const startedMs = clock.monotonicMs();
    const maxBytes = memory.grant(PAGE_BYTES, this.#intake.heldBytes);
    const rows = await this.#reader.read(this.#intake.lastId, maxBytes);
    if (context.options.atStep && rows.length > 0) await this.#steps("page_read", "durable");
    const within = lastId === undefined ? rows : rows.filter(([id]) => BigInt(id ?? 0) <= lastId);
    context.voice.report({ type: "relay.polled", messages: rows.length, durationMs: clock.monotonicMs() - startedMs });
    await this.#takeIn(within);
    if (context.options.atStep && rows.length > 0) await this.#steps("encoded");
  }

  async #takeIn(rows: readonly ArrayRow[]): Promise<void> {
    const { schemas } = this.#options;
    let left = rows;
    while (left.length > 0) {
      const taken = this.#intake.take(left, schemas?.judge);
      this.#tellDropped(taken);
      left = left.slice(taken.messages);
      if (left.length > 0 && !(await schemas?.ask())) {
        this.#shut = "sending";
        return;
      }
    }
  }

  async #switchOff(): Promise<void> {
    this.#shut = "pausing";
    await this.#options.schemas?.pause();
    this.#shut = "paused";
  }

  #tellDropped({ messages, dropped }: Taken): void {
    const { context, outlet } = this.#options;
    if (dropped === 0) return;
    this.#recorder.settled(dropped, this.#position.position);
    context.voice.report({
      type: "relay.batch_settled",
      batch: `${context.lease.epoch}-filtered`,
      connector: outlet.sinkType,
      messages: dropped,
      delivered: 0,
      retried: 0,
      dead: 0,
      dropped,
      bytes: 0,
      attempt: 1,
      durationMs: 0,
      latencyMs: { oldest: 0, newest: 0 },
    });
    if (messages === dropped) this.#wake();
  }

  async #record(): Promise<void> {
    const { context } = this.#options;
    const recorded = await this.#recorder.record();
    if (recorded === undefined) return;
    if (context.options.atStep && recorded.deadLetters.length > 0) await this.#steps("dead_letters_written");
    if (context.options.atStep) await this.#steps("checkpoint_committed");
    for (const { id } of recorded.redelivered) this.#redelivering.delete(id);
    // Those after them do not wait for the next look.
    if (this.#hasMoreLetters && this.#redelivering.size === 0) this.#redeliveryDueMs = 0;
    this.#tellRecorded(recorded);
  }

  #tellRecorded({ position, durationMs, receipts, deadLetters }: Recorded): void {
    const { voice } = this.#options.context;
    voice.report({ type: "relay.checkpoint", position, durationMs, receipts });
    const kinds = new Map<DeadLetter["kind"], number>();
    for (const { kind } of deadLetters) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    for (const [kind, count] of kinds) voice.report({ type: "relay.dead_letters", count, kind });
  }

  /** Takes in dead letters that are due again, and lets go of keys whose dead letters have been resolved. */
  async #redeliver(): Promise<void> {
    const { context, outbox, lookout } = this.#options;
    const { name } = context.pipeline;
    const redelivers = this.#options.redelivers();
    this.#isLooking = true;
    try {
      await this.#releaseKeys();
      this.#hasLooked = true;
      this.#hasMoreLetters = false;
      if (redelivers === "none") return;
      const request = { pipeline: name, outbox, limit: REDELIVERY_LIMIT };
      const due = await context.lease.use(async (session) =>
        (await lookout.hasDueLetters(session, name)) ? readDueDeadLetters(session, request) : [],
      );
      const own = due.filter(({ source }) => redelivers === "all" || source === outbox);
      const fresh = own.filter(({ id }) => !this.#redelivering.has(id));
      for (const letter of fresh) {
        this.#redelivering.add(letter.id);
        if (!this.#intake.takeDeadLetter(letter)) this.#recorder.redelivered({ id: letter.id, failure: undefined });
      }
      this.#hasMoreLetters = due.length === REDELIVERY_LIMIT && fresh.length > 0;
    } finally {
      this.#isLooking = false;
      this.#redeliveryDueMs = context.options.clock.monotonicMs() + REDELIVERY_POLL_MS;
    }
  }

  async #releaseKeys(): Promise<void> {
    const blocked = this.#lanes.blockedKeys();
    if (blocked.length === 0 || this.#recorder.isPending || this.#recorder.isRecording) return;
    const { lease, pipeline } = this.#options.context;
    const blocking = await lease.use((session) => readBlockingKeys(session, pipeline.name));
    if (this.#recorder.isPending) return;
    for (const orderKey of blocked) if (!blocking.has(orderKey)) this.#lanes.release(orderKey);
  }

  async #blockKeys(): Promise<void> {
    const { lease, pipeline } = this.#options.context;
    const keys = await lease.use((session) => readBlockingKeys(session, pipeline.name));
    for (const orderKey of keys) this.#lanes.block(orderKey);
  }

  async #steps(...steps: RelayStep[]): Promise<void> {
    const { options, pipeline } = this.#options.context;
    for (const step of steps) await options.atStep?.(step, pipeline.name);
  }

  /** Until something happens or something is due. */
  async #pause(): Promise<void> {
    if (!this.#isPoked) {
      const waitMs = this.#dueMs() - this.#options.context.options.clock.monotonicMs();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, Math.ceil(Math.min(waitMs, LONGEST_WAIT_MS))));
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resume = undefined;
    }
    this.#isPoked = false;
  }

  #dueMs(): number {
    const { context, memory } = this.#options;
    const recordMs = this.#recorder.dueMs(this.#work());
    if (context.stop.aborted) return recordMs;
    let readMs = this.#reader.dueMs;
    if (!this.#hasRoom()) {
      readMs = NEVER;
      memory.whenFreed(this.#wake);
    }
    // Who rests looks for dead letters when it looks for events, so that it wakes once for both.
    const lookMs = this.#isLooking
      ? NEVER
      : this.#work() === "rests" && !this.#hasMoreLetters
        ? Math.max(this.#redeliveryDueMs, readMs)
        : this.#redeliveryDueMs;
    return Math.min(recordMs, readMs, lookMs, this.#sender.dueMs());
  }

  #wake = (): void => {
    this.#isPoked = true;
    this.#resume?.();
  };

  #fail = (error: unknown): void => {
    this.#failure ??= { error };
    this.#wake();
  };
}
