/**
 * What has been settled and is not recorded yet, and when it is recorded.
 *
 * Position, dead letters and outcomes of redelivery go into one fenced call, so a crash finds all or nothing of them. Every
 * 100 ms or 1,000 messages while work goes on, almost at once when there is nothing else to do: a commit per message would
 * cost ten times the throughput, and what a crash repeats is bounded by this.
 */
import { type Checkpoint, commitCheckpoint, type DeadLetter, type Redelivered } from "../store/checkpoints.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import type { Lease } from "./worker.ts";

export const RECORD_EVERY_MS = 100;
export const RECORD_EVERY_MESSAGES = 1_000;

/** A moment, so that a message that follows at once is not kept waiting by the commit. */
const RECORD_AT_REST_MS = 5;

export interface RecorderOptions {
  key: PipelineKey;
  outbox: string;
  sink: string;
  lease: Lease;
  monotonicMs: () => number;
  /** Whether deliveries are written to relay_delivery_receipts. */
  withReceipts: boolean;
  /** False: only dead letters are recorded. */
  keepsPosition: boolean;
}

export interface Recorded {
  position: bigint;
  deadLetters: readonly DeadLetter[];
  redelivered: readonly Redelivered[];
  receipts: number;
  durationMs: number;
}

export class Recorder {
  readonly #options: RecorderOptions;
  #recorded: bigint;
  #settled: bigint;
  #dead: DeadLetter[] = [];
  #redelivered: Redelivered[] = [];
  #delivered = 0;
  #count = 0;
  #sinceMs: number | undefined;
  #isRecording = false;

  constructor(options: RecorderOptions, position: bigint) {
    this.#options = options;
    this.#recorded = position;
    this.#settled = position;
  }

  get isRecording(): boolean {
    return this.#isRecording;
  }

  /** Whether there is anything that a crash would repeat. */
  get isPending(): boolean {
    return this.#settled > this.#recorded || this.#dead.length > 0 || this.#redelivered.length > 0;
  }

  /** `count` messages were settled; the position is now `position`. */
  settled(count: number, position: bigint): void {
    this.#count += count;
    if (this.#options.keepsPosition) this.#settled = position;
    this.#touch();
  }

  /** One message was delivered. */
  delivered(): void {
    if (this.#options.withReceipts && this.#options.keepsPosition) this.#delivered += 1;
  }

  dead(letter: DeadLetter): void {
    this.#dead.push(letter);
    this.#touch();
  }

  redelivered(outcome: Redelivered): void {
    this.#redelivered.push(outcome);
    this.#touch();
  }

  /** When it should be recorded: 0 for now, infinite for nothing to record. */
  dueMs(work: "goes_on" | "rests" | "ends"): number {
    if (this.#isRecording || !this.isPending || this.#sinceMs === undefined) return Number.POSITIVE_INFINITY;
    if (work === "ends" || this.#count >= RECORD_EVERY_MESSAGES) return 0;
    return this.#sinceMs + (work === "rests" ? RECORD_AT_REST_MS : RECORD_EVERY_MS);
  }

  /** Records; undefined when the lease is lost. Throws what the server says; then the worker starts again from what is recorded. */
  async record(): Promise<Recorded | undefined> {
    const { lease, key, outbox, sink } = this.#options;
    const dead = this.#dead;
    const redelivered = this.#redelivered;
    const position = this.#settled;
    const moves = position > this.#recorded;
    // Receipts go with a position, so that what a crash repeats is not told as delivered twice.
    const messages = moves ? this.#delivered : 0;
    const checkpoint: Checkpoint = {
      epoch: lease.epoch,
      leaseMs: lease.leaseMs,
      outbox,
      position: moves ? position : undefined,
      dead,
      redelivered,
      receipts: messages === 0 ? undefined : { sink, messages },
    };
    this.#isRecording = true;
    this.#dead = [];
    this.#redelivered = [];
    if (moves) this.#delivered = 0;
    this.#count = 0;
    this.#sinceMs = undefined;
    try {
      const sentAtMs = this.#options.monotonicMs();
      const recorded = await lease.use((session) => commitCheckpoint(session, key, checkpoint));
      if (recorded === undefined) {
        lease.lose();
        return undefined;
      }
      lease.extended(sentAtMs);
      this.#recorded = position;
      const durationMs = this.#options.monotonicMs() - sentAtMs;
      return { position, deadLetters: dead, redelivered, receipts: messages, durationMs };
    } finally {
      this.#isRecording = false;
    }
  }

  #touch(): void {
    this.#sinceMs ??= this.#options.monotonicMs();
  }
}
