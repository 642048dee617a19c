/**
 * What happens to the deliveries of a batch after the sink has answered.
 *
 *   delivered                       settled
 *   retry or reject, scope sink     back to the front of its lane; the gate closes; counts against nobody
 *   whole batch refused, of many    tried again in halves, so that only the one to blame is refused in the end
 *   retry, scope message            its key waits (full jitter, Retry-After), then it goes alone; after the last retry dead
 *   reject, scope message           dead
 *
 * Dead means a dead letter, or, for a pipeline without dead letters, that the key waits for the longest time and the pipeline says
 * that it has failed: nothing is ever dropped. A dead letter that was tried again goes back to the dead letters at its
 * first refusal. With `onDeadLetter: block` a dead letter holds its key until somebody resolves it.
 */
import { tameLine } from "../../base/tame.ts";
import { type DeadLetterKind, FAILURE_CLASSES, type FailureClass } from "../failures.ts";
import type { Disposition } from "../message.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { DeadLetter } from "../store/checkpoints.ts";
import { backoffMs } from "./backoff.ts";
import type { Gate } from "./gate.ts";
import type { Batch, Item, Lanes } from "./lanes.ts";

export type Refusal = Exclude<Disposition, { outcome: "delivered" }>;

/** Where the outcomes go. */
export interface Settlement {
  settled(item: Item): void;
  dead(item: Item, letter: DeadLetter): void;
  /** A dead letter that was delivered again; `failure` undefined: it arrived. */
  redelivered(item: Item, failure: string | undefined): void;
}

export interface SettlerOptions {
  pipeline: Pipeline;
  sinkType: string;
  lanes: Lanes;
  gate: Gate;
  settlement: Settlement;
  random: () => number;
  monotonicMs: () => number;
}

export interface Settled {
  delivered: number;
  retried: number;
  dead: number;
  /** The first refusal, of the sink if there is one. */
  failure: Refusal | undefined;
  /** Something was refused for good and there are no dead letters: the pipeline cannot go on by itself. */
  isStuck: boolean;
}

export class Settler {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Takes the sink's answer to a batch that was sent at `startedMs`. The batch's lane is free afterwards. */
  settle(batch: Batch, answers: readonly Disposition[], startedMs: number): Settled {
    const outcome: Settled = { delivered: 0, retried: 0, dead: 0, failure: undefined, isStuck: false };
    const whole = wholeRefusal(batch, answers);
    if (whole !== undefined) this.#halve(batch, whole, outcome);
    else this.#settleEach(batch, answers, outcome);
    const { gate, lanes } = this.#options;
    if (outcome.failure?.scope === "sink") gate.failed(startedMs, gateFailure(outcome.failure));
    else gate.succeeded(startedMs);
    lanes.done(batch);
    return outcome;
  }

  /** Everything of the batch becomes a dead letter without having been sent. */
  giveUp(batch: Batch, kind: DeadLetterKind, reason: string): Settled {
    const outcome: Settled = { delivered: 0, retried: 0, dead: 0, failure: undefined, isStuck: false };
    for (const item of batch.items) this.#bury(item, { kind, reason }, outcome);
    this.#options.lanes.done(batch);
    return outcome;
  }

  /** A message that never became a delivery, or that no sink of this kind takes. */
  refuse(item: Item, kind: DeadLetterKind, reason: string): Settled {
    const outcome: Settled = { delivered: 0, retried: 0, dead: 0, failure: undefined, isStuck: false };
    this.#bury(item, { kind, reason }, outcome);
    return outcome;
  }

