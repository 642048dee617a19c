/**
 * Sends batches: as many at once as the sink has lanes, no more than the gate, the rate limit and the inflight limit
 * allow.
 *
 * The sink is opened with the first send and again after it threw; opening counts as a send for the gate. An answer comes
 * at any time and is settled at once, then the loop is woken. Nothing here waits.
 */
import { messageOf, PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { ConnectorFailure, FAILURE_CLASSES, type FailureClass } from "../failures.ts";
import type { Delivery, Disposition } from "../message.ts";
import type { Sink } from "../sinks/sink.ts";
import type { Gate } from "./gate.ts";
import type { Batch, Item, Lanes } from "./lanes.ts";
import { PATIENCE_MS, type RelayStep } from "./options.ts";
import type { Outlet } from "./parts.ts";
import { type Refusal, reasonOf, type Settled, type Settler } from "./settle.ts";
import type { TokenBucket } from "./token-bucket.ts";
import type { WorkerContext } from "./worker.ts";

export interface SenderOptions {
  context: WorkerContext;
  outlet: Outlet;
  lanes: Lanes;
  gate: Gate;
  settler: Settler;
  rate: TokenBucket | undefined;
  /** Something happened that the loop should look at. */
  wake(): void;
  /** A bug or a test's crash: ends the worker. */
  fail(error: unknown): void;
}

export class Sender {
  readonly #options: SenderOptions;
  #sink: Promise<Sink> | undefined;
  #isOpening = false;
  #sends = 0;
  #messages = 0;
  #batches = 0;
  #stuckUntilMs = 0;
  #lastFailure: Refusal | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Whether a send or an opening is on its way. */
  get isBusy(): boolean {
    return this.#sends > 0 || this.#isOpening;
  }

  /** Starts everything that may be sent now. */
  start(): void {
    const { lanes, gate, context } = this.#options;
    const nowMs = context.options.clock.monotonicMs();
    while (context.lease.isHeld()) {
      if (gate.allowed() <= this.#sends || this.#isOpening) break;
      const most = this.#most();
      if (most < 1) break;
      const batch = lanes.next(nowMs, most);
      if (batch === undefined) break;
      this.#dispatch(batch, nowMs);
    }
    if (gate.state === "open" && context.pipeline.circuitBreaker.onOpen === "dlq") this.#giveUp(nowMs);
  }

  /** When something that waits now may be sent; infinite: when an answer or a page comes. */
  dueMs(): number {
    const { lanes, gate, rate, context } = this.#options;
    if (lanes.queued === 0) return lanes.dueMs();
    const nowMs = context.options.clock.monotonicMs();
    if (gate.waitMs() > 0) return nowMs + gate.waitMs();
    if (rate !== undefined && rate.waitMs() > 0) return nowMs + rate.waitMs();
    return lanes.dueMs();
  }

  async close(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    await sink?.then((opened) => opened.close()).catch(() => undefined);
  }

  #most(): number {
    const { outlet, rate, context } = this.#options;
    const inflight = context.pipeline.sinkMaxInflight || Number.POSITIVE_INFINITY;
    return Math.min(
      outlet.limits.batchMessages,
      inflight - this.#messages,
      rate?.available() ?? Number.POSITIVE_INFINITY,
    );
  }

  #dispatch(batch: Batch, startedMs: number): void {
    const refusal = batch.items[0]?.refusal;
    if (refusal !== undefined) {
      const settled = this.#options.settler.giveUp(batch, refusal.kind, refusal.reason);
      this.#report(batch, settled, { startedMs, attempt: attemptOf(batch) });
      const why = { code: "PGTIDE_CONNECTOR_PROTOCOL_REJECTION", reason: refusal.reason };
      if (settled.isStuck) {
        this.#stuckUntilMs = startedMs + this.#options.context.pipeline.retry.maxBackoffMs;
        this.#options.context.voice.state("failed", why);
      }
      return;
    }
    this.#options.rate?.take(batch.items.length);
    this.#sends += 1;
    this.#messages += batch.items.length;
    this.#deliver(batch, startedMs)
      .catch(this.#options.fail)
      .finally(() => {
        this.#sends -= 1;
        this.#messages -= batch.items.length;
        this.#options.wake();
      });
  }

  async #deliver(batch: Batch, startedMs: number): Promise<void> {
    const { context, settler } = this.#options;
    if (context.options.atStep) await this.#step("publish_started");
    const answers = await this.#send(batch);
    if (context.options.atStep) await this.#step("sink_acknowledged");
    // Answers that come after the lease is lost belong to nobody: the next owner sends again, under the same ids.
    if (context.end.aborted) return;
    const attempt = attemptOf(batch);
    const settled = settler.settle(batch, answers, startedMs);
    this.#lastFailure = settled.failure ?? this.#lastFailure;
    this.#report(batch, settled, { startedMs, attempt });
    this.#tellState(settled);
  }

  async #send(batch: Batch): Promise<readonly Disposition[]> {
    const { context } = this.#options;
    const deliveries: Delivery[] = new Array(batch.items.length);
    for (let index = 0; index < batch.items.length; index++) {
      const item = batch.items[index];
      if (item !== undefined) deliveries[index] = item.delivery;
    }
    this.#sink ??= this.#open();
    const sink = this.#sink;
    try {
      return await (await sink).send(deliveries, context.end);
    } catch (error) {
      const failure = failureOf(error);
      if (this.#sink === sink) await this.close();
      return deliveries.map(() => failure);
    }
  }

  async #open(): Promise<Sink> {
    this.#isOpening = true;
    try {
      return await this.#options.outlet.openSink();
    } finally {
      this.#isOpening = false;
    }
  }

  /** `on_open: dlq`: what arrives while the breaker is open is not waited for. */
  #giveUp(nowMs: number): void {
    const { lanes, settler, gate } = this.#options;
    const failure = this.#lastFailure;
    if (failure === undefined) return;
    while (gate.allowed() === 0) {
      const batch = lanes.next(nowMs, Number.POSITIVE_INFINITY);
      if (batch === undefined) return;
      const reason = `the circuit breaker is open: ${reasonOf(failure)}`;
      const attempt = attemptOf(batch);
      this.#report(batch, settler.giveUp(batch, "max_retries_exceeded", reason), { startedMs: nowMs, attempt });
    }
  }

  #report(batch: Batch, settled: Settled, { startedMs, attempt }: { startedMs: number; attempt: number }): void {
    const { context, outlet } = this.#options;
    const { clock } = context.options;
    const nowMs = clock.now().getTime();
    const age = (item: Item | undefined) => Math.max(0, nowMs - Date.parse(item?.delivery.message.createdAt ?? ""));
    const oldest = age(batch.items[0]);
    this.#batches += 1;
    context.voice.report({
      type: "relay.batch_settled",
      batch: `${context.lease.epoch}-${this.#batches}`,
      connector: outlet.sinkType,
      messages: batch.items.length,
      delivered: settled.delivered,
      retried: settled.retried,
      dead: settled.dead,
      dropped: 0,
      bytes: batch.bytes,
      attempt,
      durationMs: clock.monotonicMs() - startedMs,
      latencyMs: { oldest, newest: batch.items.length === 1 ? oldest : age(batch.items.at(-1)) },
      failure: settled.failure && { class: settled.failure.class, reason: tameLine(settled.failure.reason) },
    });
  }

  /** A change of the gate, and a pipeline that cannot go on by itself, are states people see. */
  #tellState({ failure, isStuck }: Settled): void {
    const { context, gate } = this.#options;
    const nowMs = context.options.clock.monotonicMs();
    if (isStuck) this.#stuckUntilMs = nowMs + context.pipeline.retry.maxBackoffMs;
    if (failure === undefined) {
      // Other keys may go on behind one that is stuck; that makes the pipeline no healthier.
      if (gate.state === "closed" && nowMs >= this.#stuckUntilMs) context.voice.state("running");
      return;
    }
    const why = { code: FAILURE_CLASSES[failure.class].code, reason: reasonOf(failure), nextRetryMs: gate.waitMs() };
    const isTransient = failure.outcome === "retry" && FAILURE_CLASSES[failure.class].isTransient;
    context.voice.error("connector", { code: why.code, reason: why.reason, isTransient });
    if (failure.scope === "sink" && this.#isGivenUp(nowMs)) {
      const forS = Math.round((nowMs - (gate.failingSinceMs ?? nowMs)) / 1_000);
      context.voice.state("failed", { ...why, reason: `given up, nothing came through for ${forS} s: ${why.reason}` });
    } else if (isStuck || (failure.scope === "sink" && !isTransient)) context.voice.state("failed", why);
    else if (gate.state === "open") context.voice.state("breaker_open", why);
    else if (failure.scope === "sink") context.voice.state("retrying", why);
  }

  /** A run that is to end does not wait for ever for a sink that is away. */
  #isGivenUp(nowMs: number): boolean {
    const { gate, context } = this.#options;
    const { untilIdle, patienceMs = PATIENCE_MS } = context.options;
    return untilIdle && gate.failingSinceMs !== undefined && nowMs - gate.failingSinceMs >= patienceMs;
  }

  async #step(step: RelayStep): Promise<void> {
    const { options, pipeline } = this.#options.context;
    await options.atStep?.(step, pipeline.name);
  }
}

/** 1 for what was never sent. Asked before the answers are taken in, which count. */
function attemptOf({ items }: Batch): number {
  return (items[0]?.tries ?? 0) + 1;
}

/** Why nothing of a batch can have an answer. What is wrong with the configuration helps no repetition. */
function failureOf(error: unknown): Refusal {
  if (error instanceof ConnectorFailure) {
    const { class: failureClass, message, retryAfterMs } = error;
    return refusalOf(failureClass, message, retryAfterMs);
  }
  if (error instanceof PgkeepError) {
    const failureClass = error.retryable ? "unavailable" : "invalid_config";
    return refusalOf(failureClass, [error.message, error.parts.detail].filter(Boolean).join(": "));
  }
  return refusalOf("unknown", messageOf(error));
}

function refusalOf(failureClass: FailureClass, reason: string, retryAfterMs?: number): Refusal {
  const outcome = FAILURE_CLASSES[failureClass].isTransient ? "retry" : "reject";
  return { outcome, class: failureClass, scope: "sink", reason, retryAfterMs };
}
