/**
 * What runs one pipeline in a process that owns it, and what such a worker is given.
 *
 * The coordinator takes the lease, makes the context and calls `run`; when `run` returns or throws, the lease is given
 * back. A worker never takes or releases a lease, never reads the catalog of pipelines, and holds nothing outside of
 * its context, so that stopping it is: abort `stop`, wait, and abort `end` when the time is up.
 *
 *   run() returns  after `stop`: everything that was on its way is recorded, or `end` came first;
 *         throws   something that is not the pipeline's to handle (session lost, lease lost, a bug): the coordinator
 *                  waits with growing pauses, takes a lease again and starts a new worker.
 *
 * A sink or source that cannot be opened or goes away is the worker's own to handle: it says so (`voice.state`),
 * waits and opens it again, and keeps the lease meanwhile.
 */
import type { Session } from "../../pg/session.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { ErrorComponent, PipelineState, RelayEvent } from "./events.ts";
import type { RelayOptions } from "./options.ts";

export interface Worker {
  run(): Promise<void>;
}

/** The right to run a pipeline, as the worker sees it: its own session, and the epoch that every write carries. */
export interface Lease {
  readonly epoch: bigint;
  readonly leaseMs: number;
  /** Uses the worker's session, one caller at a time, in the order of asking. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** False once the lease has run out by our own clock. Look before every send and before every write. */
  isHeld(): boolean;
  /** A write with this epoch went through and extended the lease; `sentAtMs` is the monotonic time before it was sent. */
  extended(sentAtMs: number): void;
  /** A write found that the epoch is old: somebody else owns the pipeline. Aborts `end`. */
  lose(): void;
}

/** What one pipeline says of itself. Fills in its name, direction and tenant; feeds status rows and the run's summary. */
export interface PipelineVoice {
  report(event: PipelineEvent): void;
  state(state: PipelineState, why?: { code?: string; reason?: string; nextRetryMs?: number }): void;
  error(component: ErrorComponent, why: { code: string; reason: string; isTransient: boolean }): void;
}

type OfOne<Event> = Event extends { pipeline: string; direction: unknown; tenant: string }
  ? Omit<Event, "pipeline" | "direction" | "tenant">
  : never;

/** A RelayEvent of one pipeline without the fields that say which. */
export type PipelineEvent = OfOne<RelayEvent>;

export interface WorkerContext {
  readonly options: RelayOptions;
  readonly pipeline: Pipeline;
  readonly lease: Lease;
  readonly voice: PipelineVoice;
  /** Aborts: take nothing new, finish what is on its way, record it, return. */
  readonly stop: AbortSignal;
  /** Aborts when nothing may be sent or written any more: the lease is lost or the time to drain is over. */
  readonly end: AbortSignal;
}
