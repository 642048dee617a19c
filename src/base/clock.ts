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

/** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
