/**
 * What is known of one pipeline in this process: state, last error, last checkpoint. Fed by its worker through the voice,
 * read by whoever writes status rows and the summary of the run.
 */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError } from "../../pg/session.ts";
import type { PipelineRow } from "../pipeline/pipeline.ts";
import type { RuntimeStatus } from "../store/runtime-status.ts";
import type { ErrorComponent, PipelineState, RelayEvent } from "./events.ts";
import type { RelayOptions } from "./options.ts";
import type { PipelineEvent, PipelineVoice } from "./worker.ts";

/** How pg_tide's status calls the states. */
const RETRY_STATES: Partial<Record<PipelineState, string>> = {
  retrying: "retrying",
  breaker_open: "open",
  paused: "paused",
  failed: "permanently_failed",
};

export interface Totals {
  delivered: number;
  stored: number;
  deadLetters: number;
}

export class PipelineStatus implements PipelineVoice {
  readonly #row: PipelineRow;
  readonly #options: Pick<RelayOptions, "report" | "clock">;
  readonly #totals: Totals;
  #state: PipelineState = "stopped";
  #reason: string | undefined;
  #owner: { token: string; acquiredAt: string } | undefined;
  #checkpointAt: string | undefined;
  #error: RuntimeStatus["error"];
  #failures = 0;
  #nextRetryAt: string | undefined;
  #isChanged = false;

  constructor(row: PipelineRow, options: Pick<RelayOptions, "report" | "clock">, totals: Totals) {
    this.#row = row;
    this.#options = options;
    this.#totals = totals;
  }

  get current(): { state: PipelineState; reason: string | undefined } {
    return { state: this.#state, reason: this.#reason };
  }

  get failures(): number {
    return this.#failures;
  }

  get isOwned(): boolean {
    return this.#owner !== undefined;
  }

  get lastError(): RuntimeStatus["error"] {
    return this.#error;
  }

  report(event: PipelineEvent): void {
    const { name: pipeline, direction, tenant } = this.#row;
    if (event.type === "relay.batch_settled") this.#totals.delivered += event.delivered;
    else if (event.type === "relay.stored") this.#totals.stored += event.stored;
    else if (event.type === "relay.dead_letters") this.#totals.deadLetters += event.count;
    else if (event.type === "relay.checkpoint") {
      this.#checkpointAt = this.#now();
      this.#totals.deadLetters += event.deadAgain ?? 0;
    }
    // Added to the event instead of copying it: there is one for each batch, and batches may be single events.
    this.#options.report(Object.assign(event, { pipeline, direction, tenant }) as RelayEvent);
  }

  state(state: PipelineState, why: { code?: string; reason?: string; nextRetryMs?: number } = {}): void {
    const isFine = state === "running" || state === "idle";
    const wasFine = this.#state === "running" || this.#state === "idle";
    this.#state = state;
    this.#reason = why.reason;
    if (isFine) this.#failures = 0;
    const { nextRetryMs } = why;
    this.#nextRetryAt =
      nextRetryMs === undefined ? undefined : new Date(this.#options.clock.now().getTime() + nextRetryMs).toISOString();
    // Going back and forth between work and rest is no news.
    if (isFine && wasFine) return;
    this.#isChanged = true;
    this.report({ type: "relay.state", state, ...why });
  }

  error(component: ErrorComponent, why: { code: string; reason: string; isTransient: boolean }): void {
    this.#failures += 1;
    this.#error = {
      code: why.code,
      component,
      class: why.isTransient ? "transient" : "permanent",
      at: this.#now(),
    };
    this.#isChanged = true;
    this.report({ type: "relay.error", component, ...why });
  }

  owned(token: string): void {
    this.#owner = { token, acquiredAt: this.#now() };
    this.#isChanged = true;
  }

  released(): void {
    this.#owner = undefined;
    this.#isChanged = true;
  }

  /** The row to write; undefined when nothing has changed since the last time and `isHeartbeat` is false. */
  takeRow(isHeartbeat: boolean): RuntimeStatus | undefined {
    if (!this.#isChanged && !(isHeartbeat && this.isOwned)) return undefined;
    this.#isChanged = false;
    return {
      ownerToken: this.#owner?.token,
      acquiredAt: this.#owner?.acquiredAt,
      checkpointAt: this.#checkpointAt,
      error: this.#error,
      retryAttempt: this.#failures,
      retryState: RETRY_STATES[this.#state],
      nextRetryAt: this.#nextRetryAt,
    };
  }

  #now(): string {
    return this.#options.clock.now().toISOString();
  }
}

/** What the server refuses until somebody has done something: rights granted, or the schema of this version installed. */
const LASTING: Readonly<Record<string, string>> = {
  "42501": "PGTIDE_POSTGRES_AUTHORIZATION",
  "42883": "PGTIDE_CATALOG_MISSING",
  "42P01": "PGTIDE_CATALOG_MISSING",
  "42703": "PGTIDE_CATALOG_MISSING",
};

/** Code, text and hope of anything that ended a worker. */
export function diagnosisOf(error: unknown): {
  component: ErrorComponent;
  code: string;
  reason: string;
  isTransient: boolean;
} {
  if (error instanceof ServerError) {
    const code = LASTING[error.sqlstate];
    return {
      component: "database",
      code: code ?? "PGTIDE_POSTGRES_UNAVAILABLE",
      reason: tameLine(`${error.message} (${error.sqlstate})`),
      isTransient: code === undefined,
    };
  }
  if (!(error instanceof PgkeepError)) {
    const reason = tameLine(error instanceof Error ? error.message : String(error));
    return { component: "database", code: "PGTIDE_INTERNAL_FAILURE", reason, isTransient: true };
  }
  const reason = tameLine([error.message, error.parts.detail].filter(Boolean).join(": "));
  const isConfiguration = error.code.startsWith("RELAY_") || error.code.startsWith("CONFIG_");
  if (isConfiguration) return { component: "config", code: "PGTIDE_PIPELINE_INVALID", reason, isTransient: false };
  return { component: "database", code: "PGTIDE_POSTGRES_UNAVAILABLE", reason, isTransient: true };
}
