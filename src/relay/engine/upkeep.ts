/** What any relay of a group does for all, a little at each look so that nothing else waits: resuming and sweeping. */
import type { Session } from "../../pg/session.ts";
import { resumePipelines } from "../store/catalog.ts";
import { sweepDeadLetterBatch, sweepOutboxes, truncateReceipts } from "../store/upkeep.ts";
import type { RelayOptions } from "./options.ts";

const RESUME_MS = 5_000;
/** Rows of one outbox deleted per look: about as long as reading a page. */
const SWEEP_ROWS = 5_000;
const RECEIPTS_MS = 3_600_000;

export class Upkeep {
  readonly #options: Pick<RelayOptions, "clock" | "sweepIntervalMs" | "untilIdle">;
  #resumeDueMs = 0;
  #sweepDueMs = 0;
  #receiptsDueMs = 0;

  constructor(options: Pick<RelayOptions, "clock" | "sweepIntervalMs" | "untilIdle">) {
    this.#options = options;
  }

  /** Switches pipelines on again whose time has come. */
  async resume(session: Session, nowMs: number): Promise<void> {
    if (this.#resumeDueMs > nowMs) return;
    this.#resumeDueMs = nowMs + RESUME_MS;
    await resumePipelines(session);
  }

  /** Deletes what was delivered or settled and kept long enough. */
  async sweep(session: Session): Promise<void> {
    const { sweepIntervalMs, untilIdle, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (sweepIntervalMs === 0 || untilIdle || this.#sweepDueMs > nowMs) return;
    const hasMoreEvents = await sweepOutboxes(session, SWEEP_ROWS);
    const hasMoreLetters = (await sweepDeadLetterBatch(session, SWEEP_ROWS)) === SWEEP_ROWS;
    if (!hasMoreEvents && !hasMoreLetters) this.#sweepDueMs = nowMs + sweepIntervalMs;
    if (this.#receiptsDueMs > nowMs) return;
    this.#receiptsDueMs = nowMs + RECEIPTS_MS;
    await truncateReceipts(session);
  }
}
