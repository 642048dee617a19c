/** A rate limit: tokens drip in evenly, a burst of them may be saved up, one is taken per message. */
import type { Clock } from "../../base/clock.ts";

export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #tokens: number;
  #filledAtMs: number;

  constructor(rate: { perSecond: number; burst: number }, clock: Pick<Clock, "monotonicMs">) {
    this.#perMs = rate.perSecond / 1000;
    this.#burst = Math.max(1, rate.burst);
    this.#clock = clock;
    this.#tokens = this.#burst;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Whole tokens there are now. */
  available(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledAtMs) * this.#perMs);
    this.#filledAtMs = nowMs;
    return Math.floor(this.#tokens);
  }

  /** Takes what `available` has said is there. */
  take(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** Milliseconds until there is a whole token. */
  waitMs(): number {
    return this.available() >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }
}
