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
import type { DeadLetter } from "../store/checkpoints.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import { Feed } from "./feed.ts";
import { Gate } from "./gate.ts";
import { type Item, Lanes } from "./lanes.ts";
import type { Lookout } from "./lookout.ts";
import type { MemoryBudget } from "./memory.ts";
import type { RelayStep } from "./options.ts";
import type { Outlet } from "./parts.ts";
import { Position } from "./position.ts";
import { type Recorded, Recorder } from "./recorder.ts";
import { Redelivery } from "./redelivery.ts";
import type { SchemaWatch } from "./schema-watch.ts";
import { Sender } from "./sender.ts";
import { type Settlement, Settler } from "./settle.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { WorkerContext } from "./worker.ts";

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
  readonly #feed: Feed;
  readonly #recorder: Recorder;
  readonly #sender: Sender;
  readonly #redelivery: Redelivery;
  #isPoked = false;
  #isHalted = false;
  #resume: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires; infinite: none is set. */
  #timerAtMs = NEVER;
  #failure: { error: unknown } | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#position = new Position(options.start);
    this.#lanes = lanesOf(options);
    this.#gate = gateOf(options);
    this.#recorder = recorderOf(options);
    this.#sender = this.#newSender();
    this.#feed = this.#newFeed();
    this.#redelivery = this.#newRedelivery();
  }

  #newSender(): Sender {
    const { context, outlet } = this.#options;
    const { pipeline } = context;
    const { clock, random } = context.options;
    const settler = new Settler({
      pipeline,
      sinkType: outlet.sinkType,
      lanes: this.#lanes,
      gate: this.#gate,
      settlement: this,
      random,
      monotonicMs: () => clock.monotonicMs(),
    });
    return new Sender({
      context,
      outlet,
      lanes: this.#lanes,
      gate: this.#gate,
      settler,
      rate: pipeline.rateLimit && new TokenBucket(pipeline.rateLimit, clock),
      wake: this.#wake,
      fail: this.#fail,
    });
  }

  #newFeed(): Feed {
    const { context, outbox, outlet, lookout, memory, lastId, schemas, mayRead } = this.#options;
    return new Feed({
      context,
      outbox,
      lookout,
      memory,
      lanes: this.#lanes,
      position: this.#position,
      shape: outlet.shape,
      lastId,
      schemas,
      mayRead,
      dropped: (messages) => this.#tellDropped(messages),
      wake: this.#wake,
    });
  }

  #newRedelivery(): Redelivery {
    const { context, outbox, lookout, redelivers } = this.#options;
    const { intake } = this.#feed;
    return new Redelivery({
      context,
      outbox,
      lookout,
      lanes: this.#lanes,
      intake,
      recorder: this.#recorder,
      redelivers,
    });
  }

  async run(): Promise<void> {
    const { context } = this.#options;
    context.stop.addEventListener("abort", this.#wake, { once: true });
    context.end.addEventListener("abort", this.#wake, { once: true });
    if (context.pipeline.onDeadLetter === "block") await this.#redelivery.blockKeys();
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
    this.#feed.notified();
    this.#wake();
  }

  /** Whether it has delivered what there is. */
  get isAtRest(): boolean {
    return this.#work() !== "goes_on";
  }

  /** Whether everything up to the last id is settled and recorded. */
  get isComplete(): boolean {
    return this.#feed.isExhausted && this.#position.pending === 0 && !this.#recorder.isPending;
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
    clearTimeout(this.#timer);
    this.#feed.intake.leaveAll();
    await this.#sender.close();
  }

  // Settlement: what the settler decides.

  settled(item: Item): void {
    if (item.slot === undefined) return;
    this.#position.settle(item.slot);
    this.#recorder.delivered();
    this.#recorder.settled(1, this.#position.position);
    this.#feed.intake.leave(item);
  }

  dead(item: Item, letter: DeadLetter): void {
    this.#recorder.dead(letter);
    if (item.slot !== undefined) this.#position.settle(item.slot);
    this.#recorder.settled(1, this.#position.position);
    this.#feed.intake.leave(item);
  }

  redelivered(item: Item, failure: string | undefined): void {
    if (item.deadLetter !== undefined) this.#recorder.redelivered({ id: item.deadLetter, failure });
    this.#feed.intake.leave(item);
  }

  #turn(): void {
    const { context } = this.#options;
    const nowMs = context.options.clock.monotonicMs();
    if (!context.stop.aborted) {
      this.#sender.start();
      const hasSent = this.#lanes.queued === 0 && !this.#sender.isBusy;
      if (this.#feed.wantsSwitchOff && hasSent) this.#start(this.#feed.switchOff());
      if (this.#feed.dueMs <= nowMs && this.#feed.hasRoom()) this.#start(this.#read());
      if (this.#redelivery.dueMs <= nowMs) this.#start(this.#redelivery.look());
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
    if (this.#lanes.queued > 0 || !this.#feed.isExhausted) return "goes_on";
    return context.options.untilIdle ? "ends" : "rests";
  }

  #isDone(): boolean {
    const { context, lastId } = this.#options;
    if (this.#sender.isBusy || this.#recorder.isRecording || this.#feed.isReading || this.#redelivery.isLooking) {
      return false;
    }
    const isRecorded = !this.#recorder.isPending;
    if (context.stop.aborted) return isRecorded || !context.lease.isHeld();
    if (this.#feed.isShutting) return false;
    if (!context.options.untilIdle && lastId === undefined) return false;
    const isStill = this.#lanes.queued === 0 && this.#lanes.dueMs() === NEVER && !this.#redelivery.hasMore;
    return isRecorded && isStill && this.#redelivery.hasLooked && this.#feed.isExhausted;
  }

  async #read(): Promise<void> {
    await this.#feed.read();
    if (this.#work() === "rests" && !this.#feed.isShut) this.#options.context.voice.state("idle");
  }

  #tellDropped(dropped: number): void {
    const { context, outlet } = this.#options;
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
  }

  async #record(): Promise<void> {
    const { context } = this.#options;
    const recorded = await this.#recorder.record();
    if (recorded === undefined) return;
    if (context.options.atStep && recorded.deadLetters.length > 0) await this.#steps("dead_letters_written");
    if (context.options.atStep) await this.#steps("checkpoint_committed");
    this.#redelivery.recorded(recorded.redelivered);
    this.#tellRecorded(recorded);
  }

  #tellRecorded({ position, durationMs, receipts, deadLetters, redelivered }: Recorded): void {
    const { voice } = this.#options.context;
    const deadAgain = redelivered.filter(({ failure }) => failure !== undefined).length;
    voice.report({ type: "relay.checkpoint", position, durationMs, receipts, deadAgain });
    const kinds = new Map<DeadLetter["kind"], number>();
    for (const { kind } of deadLetters) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    for (const [kind, count] of kinds) voice.report({ type: "relay.dead_letters", count, kind });
  }

  async #steps(...steps: RelayStep[]): Promise<void> {
    const { options, pipeline } = this.#options.context;
    for (const step of steps) await options.atStep?.(step, pipeline.name);
  }

  /** Until something happens or something is due. */
  async #pause(): Promise<void> {
    if (!this.#isPoked) {
      this.#wakeAt(this.#dueMs());
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
      this.#resume = undefined;
    }
    this.#isPoked = false;
  }

  /** A timer that is there already and comes sooner is left: looking once in vain costs less than a timer for each answer. */
  #wakeAt(dueMs: number): void {
    const nowMs = this.#options.context.options.clock.monotonicMs();
    const atMs = Math.max(nowMs + 1, Math.min(dueMs, nowMs + LONGEST_WAIT_MS));
    if (this.#timerAtMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = NEVER;
        this.#wake();
      },
      Math.ceil(atMs - nowMs),
    );
  }

  #dueMs(): number {
    const { context, memory } = this.#options;
    const recordMs = this.#recorder.dueMs(this.#work());
    if (context.stop.aborted) return recordMs;
    let readMs = this.#feed.dueMs;
    if (!this.#feed.hasRoom()) {
      readMs = NEVER;
      memory.whenFreed(this.#wake);
    }
    // Who rests looks for dead letters when it looks for events, so that it wakes once for both.
    const restsLong = this.#work() === "rests" && !this.#redelivery.hasMore;
    const lookMs = restsLong ? Math.max(this.#redelivery.dueMs, readMs) : this.#redelivery.dueMs;
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

function lanesOf({ context: { pipeline }, outlet: { lanes, limits } }: LoopOptions): Lanes {
  const batchMessages = Math.min(limits.batchMessages, pipeline.batchSize);
  return new Lanes({ lanes, batchMessages, batchBytes: limits.batchBytes });
}

function gateOf({ context }: LoopOptions): Gate {
  const { circuitBreaker: breaker, retry } = context.pipeline;
  const { clock, random } = context.options;
  const backoff = { firstMs: retry.backoffMs, maxMs: retry.maxBackoffMs };
  return new Gate({ breaker, backoff, random, monotonicMs: () => clock.monotonicMs() });
}

function recorderOf({ context, key, outbox, outlet, withReceipts, keepsPosition, start }: LoopOptions): Recorder {
  const { lease, options } = context;
  const monotonicMs = () => options.clock.monotonicMs();
  return new Recorder({ key, outbox, sink: outlet.sinkType, lease, monotonicMs, withReceipts, keepsPosition }, start);
}
