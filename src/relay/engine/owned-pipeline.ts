/**
 * One pipeline that this process owns, from the lease to giving it back.
 *
 *   running -> draining (stop) -> ended: what was on its way is recorded, the lease given back
 *                              -> ended by force: the time to drain was over
 *           -> ended: the worker failed, or the lease was lost, or nothing was left (until idle)
 */
import { assert } from "../../base/assert.ts";
import { LONGEST_TIMER_MS } from "../../base/clock.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { OwnedLease } from "./lease.ts";
import type { RelayOptions } from "./options.ts";
import type { PipelineStatus } from "./pipeline-status.ts";
import type { Worker, WorkerContext } from "./worker.ts";

export type Ending =
  /** Told to, or nothing was left. */
  | { how: "stopped" | "finished" }
  /** Somebody else owns it, or nobody could be told that we do. */
  | { how: "lost" }
  | { how: "forced" }
  | { how: "failed"; error: unknown };

export interface OwnedOptions {
  options: RelayOptions;
  pipeline: Pipeline;
  lease: OwnedLease;
  status: PipelineStatus;
  workerOf(context: WorkerContext): Worker;
}

export class OwnedPipeline {
  readonly pipeline: Pipeline;
  readonly lease: OwnedLease;
  /** Never rejects. The lease is given back by then. */
  readonly ended: Promise<Ending>;
  readonly #stop = new AbortController();
  readonly #end = new AbortController();
  #isForced = false;
  #forcing: NodeJS.Timeout | undefined;

  constructor({ options, pipeline, lease, status, workerOf }: OwnedOptions) {
    this.pipeline = pipeline;
    this.lease = lease;
    const end = AbortSignal.any([this.#end.signal, lease.lost]);
    const context: WorkerContext = { options, pipeline, lease, voice: status, stop: this.#stop.signal, end };
    this.ended = this.#run(context, workerOf);
  }

  get isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Lets it finish what is on its way, at most for so long. */
  stop(drainMs: number): void {
    if (this.isStopping) return;
    this.#stop.abort();
    this.#forcing = setTimeout(() => this.force(), Math.min(drainMs, LONGEST_TIMER_MS));
  }

  /** Ends it now. */
  force(): void {
    this.#isForced = true;
    this.#stop.abort();
    this.#end.abort();
  }

  async #run(context: WorkerContext, workerOf: OwnedOptions["workerOf"]): Promise<Ending> {
    const { lease } = this;
    const { options, pipeline } = context;
    let ending: Ending;
    try {
      await options.atStep?.("lease_acquired", pipeline.name);
      await raceWithEnd(workerOf(context).run(), context.end);
      ending = this.#isForced ? { how: "forced" } : { how: this.isStopping ? "stopped" : "finished" };
      if (lease.lost.aborted) ending = { how: "lost" };
    } catch (error) {
      // What fails because the session went is the session's fault.
      ending = lease.lost.aborted ? { how: "lost" } : { how: "failed", error };
      if (this.#isForced) ending = { how: "forced" };
    }
    clearTimeout(this.#forcing);
    await lease.release();
    try {
      await options.atStep?.("lease_released", pipeline.name);
    } catch (error) {
      ending = { how: "failed", error };
    }
    return ending;
  }
}

/** 3 s: what a worker needs to close its sink. One that hangs must not keep the lease's session. */
const CLOSING_LIMIT_MS = 3_000;

/** Waits for the worker, after `end` only for so long. */
async function raceWithEnd(run: Promise<void>, end: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let listener: (() => void) | undefined;
  const overdue = new Promise<void>((resolve) => {
    listener = () => {
      timer = setTimeout(resolve, CLOSING_LIMIT_MS);
    };
    if (end.aborted) listener();
    else end.addEventListener("abort", listener, { once: true });
  });
  try {
    await Promise.race([run, overdue]);
  } finally {
    assert(listener !== undefined, "the listener is made with the promise");
    end.removeEventListener("abort", listener);
    clearTimeout(timer);
    run.catch(() => undefined);
  }
}
