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

/** 1 h: a sink that asks for more is not obeyed; a typing error there must not stop a pipeline for a year. */
export const MAX_ASKED_MS = 3_600_000;
