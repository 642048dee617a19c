/**
 * Whether a pipeline may send now: the circuit breaker, and the pauses after failures of the sink as a whole.
 *
 *   closed      sends go out.
 *               failure of the sink -> pausing; the threshold's failure in a row -> open (when the breaker is on)
 *   pausing     nothing goes out until a jittered pause is over, then one send at a time until one succeeds -> closed
 *   open        nothing goes out for `halfOpenTimeoutMs` -> half_open
 *   half_open   one send at a time; `successThreshold` successes -> closed, one failure -> open
 *
 * What is refused for good by the sink as a whole (wrong password) pauses for the longest time at once: hurrying
 * cannot help, and an account that is tried often may be locked. A sink that has worked may only be starting again, so
 * there the pauses begin short. A single message's failure is not heard of here.
 */
import { type Backoff, backoffMs, MAX_ASKED_MS, refusedMs } from "./backoff.ts";

export interface GateSettings {
  breaker: { enabled: boolean; failureThreshold: number; successThreshold: number; halfOpenTimeoutMs: number };
  backoff: Backoff;
  random: () => number;
  monotonicMs: () => number;
}

export type GateState = "closed" | "pausing" | "open" | "half_open";

export class Gate {
  readonly #settings: GateSettings;
  #state: GateState = "closed";
  #failures = 0;
  #successes = 0;
  /** Refusals for good since it last worked. */
  #refusals = 0;
  #hasWorked = false;
  #untilMs = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #failingSinceMs: number | undefined;

  constructor(settings: GateSettings) {
    this.#settings = settings;
  }

  get state(): GateState {
    return this.#state;
  }

  /** Failures of the sink since it last worked. */
  get failures(): number {
    return this.#failures;
  }

  /** Since when nothing came through; undefined: the last send did. */
  get failingSinceMs(): number | undefined {
    return this.#failingSinceMs;
  }

  /** How many sends may be on their way now. */
  allowed(): number {
    if (this.#state === "closed") return Number.POSITIVE_INFINITY;
    if (this.#settings.monotonicMs() < this.#untilMs) return 0;
    if (this.#state === "open") this.#state = "half_open";
    return 1;
  }

  /** Milliseconds until a send may be tried; 0: now. */
  waitMs(): number {
    return this.#state === "closed" ? 0 : Math.max(0, this.#untilMs - this.#settings.monotonicMs());
  }

  /**
   * A send that began at `startedMs` came through: the sink works, whatever it said of single messages. True when that
   * opened the way again. One that began before the last failure proves nothing.
   */
  succeeded(startedMs: number): boolean {
    this.#hasWorked = true;
    if (startedMs >= this.#failedAtMs) {
      this.#failingSinceMs = undefined;
      this.#refusals = 0;
    }
    if (this.#state === "closed" || this.#state === "open" || startedMs < this.#failedAtMs) return false;
    this.#successes += 1;
    if (this.#state === "half_open" && this.#successes < this.#settings.breaker.successThreshold) return false;
    this.#state = "closed";
    this.#failures = 0;
    this.#successes = 0;
    return true;
  }

  /** A send that began at `startedMs` found the sink failing as a whole. Sends that were on their way together count once. */
  failed(startedMs: number, failure: { isTransient: boolean; retryAfterMs?: number | undefined }): void {
    if (startedMs < this.#failedAtMs) return;
    const { breaker, monotonicMs } = this.#settings;
    this.#failedAtMs = monotonicMs();
    this.#failingSinceMs ??= this.#failedAtMs;
    this.#failures += 1;
    if (!failure.isTransient) this.#refusals += 1;
    this.#successes = 0;
    const opens = breaker.enabled && (this.#state === "half_open" || this.#failures >= breaker.failureThreshold);
    this.#state = opens ? "open" : "pausing";
    this.#untilMs = this.#failedAtMs + this.#pauseMs(opens, failure);
  }

  #pauseMs(opens: boolean, failure: { isTransient: boolean; retryAfterMs?: number | undefined }): number {
    const { breaker, backoff, random } = this.#settings;
    const askedMs = Math.min(failure.retryAfterMs ?? 0, MAX_ASKED_MS);
    if (opens) return Math.max(breaker.halfOpenTimeoutMs, askedMs);
    if (!failure.isTransient) return Math.max(this.#refusedMs(), askedMs);
    return backoffMs(this.#failures - 1, backoff, { random, askedForMs: askedMs });
  }

  #refusedMs(): number {
    const { backoff, random } = this.#settings;
    return this.#hasWorked ? refusedMs(this.#refusals, backoff.maxMs, random) : backoff.maxMs;
  }
}
