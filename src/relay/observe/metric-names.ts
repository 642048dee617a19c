/**
 * Every metric of a relay process: name, kind, labels and buckets.
 *
 * Names, labels and buckets are public: dashboards and alerts of pg_tide are built on them. Those at the end are ours. No label
 * holds an address, a payload or anything else that an event brought.
 */

export interface MetricSpec {
  /** Without the prefix. */
  name: string;
  kind: "counter" | "gauge" | "histogram";
  help: string;
  labels: readonly string[];
  /** Upper bounds in seconds; histograms only. */
  buckets?: readonly number[];
}

export const METRIC_PREFIX = "pg_tide_relay_";

const PIPELINE = ["pipeline"] as const;
const PIPELINE_TENANT = ["pipeline", "tenant"] as const;
const PIPELINE_DIRECTION = ["pipeline", "direction", "tenant"] as const;

const counter = (name: string, labels: readonly string[], help: string): MetricSpec => ({
  name,
  kind: "counter",
  help,
  labels,
});
const gauge = (name: string, labels: readonly string[], help: string): MetricSpec => ({
  name,
  kind: "gauge",
  help,
  labels,
});
const histogram = (name: string, labels: readonly string[], buckets: readonly number[], help: string): MetricSpec => ({
  name,
  kind: "histogram",
  help,
  labels,
  buckets,
});

const LATENCY = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const PUBLISH = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];
const RECONCILE = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const ACQUIRE = [0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

export const METRICS = [
  counter("messages_published_total", PIPELINE_DIRECTION, "Events that a sink or an inbox has taken."),
  counter("messages_consumed_total", PIPELINE_DIRECTION, "Events read from an outbox or received from a source."),
  counter("publish_errors_total", PIPELINE_DIRECTION, "Batches that were not taken whole."),
  counter(
    "connector_failures_total",
    ["pipeline", "direction", "tenant", "connector", "code", "retry_class"],
    "Failures of sinks and sources by class.",
  ),
  counter("dedup_skipped_total", PIPELINE_TENANT, "Received events that were stored before."),
  counter("dlq_entries_written_total", PIPELINE_DIRECTION, "Dead letters written."),
  gauge("pipeline_healthy", PIPELINE_TENANT, "1 while the pipeline works, 0 while something is wrong."),
  gauge("consumer_lag", PIPELINE_TENANT, "Events that wait for delivery."),
  histogram("delivery_latency_seconds", PIPELINE_TENANT, LATENCY, "From the publishing to the acknowledgement."),
  gauge("owned_pipelines", ["relay_group"], "Pipelines that this process runs."),
  histogram("reconcile_duration_seconds", ["relay_group"], RECONCILE, "Time of one look at the catalog."),
  counter("pipeline_errors_total", ["pipeline", "error_class"], "Errors of workers, transient or permanent."),
  counter("dlq_write_errors_total", PIPELINE, "Dead letters that could not be written yet."),
  histogram("sink_publish_duration_seconds", ["pipeline", "sink_type"], PUBLISH, "Time of one call of a sink."),
  gauge("pool_connections", ["state"], "Sessions on the relay's database: in use, and still permitted."),
  histogram("pool_acquire_duration_seconds", ["relay_group"], ACQUIRE, "Time to open a session on the database."),
  counter("receipts_written_total", ["pipeline", "sink_type", "tenant"], "Delivery receipts written."),
  counter("delivery_stage_total", ["pipeline", "stage", "outcome"], "Steps of batches on their way, by outcome."),
  counter("checkpoint_commit_errors_total", ["pipeline", "source"], "Positions that could not be recorded."),
  counter("ownership_events_total", ["relay_group", "event"], "Pipelines acquired, lost, released or denied."),
  counter("forced_shutdown_total", PIPELINE, "Workers ended before they had drained."),
  counter("source_poll_queries_total", ["pipeline", "source"], "Pages asked for."),
  counter("offset_writes_total", ["pipeline", "source"], "Positions recorded."),
  counter("catalog_discovery_queries_total", ["relay_group"], "Queries that looked for pipelines."),
  gauge("retry_state", ["pipeline", "state"], "1 for the state that the worker is in."),
  gauge("dlq_depth", PIPELINE, "Dead letters that are not settled."),
  counter("status_refresh_total", ["result"], "Refreshes of lag and depth."),
  counter("status_refresh_errors_total", ["component"], "Refreshes that failed, by what failed."),
  gauge("pipeline_heartbeat_age_seconds", PIPELINE, "Seconds since the worker was last heard of."),
  gauge("pipeline_last_success_timestamp_seconds", PIPELINE, "When something was last delivered or stored."),
  gauge("pipeline_last_error_timestamp_seconds", PIPELINE, "When something last went wrong."),
  gauge("oldest_event_age_seconds", PIPELINE_TENANT, "Age of the oldest event that waits for delivery."),
  gauge("events_held_seconds", PIPELINE_TENANT, "How long an open transaction has held events back; 0: none does."),
] as const satisfies readonly MetricSpec[];
