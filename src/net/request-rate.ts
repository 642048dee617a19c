/** How many requests each address may make: a bucket of tokens per address, in memory of fixed size. */
import type { Clock } from "../base/clock.ts";

/** 1,024: beyond it the address longest unseen is forgotten, and starts anew with a full bucket. */
export const MAX_TRACKED_ADDRESSES = 1_024;

export class RequestRate {
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  /** A bucket holds what two seconds bring. */
  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** Whether `address` may make one more request now; counts it. */
  allows(address: string): boolean {
    const full = this.#perSecond * 2;
    const atMs = this.#clock.monotonicMs();
    const known = this.#buckets.get(address);
    const tokens = known ? Math.min(full, known.tokens + ((atMs - known.atMs) / 1_000) * this.#perSecond) : full;
    this.#buckets.delete(address);
    this.#buckets.set(address, { tokens: Math.max(0, tokens - 1), atMs });
    if (this.#buckets.size > MAX_TRACKED_ADDRESSES) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return tokens >= 1;
  }
}
