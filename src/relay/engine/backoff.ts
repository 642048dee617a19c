/** How long a pipeline waits before it tries again. Pure arithmetic; the caller keeps the deadline. */

export interface Backoff {
  /** Ceiling of the first wait. */
  firstMs: number;
  /** Ceiling of every wait. */
  maxMs: number;
}

export interface Draw {
  /** From zero to one. */
  random: () => number;
  /** So long the other side wants to be left alone. */
  askedForMs?: number | undefined;
}

/**
 * Wait before try number `attempt` (0 = first repetition) in milliseconds: drawn evenly from zero to a ceiling that
 * doubles ("full jitter", which spreads many senders best), but never less than what the other side asked for.
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: Backoff, { random, askedForMs = 0 }: Draw): number {
  const ceiling = Math.min(firstMs * 2 ** Math.min(attempt, 30), maxMs);
  return Math.max(ceiling * random(), Math.min(askedForMs, MAX_ASKED_MS));
}

/** 1 s: a server that has just come up refuses for moments what it is about to take: a user, a queue, a topic. */
const FIRST_REFUSED_MS = 1_000;

/**
 * Wait in milliseconds after the `refusals`-th refusal in a row (1 = first) by something that has worked before: half to all of a
 * second, then four times as long each time up to `maxMs`, so that an account that is locked after some tries in a row
 * meets few.
 */
export function refusedMs(refusals: number, maxMs: number, random: () => number): number {
  const ceiling = Math.min(FIRST_REFUSED_MS * 4 ** Math.min(refusals - 1, 30), maxMs);
  return (ceiling * (1 + random())) / 2;
}

/** 1 h: a sink that asks for more is not obeyed; a typing error there must not stop a pipeline for a year. */
export const MAX_ASKED_MS = 3_600_000;
