/**
 * The only reader of time.
 *
 * Everything else takes a `Clock`, or calls these, so that tests can hold time still and so that a wait can always
 * be ended: every sleep takes a signal.
 */
import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  /** Wall clock, for timestamps people read. */
  now(): Date;
  /** Milliseconds since an arbitrary moment; never goes back. For durations and deadlines. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** 24 days: what timers can count. A longer one would fire at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/** Resolves after `ms` milliseconds, at most LONGEST_TIMER_MS; rejects with the signal's reason when it aborts first. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(Math.min(ms, LONGEST_TIMER_MS), undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** The result of `work`, or undefined after `ms` milliseconds or when it fails. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  const timer = new AbortController();
  const late = sleep(ms, timer.signal).catch(() => undefined);
  try {
    return await Promise.race([work.catch(() => undefined), late.then(() => undefined)]);
  } finally {
    timer.abort();
  }
}