  #settleEach(batch: Batch, answers: readonly Disposition[], outcome: Settled): void {
    const back: Item[] = [];
    const backKeys = new Set<string>();
    for (let index = 0; index < batch.items.length; index++) {
      const item = batch.items[index];
      if (item === undefined) continue;
      const answer = answers[index] ?? UNANSWERED;
      if (answer.outcome === "delivered") {
        outcome.delivered += 1;
        this.#deliver(item);
        continue;
      }
      if (outcome.failure === undefined || answer.scope === "sink") outcome.failure = answer;
      // What waits behind something of its key that goes back has to go back too.
      if (answer.scope === "sink" || backKeys.has(item.delivery.orderKey)) {
        outcome.retried += 1;
        backKeys.add(item.delivery.orderKey);
        back.push(item);
      } else this.#refused(item, answer, outcome);
    }
    this.#options.lanes.putBack(batch.lane, back);
  }

  #deliver(item: Item): void {
    const { settlement } = this.#options;
    if (item.deadLetter === undefined) settlement.settled(item);
    else settlement.redelivered(item, undefined);
  }

  #refused(item: Item, answer: Refusal, outcome: Settled): void {
    const { pipeline, random, monotonicMs, lanes } = this.#options;
    item.attempts += 1;
    item.tries += 1;
    const isOver = item.attempts > pipeline.retry.maxRetries || item.deadLetter !== undefined;
    if (answer.outcome === "reject" || isOver) {
      const kind = answer.outcome === "reject" ? "sink_permanent" : "max_retries_exceeded";
      this.#bury(item, { kind, reason: reasonOf(answer) }, outcome);
      return;
    }
    outcome.retried += 1;
    // Alone, so that what comes after it in its key does not arrive while it is refused again.
    item.maxBatch = 1;
    lanes.hold(
      item,
      monotonicMs() + backoffMs(item.tries - 1, backoffOf(pipeline), { random, askedForMs: answer.retryAfterMs }),
    );
  }

  /** One of the batch is to blame, nobody knows which: halves find it in as many steps as the number has bits. */
  #halve(batch: Batch, answer: Refusal, outcome: Settled): void {
    const { lanes, pipeline, random, monotonicMs } = this.#options;
    outcome.failure = answer;
    outcome.retried = batch.items.length;
    const half = Math.ceil(batch.items.length / 2);
    const tries = batch.items[0]?.tries ?? 0;
    for (const item of batch.items) {
      item.maxBatch = half;
      if (answer.outcome === "retry") item.tries += 1;
    }
    if (answer.outcome === "reject") {
      lanes.putBack(batch.lane, batch.items);
      return;
    }
    const untilMs = monotonicMs() + backoffMs(tries, backoffOf(pipeline), { random, askedForMs: answer.retryAfterMs });
    for (const item of batch.items) lanes.hold(item, untilMs);
  }

  #bury(item: Item, { kind, reason }: { kind: DeadLetterKind; reason: string }, outcome: Settled): void {
    const { pipeline, sinkType, lanes, settlement, monotonicMs } = this.#options;
    if (item.deadLetter !== undefined) {
      outcome.dead += 1;
      settlement.redelivered(item, reason);
      return;
    }
    if (!pipeline.deadLetters.enabled) {
      outcome.isStuck = true;
      outcome.retried += 1;
      item.maxBatch = 1;
      lanes.hold(item, monotonicMs() + pipeline.retry.maxBackoffMs);
      return;
    }
    outcome.dead += 1;
    const { delivery, attempts } = item;
    const isBlocking = pipeline.onDeadLetter === "block";
    if (isBlocking) lanes.block(delivery.orderKey);
    settlement.dead(item, {
      message: item.origin,
      subject: delivery.subject,
      kind,
      reason,
      attempts,
      source: delivery.message.outbox,
      sink: sinkType,
      orderKey: isBlocking ? delivery.orderKey : undefined,
    });
  }
}

/** The refusal that stands for all of several deliveries: same outcome, class and words for each, and nobody's in particular. */
function wholeRefusal(batch: Batch, answers: readonly Disposition[]): Refusal | undefined {
  const first = answers[0];
  if (batch.items.length < 2 || first === undefined || first.outcome === "delivered" || first.scope === "sink") return;
  for (let index = 1; index < batch.items.length; index++) {
    const other = answers[index];
    if (other === first) continue;
    if (other === undefined || other.outcome !== first.outcome || other.scope !== first.scope) return undefined;
    if (other.class !== first.class || other.reason !== first.reason) return undefined;
  }
  return first;
}

/** A sink that answers fewer than it was given: a mistake in the sink, never a delivery. */
const UNANSWERED: Refusal = {
  outcome: "retry",
  class: "unknown",
  scope: "sink",
  reason: "the sink did not say what became of this message",
};

/** For people and for dead letters: what and why, without secrets. */
export function reasonOf(refusal: { class: FailureClass; reason: string }): string {
  return tameLine(`${refusal.class}: ${refusal.reason}`);
}

function gateFailure(refusal: Refusal): { isTransient: boolean; retryAfterMs: number | undefined } {
  const isTransient = refusal.outcome === "retry" && FAILURE_CLASSES[refusal.class].isTransient;
  return { isTransient, retryAfterMs: refusal.retryAfterMs };
}

function backoffOf({ retry }: Pipeline): { firstMs: number; maxMs: number } {
  return { firstMs: retry.backoffMs, maxMs: retry.maxBackoffMs };
}
