/**
 * Whether a relay process lives, is ready for work, and what each of its pipelines is doing: made from its events.
 *
 * Ready means that the catalog was read and the database answers. One pipeline that fails does not make a process unready,
 * because it would take the others down with it; whoever wants that asks for strict readiness.
 */
import type { Clock } from "../../base/clock.ts";
import { scrub } from "../../base/secrets.ts";
import type { PipelineState, RelayEvent } from "../engine/events.ts";

/** One pipeline of this process; no payload, no address. */
export interface PipelineHealth {
  pipeline: string;
  direction: string;
  tenant: string;
  state: PipelineState | "unknown";
  code: string | null;
  reason: string | null;
  next_retry_ms: number | null;
  lag: number | null;
  oldest_age_ms: number | null;
  dead_letters: number | null;
  position: string | null;
  delivered: number;
  stored: number;
  last_delivery_at: string | null;
}

export interface RelayHealthReport {
  schema_version: 1;
  ready: boolean;
  /** Why it is not ready. */
  reasons: string[];
  stopping: boolean;
  group: string;
  owned: number;
  pipelines: PipelineHealth[];
}

const WRONG: ReadonlySet<string> = new Set(["retrying", "breaker_open", "failed"]);

export class RelayHealth {
  readonly #group: string;
  readonly #clock: Clock;
  readonly #isStrict: boolean;
  readonly #pipelines = new Map<string, PipelineHealth>();
  #hasReadCatalog = false;
  #isDatabaseAway = false;
  #isStopping = false;
  #owned = 0;

  constructor({ group, clock, isStrict = false }: { group: string; clock: Clock; isStrict?: boolean }) {
    this.#group = group;
    this.#clock = clock;
    this.#isStrict = isStrict;
  }

  observe(event: RelayEvent): void {
    if (event.type === "relay.reconciled") {
      this.#hasReadCatalog = true;
      this.#isDatabaseAway = false;
      this.#owned = event.owned;
    } else if (event.type === "relay.stopping" || event.type === "relay.stopped") this.#isStopping = true;
    else if ("direction" in event) this.#ofPipeline(event);
  }

  get isReady(): boolean {
    return this.#reasons().length === 0;
  }

  report(): RelayHealthReport {
    const reasons = this.#reasons();
    return {
      schema_version: 1,
      ready: reasons.length === 0,
      reasons,
      stopping: this.#isStopping,
      group: this.#group,
      owned: this.#owned,
      pipelines: [...this.#pipelines.values()].sort((a, b) => (a.pipeline < b.pipeline ? -1 : 1)),
    };
  }

  #reasons(): string[] {
    const wrong = [...this.#pipelines.values()].filter(({ state }) => WRONG.has(state));
    return [
      ...(this.#hasReadCatalog ? [] : ["the catalog has not been read yet"]),
      ...(this.#isDatabaseAway ? ["the database does not answer"] : []),
      ...(this.#isStopping ? ["the process is stopping"] : []),
      ...(this.#isStrict ? wrong.map(({ pipeline, state }) => `pipeline ${pipeline} is ${state}`) : []),
    ];
  }

  #ofPipeline(event: Extract<RelayEvent, { direction: unknown }>): void {
    if (event.type === "relay.ownership" && event.event !== "acquired") {
      this.#pipelines.delete(keyOf(event));
      return;
    }
    if (event.type === "relay.error" && event.component === "database") this.#isDatabaseAway = event.isTransient;
    // Errors that belong to no pipeline come with an empty name.
    if (event.pipeline === "") return;
    const health = this.#pipelines.get(keyOf(event)) ?? unknownHealth(event);
    this.#pipelines.set(keyOf(event), health);
    this.#update(health, event);
  }

  #update(health: PipelineHealth, event: Extract<RelayEvent, { direction: unknown }>): void {
    if (event.type === "relay.state") {
      health.state = event.state;
      health.code = event.code ?? null;
      health.reason = event.reason === undefined ? null : scrub(event.reason);
      health.next_retry_ms = event.nextRetryMs ?? null;
    } else if (event.type === "relay.lag") {
      health.lag = event.lag;
      health.oldest_age_ms = event.oldestAgeMs ?? null;
      health.dead_letters = event.deadLetters;
    } else if (event.type === "relay.checkpoint") {
      health.position = event.position.toString();
      // A position that was recorded is an answer of the database.
      this.#isDatabaseAway = false;
    } else if (event.type === "relay.batch_settled") this.#delivered(health, "delivered", event.delivered);
    else if (event.type === "relay.stored") this.#delivered(health, "stored", event.stored);
  }

  #delivered(health: PipelineHealth, what: "delivered" | "stored", count: number): void {
    if (count === 0) return;
    health[what] += count;
    health.last_delivery_at = this.#clock.now().toISOString();
  }
}

const keyOf = ({ pipeline, direction, tenant }: { pipeline: string; direction: string; tenant: string }): string =>
  JSON.stringify([tenant, direction, pipeline]);

function unknownHealth({ pipeline, direction, tenant }: { pipeline: string; direction: string; tenant: string }) {
  return {
    pipeline,
    direction,
    tenant,
    state: "unknown" as const,
    code: null,
    reason: null,
    next_retry_ms: null,
    lag: null,
    oldest_age_ms: null,
    dead_letters: null,
    position: null,
    delivered: 0,
    stored: 0,
    last_delivery_at: null,
  } satisfies PipelineHealth;
}
