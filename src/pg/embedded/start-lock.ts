/**
 * One starter, stopper or resetter per directory at a time.
 *
 * The lock is a file created exclusively that names its process. A holder that died without removing it is told apart
 * from a living one by the process's start moment. Removing its file takes a second lock of the same kind, held for
 * that moment only, under which the file is looked at again: otherwise a contender could remove the lock that another
 * one has just made in place of the dead one. Should somebody die holding the second lock as well and two contenders
 * clear it at once, PostgreSQL's own lock on the data directory decides.
 */
import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { readGuarded } from "./guarded-files.ts";
import { identify, isStillRunning, type ProcessRecord } from "./process-identity.ts";

/** 60 s: longer than the slowest first start seen, after which something is wrong with the holder. */
const LOCK_TIMEOUT_MS = 60_000;
const LOCK_POLL_MS = 20;

/** 2 s: a lock file that is still empty after it belongs to a process that died between creating and writing. */
const UNREADABLE_AFTER_MS = 2_000;

export interface LockOptions {
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** Called once when another process holds the lock. */
  onWait?: (() => void) | undefined;
}

/** Waits for the lock at `path`. Throws DB_IN_USE after a minute, naming the holder. */
export async function acquireStartLock(path: string, { clock, signal, onWait }: LockOptions): Promise<AsyncDisposable> {
  const content = JSON.stringify({ ...(await identify(process.pid)), token: randomUUID() });
  const begun = clock.monotonicMs();
  let hasWaited = false;
  while (!(await createExclusively(path, content))) {
    if (!hasWaited) onWait?.();
    hasWaited = true;
    const waitedMs = clock.monotonicMs() - begun;
    if (await isAbandoned(path, content, waitedMs)) continue;
    if (waitedMs > LOCK_TIMEOUT_MS) throw await heldTooLong(path);
    await sleep(LOCK_POLL_MS, signal);
  }
  return { [Symbol.asyncDispose]: () => releaseOwn(path, content) };
}

async function createExclusively(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (errorCodeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes a dead holder's lock; true when it is worth trying again at once. */
async function isAbandoned(path: string, content: string, waitedMs: number): Promise<boolean> {
  if (!(await isHeldByTheDead(path, waitedMs))) return false;
  const removal = `${path}.removal`;
  if (!(await createExclusively(removal, content))) {
    if (await isHeldByTheDead(removal, waitedMs)) await rm(removal, { force: true });
    return false;
  }
  try {
    if (await isHeldByTheDead(path, waitedMs)) await rm(path, { force: true });
  } finally {
    await rm(removal, { force: true });
  }
  return true;
}

async function isHeldByTheDead(path: string, waitedMs: number): Promise<boolean> {
  const seen = await readGuarded(path);
  if (seen === undefined) return false;
  const holder = holderOf(seen);
  return holder ? !(await isStillRunning(holder)) : waitedMs >= UNREADABLE_AFTER_MS;
}

function holderOf(text: string): ProcessRecord | undefined {
  try {
    const { pid, started }: Partial<ProcessRecord> = JSON.parse(text);
    return typeof pid === "number" && typeof started === "string" ? { pid, started } : undefined;
  } catch {
    return undefined;
  }
}

async function releaseOwn(path: string, content: string): Promise<void> {
  if ((await readGuarded(path)) === content) await rm(path, { force: true });
}

async function heldTooLong(path: string): Promise<PgkeepError> {
  const holder = holderOf((await readGuarded(path)) ?? "");
  return new PgkeepError("DB_IN_USE", "another pgkeep is starting or stopping this embedded server", {
    detail: holder ? `Process ${holder.pid} has held ${path} for a minute.` : `${path} cannot be read.`,
    hint: "Wait for it to end, or end it.",
    state: "nothing was started",
  });
}
