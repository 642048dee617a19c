/**
 * The two things that end a run early, the person and the clock, as one signal.
 *
 * A signal's listeners cannot wait, and a server can hang, so every wait on the server is raced: when the signal
 * fires, the statement is cancelled on the server over a second connection, the server gets a bounded time to
 * confirm, and then the connection is dropped. Who interrupted wins over the clock when both did.
 */
import { LONGEST_TIMER_MS, within } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { Session } from "../../pg/session.ts";

/** 5 s: longer than a server under load needs to notice a cancel request, short enough for a person at a prompt. */
export const CANCEL_BOUND_MS = 5_000;

/** 1 s: a cancel request that arrives between two statements has no effect, so it is repeated. */
const CANCEL_REPEAT_MS = 1_000;

export interface RunLimit {
  signal: AbortSignal;
  /** The failure that the fired signal stands for; undefined while it has not fired. */
  failure(): PgkeepError | undefined;
}

/** A limit from `interrupt` (SIGINT, SIGTERM) and a time; 0 ms, or more than timers count (24 days), is no time limit. The time starts now. */
export function runLimit(interrupt: AbortSignal, timeoutMs: number): RunLimit {
  const isLimited = timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS;
  const deadline = isLimited ? AbortSignal.timeout(Math.ceil(timeoutMs)) : undefined;
  const signal = deadline ? AbortSignal.any([interrupt, deadline]) : interrupt;
  return {
    signal,
    failure: () => {
      if (interrupt.aborted) return new PgkeepError("DEPLOY_INTERRUPTED", "interrupted");
      if (deadline?.aborted) return timedOut(timeoutMs);
      return undefined;
    },
  };
}

function timedOut(timeoutMs: number): PgkeepError {
  const limit = timeoutMs < 1_000 ? `${timeoutMs} ms` : `${Math.round(timeoutMs / 10) / 100} s`;
  return new PgkeepError("DEPLOY_TIMEOUT", `not finished after ${limit}`, {
    hint: "Give it more time with --timeout, or see what it waited for in pg_stat_activity and pg_locks.",
  });
}

/**
 * The result of `work`, which heeds the signal itself. When the signal fires, what is under way gets `graceMs` to come to
 * its own end (a database half replaced is worse than a slow Ctrl-C); then it is left behind, and what it still brings
 * is handed to `discard`, because it may hold a connection.
 */
export async function abortable<T>(
  work: Promise<T>,
  { signal, graceMs, discard }: { signal: AbortSignal; graceMs: number; discard: (late: T) => Promise<unknown> },
): Promise<T> {
  const first = signal.aborted ? FIRED : await raceSignal(work, signal);
  if (first !== FIRED) return first;
  const settled = work.then(
    (value): Settled<T> => ({ outcome: "done", value }),
    (error: unknown): Settled<T> => ({ outcome: "failed", error }),
  );
  const end = await within(settled, graceMs);
  if (end?.outcome === "done") return end.value;
  if (end?.outcome === "failed") throw end.error;
  void work.then(discard).catch(() => undefined);
  throw signal.reason;
}

export type Settled<T> = { outcome: "done"; value: T } | { outcome: "failed"; error: unknown } | { outcome: "lost" };

/**
 * Waits for `work` on the server. When the signal fires first: calls `onAbort` once, cancels on the server until the
 * work settles, at most CANCEL_BOUND_MS, then closes the session. Never rejects, so the caller sees both what became of
 * the statement and, by the signal, why.
 */
export async function cancellable<T>(
  { session, signal, onAbort }: { session: Session; signal: AbortSignal; onAbort: () => void },
  work: Promise<T>,
): Promise<Settled<T>> {
  const settled: Promise<Settled<T>> = work.then(
    (value) => ({ outcome: "done", value }),
    (error: unknown) => ({ outcome: "failed", error }),
  );
  if (!signal.aborted) {
    const first = await raceSignal(settled, signal);
    if (first !== FIRED) return first;
  }
  onAbort();
  const requests: Promise<void>[] = [];
  for (let waited = 0; waited < CANCEL_BOUND_MS; waited += CANCEL_REPEAT_MS) {
    requests.push(session.cancel());
    const end = await within(settled, CANCEL_REPEAT_MS);
    if (!end) continue;
    // A request still on its way would hit the next statement.
    await within(Promise.all(requests), CANCEL_REPEAT_MS);
    return end;
  }
  await session.close();
  return { outcome: "lost" };
}

const FIRED = Symbol("signal fired");

async function raceSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T | typeof FIRED> {
  const { promise: fired, resolve } = defer();
  const listener = (): void => resolve(FIRED);
  signal.addEventListener("abort", listener, { once: true });
  try {
    return await Promise.race([work, fired]);
  } finally {
    signal.removeEventListener("abort", listener);
  }
}

function defer(): { promise: Promise<typeof FIRED>; resolve: (value: typeof FIRED) => void } {
  let resolve: (value: typeof FIRED) => void = () => undefined;
  const promise = new Promise<typeof FIRED>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
