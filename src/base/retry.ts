/** How long to wait before trying again. Pure arithmetic; the caller sleeps and decides what may be retried. */

export interface RetryPolicy {
  /** Wait before the first retry. */
  firstMs: number;
  /** No wait is longer than this, jitter included. */
  maxMs: number;
  /** Share of the wait that is drawn at random, 0 to 1: 0.1 gives the wait plus or minus 10 %. */
  jitter: number;
}

/** Wait before retry number `attempt` (0 = first) in milliseconds: doubled each time, spread, then capped. */
export function retryDelayMs(attempt: number, policy: RetryPolicy, random: () => number = Math.random): number {
  const spread = 1 + policy.jitter * (2 * random() - 1);
  return Math.min(policy.firstMs * 2 ** attempt * spread, policy.maxMs);
}
