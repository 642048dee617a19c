/**
 * How many bytes of messages all pipelines of a process may hold together.
 *
 * A pipeline asks before it reads a page and gets a share; what the page turns out to hold replaces the share, and
 * settled messages give their bytes back. One that holds nothing always gets the least share, so that a slow pipeline
 * with a full window cannot starve the others.
 */

/** 64 KiB: a page of small messages. */
export const LEAST_SHARE_BYTES = 64 * 1024;

export class MemoryBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes that may be read now, at most `wantedBytes`; 0: none, `whenFreed` says when to ask again. */
  grant(wantedBytes: number, heldBytes: number): number {
    const free = this.#limitBytes - this.#usedBytes;
    if (free >= LEAST_SHARE_BYTES) return Math.min(wantedBytes, free);
    return heldBytes === 0 ? LEAST_SHARE_BYTES : 0;
  }

  add(bytes: number): void {
    this.#usedBytes += bytes;
  }

  free(bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.#waiting.size === 0 || this.#limitBytes - this.#usedBytes < LEAST_SHARE_BYTES) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Calls `wake` once when there is room again. */
  whenFreed(wake: () => void): void {
    this.#waiting.add(wake);
  }

  /** A pipeline that ended does not want to be woken. */
  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }
}
