/**
 * Hands a batch over until it is stored.
 *
 * A source that cannot store does not let go of what it holds: the broker still counts it as not acknowledged, so a crash
 * brings it back, and holding it keeps the order and spares the broker the same batch again and again.
 */
import { sleep } from "../../base/clock.ts";
import type { Deliver, Incoming } from "./source.ts";

/** 200 ms: a transaction that lost a race is through by then. */
const FIRST_WAIT_MS = 200;
/** 5 s: people who repair a database expect their events soon after. */
const LAST_WAIT_MS = 5_000;

/** Resolves when `batch` is stored and may be acknowledged. Rejects only when `signal` aborts. `wait` is for tests. */
export async function deliverUntilStored(
  deliver: Deliver,
  batch: readonly Incoming[],
  signal: AbortSignal,
  wait: typeof sleep = sleep,
): Promise<void> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LAST_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      await deliver(batch, signal);
      return;
    } catch {
      // Who stores reports why it could not; here it only means "not yet".
      await wait(waitMs, signal);
    }
  }
}
