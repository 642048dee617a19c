/**
 * Owning one pipeline: a session of its own that holds the advisory lock, and a lease row with an epoch.
 *
 *   taking   lock tried, lease asked for -> held | refused (session closed)
 *   held     extended by every checkpoint and, when those are rare, by a renewal
 *   lost     the row has another epoch, the session ended, or our own clock says that the time is over -> `lost` aborts.
 *            Nothing is sent or written from then on, and `release` closes the session, which gives the lock back: an
 *            owner that was frozen does not fight with its successor.
 *
 * The time is counted from before a request was sent, so the server's own count always ends later than ours. A lock that
 * somebody squats on does not keep the pipeline from running: the lease alone is enough, it only hands over more
 * slowly, and the lock is tried again with every renewal.
 */
import { sleep } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";
import { acquireLease, releaseLease, renewLease, tryLock } from "../store/leases.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import type { RelayOptions } from "./options.ts";
import type { Lease } from "./worker.ts";

/** A checkpoint leaves at least two thirds of the lease (relay_fence); rounded down. */
const LEFT_BY_CHECKPOINT = 0.66;
/** Renewed when less than this is left: late by a third of the lease it still comes in time. */
const RENEW_BELOW = 0.4;
/** Without the lock it is tried so often, however busy the pipeline is and whatever else extends the lease. */
const TRY_LOCK_AFTER = 0.33;
/** 2 s: giving back is a courtesy; the lease ends without it. */
const RELEASE_LIMIT_MS = 2_000;

export type Taken = { lease: OwnedLease } | { heldBy: string | undefined };

export interface LeaseRequest {
  key: PipelineKey;
  token: string;
  options: Pick<RelayOptions, "openDatabase" | "clock" | "leaseMs" | "label">;
}

/** Tries to own a pipeline. Throws when the database cannot be reached. */
export async function takeLease({ key, token, options }: LeaseRequest): Promise<Taken> {
  const session = await options.openDatabase();
  // A connection that says nothing is no way to own anything.
  const limit = setTimeout(() => void session.close(), options.leaseMs);
  try {
    const hasLock = await tryLock(session, key);
    const sentAtMs = options.clock.monotonicMs();
    const { leaseMs, label } = options;
    const answer = await acquireLease(session, key, { token, label, leaseMs, hasLock });
    if (answer.acquired) {
      return { lease: new OwnedLease({ session, key, epoch: answer.epoch, hasLock, sentAtMs, options }) };
    }
    await session.close();
    return { heldBy: answer.heldBy };
  } catch (error) {
    await session.close();
    throw error;
  } finally {
    clearTimeout(limit);
  }
}

interface Held {
  session: Session;
  key: PipelineKey;
  epoch: bigint;
  hasLock: boolean;
  sentAtMs: number;
  options: LeaseRequest["options"];
}

export class OwnedLease implements Lease {
  readonly key: PipelineKey;
  readonly epoch: bigint;
  readonly leaseMs: number;
  readonly #session: Session;
  readonly #clock: RelayOptions["clock"];
  readonly #lost = new AbortController();
  readonly #renewing: Promise<void>;
  #hasLock: boolean;
  #deadlineMs: number;
  #renewedAtMs: number;
  #extendedAtMs: number;
  #expiry: NodeJS.Timeout | undefined;
  /** Ends the wait for the next renewal. */
  #resume: (() => void) | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor({ session, key, epoch, hasLock, sentAtMs, options }: Held) {
    this.key = key;
    this.epoch = epoch;
    this.leaseMs = options.leaseMs;
    this.#session = session;
    this.#clock = options.clock;
    this.#hasLock = hasLock;
    this.#deadlineMs = sentAtMs + options.leaseMs;
    this.#renewedAtMs = sentAtMs;
    this.#extendedAtMs = sentAtMs;
    session.onEnd(() => this.lose());
    this.#watchExpiry();
    this.#renewing = this.#keepRenewing();
  }

  /** Aborts when the lease is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether the advisory lock is ours too; without it handing over takes the whole lease. */
  get hasLock(): boolean {
    return this.#hasLock;
  }

  use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => work(this.#session));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  isHeld(): boolean {
    return !this.#lost.signal.aborted && this.#clock.monotonicMs() < this.#deadlineMs;
  }

  extended(sentAtMs: number): void {
    this.#extend(sentAtMs, this.leaseMs * LEFT_BY_CHECKPOINT);
  }

  lose(): void {
    clearTimeout(this.#expiry);
    this.#lost.abort();
    this.#resume?.();
  }

  /** Gives the pipeline back and closes the session. Never throws. */
  async release(): Promise<void> {
    const isOurs = this.isHeld();
    this.lose();
    if (isOurs) {
      const released = this.use((session) => releaseLease(session, this.key, this.epoch)).catch(() => undefined);
      const limit = new AbortController();
      await Promise.race([released, sleep(RELEASE_LIMIT_MS, limit.signal).catch(() => undefined)]);
      limit.abort();
    }
    // A renewal may be waiting for a server that will never answer: closing ends the wait, so it comes first.
    await this.#session.close();
    await this.#renewing;
  }

  #extend(sentAtMs: number, byMs: number): void {
    if (sentAtMs + byMs <= this.#deadlineMs) return;
    this.#deadlineMs = sentAtMs + byMs;
    this.#extendedAtMs = sentAtMs;
  }

  /**
   * A timer that is set anew when it comes too early: checkpoints extend the lease too often to set one each time. A renewal
   * sets it, so that a lease that rests never wakes for it.
   */
  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const leftMs = this.#deadlineMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.lose();
    else if (!this.#lost.signal.aborted) this.#expiry = setTimeout(() => this.#watchExpiry(), Math.ceil(leftMs));
  }

  async #keepRenewing(): Promise<void> {
    try {
      while (!this.#lost.signal.aborted) {
        const waitMs = this.#renewalDueMs() - this.#clock.monotonicMs();
        if (waitMs > 0) await this.#rest(waitMs);
        else await this.#renew();
      }
    } catch {
      // The session failed: it is over.
      this.lose();
    }
  }

  /** Until so much time has passed or the lease is lost. A plain timer: a signal's listener costs more than the waiting. */
  async #rest(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#resume = undefined;
  }

  /** Leases of a process that rest are renewed at the same moments, so that many cost it little more than one. */
  #renewalDueMs(): number {
    const lockDueMs = this.#hasLock ? Number.POSITIVE_INFINITY : this.#renewedAtMs + this.leaseMs * TRY_LOCK_AFTER;
    const periodMs = this.leaseMs * (1 - RENEW_BELOW);
    const latestMs = this.#deadlineMs - this.leaseMs * RENEW_BELOW;
    const alignedMs = Math.floor(latestMs / periodMs) * periodMs;
    // A moment before the last extension says nothing: a busy pipeline's checkpoints do for it.
    return Math.min(alignedMs > this.#extendedAtMs ? alignedMs : latestMs, lockDueMs);
  }

  #renew(): Promise<void> {
    return this.use(async (session) => {
      if (!this.#hasLock) this.#hasLock = await tryLock(session, this.key);
      const sentAtMs = this.#clock.monotonicMs();
      this.#renewedAtMs = sentAtMs;
      const { epoch, leaseMs } = this;
      const isOurs = await renewLease(session, this.key, { epoch, leaseMs, hasLock: this.#hasLock });
      if (!isOurs) return this.lose();
      this.#extend(sentAtMs, leaseMs);
      this.#watchExpiry();
    });
  }
}
