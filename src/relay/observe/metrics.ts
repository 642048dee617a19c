/**
 * The metrics of a relay process, made from its events and from nothing else.
 *
 * A registry of its own, so that two relays of one process (tests) do not add up, and without the client library's
 * default metrics. Series of a pipeline that this process no longer runs are removed: the new owner reports them.
 */
import type { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../../base/clock.ts";
import type { PipelineState, RelayEvent } from "../engine/events.ts";
import { FAILURE_CLASSES } from "../failures.ts";
import { METRIC_PREFIX, METRICS } from "./metric-names.ts";

type MetricName = (typeof METRICS)[number]["name"];
type Labels = Readonly<Record<string, string>>;
type EventOf<Type extends RelayEvent["type"]> = Extract<RelayEvent, { type: Type }>;

const STATES: readonly PipelineState[] = [
  "starting",
  "running",
  "idle",
  "retrying",
  "breaker_open",
  "paused",
  "failed",
  "stopped",
];
const HEALTHY: ReadonlySet<PipelineState> = new Set(["starting", "running", "idle", "paused"]);

/** Series that speak of a pipeline as it is now. */
const CURRENT = [
  "pipeline_healthy",
  "consumer_lag",
  "dlq_depth",
  "retry_state",
  "oldest_event_age_seconds",
  "events_held_seconds",
  "pipeline_heartbeat_age_seconds",
] as const satisfies readonly MetricName[];

/** 1,000: of a larger batch so many are recorded in the histogram of latencies. */
const MAX_LATENCY_SAMPLES = 1_000;

export interface RelayMetrics {
  observe(event: RelayEvent): void;
  /** The exposition, in Prometheus' text format 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** `group` is the relay group, a label of what belongs to no pipeline. */
export async function createMetrics({ group, clock }: { group: string; clock: Clock }): Promise<RelayMetrics> {
  const { default: client } = await import("prom-client");
  const registry = new client.Registry();
  const instruments = new Instruments(client, registry);
  const observer = new Observer(instruments, { group, clock });
  return {
    observe: (event) => observer.observe(event),
    text: async () => {
      observer.refresh();
      return await registry.metrics();
    },
    contentType: registry.contentType,
  };
}

type Client = Pick<typeof import("prom-client"), "Counter" | "Gauge" | "Histogram">;

/** The instruments by name, made once from the table. */
class Instruments {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor(client: Client, registry: Registry) {
    for (const { name, kind, help, labels: labelNames, ...more } of METRICS) {
      const common = { name: METRIC_PREFIX + name, help, labelNames: [...labelNames], registers: [registry] };
      if (kind === "counter") this.#counters.set(name, new client.Counter(common));
      else if (kind === "gauge") this.#gauges.set(name, new client.Gauge(common));
      else {
        const buckets = "buckets" in more ? [...(more.buckets ?? [])] : [];
        this.#histograms.set(name, new client.Histogram({ ...common, buckets }));
      }
    }
  }

  add(name: MetricName, labels: Labels, amount = 1): void {
    if (amount > 0) this.#counters.get(name)?.inc(labels, amount);
  }

  set(name: MetricName, labels: Labels, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  record(name: MetricName, labels: Labels, seconds: number): void {
    this.#histograms.get(name)?.observe(labels, seconds);
  }

  remove(name: MetricName, labels: Labels): void {
    this.#gauges.get(name)?.remove(labels);
  }
}

interface Heard {
  tenant: string;
  atMs: number;
}

class Observer {
  readonly #metrics: Instruments;
  readonly #group: string;
  readonly #clock: Clock;
  /** When each pipeline of ours was last heard of. */
  readonly #heard = new Map<string, Heard>();
  readonly #connectors = new Map<string, string>();

  constructor(metrics: Instruments, { group, clock }: { group: string; clock: Clock }) {
    this.#metrics = metrics;
    this.#group = group;
    this.#clock = clock;
  }

  observe(event: RelayEvent): void {
    if ("direction" in event) this.#heard.set(event.pipeline, this.#now(event.tenant));
    this.#take(event);
  }

  #now(tenant: string): Heard {
    return { tenant, atMs: this.#clock.monotonicMs() };
  }

  refresh(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [pipeline, { atMs }] of this.#heard)
      this.#metrics.set("pipeline_heartbeat_age_seconds", { pipeline }, (nowMs - atMs) / 1_000);
  }

  #take(event: RelayEvent): void {
    switch (event.type) {
      case "relay.reconciled":
        this.#reconciled(event);
        break;
      case "relay.ownership":
        this.#ownership(event);
        break;
      case "relay.state":
        this.#state(event);
        break;
      case "relay.batch_settled":
        this.#batch(event);
        break;
      case "relay.polled":
        this.#polled(event);
        break;
      case "relay.checkpoint":
        this.#checkpoint(event);
        break;
      case "relay.stored":
        this.#stored(event);
        break;
      case "relay.dead_letters":
        this.#deadLetters(event);
        break;
      case "relay.lag":
        this.#lag(event);
        break;
      case "relay.held":
        this.#metrics.set("events_held_seconds", tenantOf(event), event.sinceMs / 1_000);
        break;
      case "relay.error":
        this.#error(event);
        break;
      case "relay.connections":
        this.#connections(event);
        break;
      case "relay.stopped":
        for (const pipeline of event.forced) this.#metrics.add("forced_shutdown_total", { pipeline });
        break;
      case "relay.warning":
      case "relay.listening":
      case "relay.stopping":
        break;
    }
  }

  #reconciled({ owned, durationMs, queries }: EventOf<"relay.reconciled">): void {
    const labels = { relay_group: this.#group };
    this.#metrics.set("owned_pipelines", labels, owned);
    this.#metrics.record("reconcile_duration_seconds", labels, durationMs / 1_000);
    this.#metrics.add("catalog_discovery_queries_total", labels, queries);
  }

  #ownership(event: EventOf<"relay.ownership">): void {
    this.#metrics.add("ownership_events_total", { relay_group: this.#group, event: event.event });
    if (event.event !== "acquired") this.#forget(event);
  }

  #forget(event: { pipeline: string; tenant: string }): void {
    const { pipeline } = event;
    this.#heard.delete(pipeline);
    for (const name of CURRENT) {
      if (name === "retry_state") for (const state of STATES) this.#metrics.remove(name, { pipeline, state });
      else this.#metrics.remove(name, labelsOf(name).includes("tenant") ? tenantOf(event) : { pipeline });
    }
  }

  #state(event: EventOf<"relay.state">): void {
    const { pipeline, state } = event;
    if (event.code !== undefined) this.#sayFailed(pipeline);
    if (state === "stopped") {
      this.#forget(event);
      return;
    }
    this.#metrics.set("pipeline_healthy", tenantOf(event), HEALTHY.has(state) ? 1 : 0);
    for (const each of STATES) this.#metrics.set("retry_state", { pipeline, state: each }, each === state ? 1 : 0);
  }

  #batch(event: EventOf<"relay.batch_settled">): void {
    const { pipeline, connector, delivered, retried, dead, dropped, failure, durationMs } = event;
    this.#connectors.set(pipeline, connector);
    this.#metrics.add("messages_published_total", directionOf(event), delivered);
    this.#metrics.record("sink_publish_duration_seconds", { pipeline, sink_type: connector }, durationMs / 1_000);
    this.#stage(pipeline, "sink_acknowledged", delivered > 0);
    this.#stage(pipeline, "intentionally_filtered", dropped > 0);
    if (delivered > 0) {
      this.#recordLatency(event);
      this.#succeeded(pipeline);
    }
    if (retried + dead > 0) this.#metrics.add("publish_errors_total", directionOf(event));
    if (!failure) return;
    const { code, isTransient } = FAILURE_CLASSES[failure.class];
    const retry = isTransient ? "transient" : "permanent";
    this.#metrics.add("delivery_stage_total", { pipeline, stage: "publish_failed", outcome: retry });
    const labels = { ...directionOf(event), connector, code, retry_class: retry };
    this.#metrics.add("connector_failures_total", labels);
    this.#sayFailed(pipeline);
  }

  #stage(pipeline: string, stage: string, happened: boolean): void {
    if (happened) this.#metrics.add("delivery_stage_total", { pipeline, stage, outcome: "ok" });
  }

  /** A batch tells its oldest and newest; what lies between is taken to be spread evenly. */
  #recordLatency(event: EventOf<"relay.batch_settled">): void {
    const { oldest, newest } = event.latencyMs;
    const count = Math.min(event.delivered, MAX_LATENCY_SAMPLES);
    const step = count > 1 ? (oldest - newest) / (count - 1) : 0;
    for (let index = 0; index < count; index++) {
      const ms = Math.max(0, count === 1 ? oldest : newest + index * step);
      this.#metrics.record("delivery_latency_seconds", tenantOf(event), ms / 1_000);
    }
  }

  #polled(event: EventOf<"relay.polled">): void {
    const { pipeline, direction, messages } = event;
    this.#metrics.add("messages_consumed_total", directionOf(event), messages);
    if (direction === "forward") this.#metrics.add("source_poll_queries_total", { pipeline, source: "outbox" });
    this.#stage(pipeline, "polled", messages > 0);
  }

  #checkpoint({ pipeline, tenant, receipts = 0 }: EventOf<"relay.checkpoint">): void {
    this.#metrics.add("offset_writes_total", { pipeline, source: "outbox" });
    this.#stage(pipeline, "checkpoint_committed", true);
    const sinkType = this.#connectors.get(pipeline) ?? "unknown";
    this.#metrics.add("receipts_written_total", { pipeline, sink_type: sinkType, tenant }, receipts);
  }

  #stored(event: EventOf<"relay.stored">): void {
    this.#metrics.add("messages_published_total", directionOf(event), event.stored);
    this.#metrics.add("dedup_skipped_total", tenantOf(event), event.duplicates);
    if (event.stored > 0) this.#succeeded(event.pipeline);
  }

  #deadLetters(event: EventOf<"relay.dead_letters">): void {
    this.#metrics.add("dlq_entries_written_total", directionOf(event), event.count);
    this.#stage(event.pipeline, "dlq_persisted", true);
  }

  #lag(event: EventOf<"relay.lag">): void {
    this.#metrics.set("consumer_lag", tenantOf(event), event.lag);
    this.#metrics.set("dlq_depth", { pipeline: event.pipeline }, event.deadLetters);
    this.#metrics.set("oldest_event_age_seconds", tenantOf(event), (event.oldestAgeMs ?? 0) / 1_000);
    this.#metrics.add("status_refresh_total", { result: "ok" });
    // A transaction that still holds events back says so again after each look.
    this.#metrics.set("events_held_seconds", tenantOf(event), 0);
  }

  #error({ pipeline, component, isTransient }: EventOf<"relay.error">): void {
    this.#sayFailed(pipeline);
    this.#metrics.add("pipeline_errors_total", { pipeline, error_class: isTransient ? "transient" : "permanent" });
    if (component === "checkpoint") this.#metrics.add("checkpoint_commit_errors_total", { pipeline, source: "outbox" });
    if (component === "dead_letters") this.#metrics.add("dlq_write_errors_total", { pipeline });
    if (component === "database") {
      this.#metrics.add("status_refresh_total", { result: "error" });
      this.#metrics.add("status_refresh_errors_total", { component });
    }
  }

  #connections({ open, limit, openedInMs }: EventOf<"relay.connections">): void {
    this.#metrics.set("pool_connections", { state: "in_use" }, open);
    this.#metrics.set("pool_connections", { state: "available" }, Math.max(0, limit - open));
    if (openedInMs !== undefined)
      this.#metrics.record("pool_acquire_duration_seconds", { relay_group: this.#group }, openedInMs / 1_000);
  }

  #succeeded(pipeline: string): void {
    this.#metrics.set("pipeline_last_success_timestamp_seconds", { pipeline }, this.#seconds());
  }

  #sayFailed(pipeline: string): void {
    this.#metrics.set("pipeline_last_error_timestamp_seconds", { pipeline }, this.#seconds());
  }

  #seconds(): number {
    return Math.floor(this.#clock.now().getTime() / 1_000);
  }
}

const labelsOf = (name: MetricName): readonly string[] => METRICS.find((each) => each.name === name)?.labels ?? [];

const tenantOf = ({ pipeline, tenant }: { pipeline: string; tenant: string }): Labels => ({ pipeline, tenant });

const directionOf = (event: { pipeline: string; direction: string; tenant: string }): Labels => ({
  ...tenantOf(event),
  direction: event.direction,
});
