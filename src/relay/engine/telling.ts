/**
 * What a relay writes and reports of its pipelines besides running them: status rows, how far they are behind, and whose open
 * transaction holds an outbox back.
 */
import type { Clock } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";
import { type Holder, readHolder } from "../store/outbox-pages.ts";
import { readLag, writePipelineState, writeRuntimeStatus } from "../store/runtime-status.ts";
import type { Entry } from "./entry.ts";

const HEARTBEAT_MS = 30_000;
const LAG_MS = 15_000;
/** A changed catalog must not wait for counting. */
const LAG_BUDGET_MS = 250;
/** A transaction that holds an outbox back for longer is worth a word. */
const HELD_MS = 5_000;

export class Telling {
  readonly #token: string;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #heartbeatDueMs = 0;
  #lagDueMs = 0;
  #lagOf: Entry[] = [];

  /** `token`: of this process, as in the leases. */
  constructor(token: string, clock: Pick<Clock, "monotonicMs">) {
    this.#token = token;
    this.#clock = clock;
  }

  async tell(session: Session, entries: readonly Entry[]): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const isHeartbeat = this.#heartbeatDueMs <= nowMs;
    if (isHeartbeat) this.#heartbeatDueMs = nowMs + HEARTBEAT_MS;
    await this.writeStatus(session, entries, isHeartbeat);
    if (this.#lagDueMs <= nowMs) {
      this.#lagDueMs = nowMs + LAG_MS;
      this.#lagOf = entries.filter(({ owned }) => owned !== undefined);
    }
    // Counting takes long where much waits; the rest has its turn at the next look.
    while (this.#lagOf.length > 0 && this.#clock.monotonicMs() - nowMs < LAG_BUDGET_MS) {
      const entry = this.#lagOf.shift();
      if (entry?.owned !== undefined) await this.#tellLag(session, entry);
    }
  }

  /** Status rows of what has changed; with `isHeartbeat` of everything that is owned. */
  async writeStatus(session: Session, entries: readonly Entry[], isHeartbeat: boolean): Promise<void> {
    const rows = entries.flatMap(({ key, status }) => {
      const row = status.takeRow(isHeartbeat);
      return row === undefined ? [] : [{ key, status: row, failures: status.failures, reason: status.current.reason }];
    });
    await writeRuntimeStatus(session, rows, this.#token);
    for (const { key, failures, reason, status } of rows) {
      // One that has always worked has no state to clear.
      if (status.error === undefined) continue;
      const isTransient = status.error.class !== "permanent";
      await writePipelineState(session, { pipeline: key.pipeline, error: reason, isTransient, failures });
    }
  }

  async #tellLag(session: Session, entry: Entry): Promise<void> {
    const { key, status, members } = entry;
    // Of a fan-in that of its first outbox: one number for several would mean nothing.
    const outbox = members?.[0]?.outbox;
    if (outbox === undefined) return;
    const lag = await readLag(session, { group: key.group, pipeline: key.pipeline, outbox });
    status.report({
      type: "relay.lag",
      lag: lag.messages,
      oldestAgeMs: lag.oldestAgeMs,
      deadLetters: lag.deadLetters,
    });
    const holder = lag.messages > 0 ? await readHolder(session, outbox) : undefined;
    this.#tellHolder(entry, holder);
  }

  /** The server does not tell everybody when others' transactions began: then it is since when we have seen this one. */
  #tellHolder(entry: Entry, holder: Holder | undefined): void {
    const nowMs = this.#clock.monotonicMs();
    if (holder === undefined) {
      entry.heldSince = undefined;
      return;
    }
    const { processId } = holder;
    const before = entry.heldSince;
    const isSame = before !== undefined && before.processId === processId;
    const seen = isSame ? before : { processId, seenMs: nowMs };
    entry.heldSince = seen;
    const sinceMs = Math.max(holder.sinceMs, nowMs - seen.seenMs);
    if (sinceMs >= HELD_MS) entry.status.report({ type: "relay.held", processId, sinceMs });
    this.#lagDueMs = Math.min(this.#lagDueMs, nowMs + HELD_MS);
  }
}
