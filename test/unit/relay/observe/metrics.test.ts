/** Metrics of a relay, as Prometheus reads them. */
import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import type { RelayEvent } from "../../../../src/relay/engine/events.ts";
import { METRIC_PREFIX, METRICS } from "../../../../src/relay/observe/metric-names.ts";
import { createMetrics, type RelayMetrics } from "../../../../src/relay/observe/metrics.ts";
import { exampleEvents, heldClock, ofPipeline } from "../../../support/relay-events.ts";

let metrics: RelayMetrics;
const clock = heldClock();

beforeEach(async () => {
  metrics = await createMetrics({ group: "main", clock });
});

async function valuesAfter(...events: RelayEvent[]): Promise<(line: string) => number | undefined> {
  for (const event of events) metrics.observe(event);
  const text = await metrics.text();
  return (line) => {
    const found = text.split("\n").find((each) => each.startsWith(`${METRIC_PREFIX}${line} `));
    return found === undefined ? undefined : Number(found.split(" ").at(-1));
  };
}

describe("the metrics of a relay", () => {
  it("[relay 10] have the names, labels and buckets that dashboards are built on", () => {
    const spelled = METRICS.map(({ name, labels, ...more }) =>
      [name, labels.join(","), "buckets" in more ? more.buckets?.join(",") : ""].join("|"),
    );
    expect(spelled).toEqual(
      expect.arrayContaining([
        "messages_published_total|pipeline,direction,tenant|",
        "messages_consumed_total|pipeline,direction,tenant|",
        "publish_errors_total|pipeline,direction,tenant|",
        "connector_failures_total|pipeline,direction,tenant,connector,code,retry_class|",
        "dedup_skipped_total|pipeline,tenant|",
        "dlq_entries_written_total|pipeline,direction,tenant|",
        "pipeline_healthy|pipeline,tenant|",
        "consumer_lag|pipeline,tenant|",
        "delivery_latency_seconds|pipeline,tenant|0.001,0.005,0.01,0.05,0.1,0.5,1,5,30",
        "owned_pipelines|relay_group|",
        "reconcile_duration_seconds|relay_group|0.001,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5",
        "pipeline_errors_total|pipeline,error_class|",
        "dlq_write_errors_total|pipeline|",
        "sink_publish_duration_seconds|pipeline,sink_type|0.001,0.005,0.01,0.05,0.1,0.25,0.5,1,5,30",
        "pool_connections|state|",
        "pool_acquire_duration_seconds|relay_group|0.0001,0.001,0.005,0.01,0.05,0.1,0.5,1,5",
        "receipts_written_total|pipeline,sink_type,tenant|",
        "delivery_stage_total|pipeline,stage,outcome|",
        "checkpoint_commit_errors_total|pipeline,source|",
        "ownership_events_total|relay_group,event|",
        "forced_shutdown_total|pipeline|",
        "source_poll_queries_total|pipeline,source|",
        "offset_writes_total|pipeline,source|",
        "catalog_discovery_queries_total|relay_group|",
        "retry_state|pipeline,state|",
        "dlq_depth|pipeline|",
        "status_refresh_total|result|",
        "status_refresh_errors_total|component|",
        "pipeline_heartbeat_age_seconds|pipeline|",
        "pipeline_last_success_timestamp_seconds|pipeline|",
        "pipeline_last_error_timestamp_seconds|pipeline|",
      ]),
    );
  });

  it("[relay 10] each get a value from the events of a relay", async () => {
    for (const event of exampleEvents()) metrics.observe(event);
    const text = await metrics.text();
    const silent = METRICS.filter(({ name }) => !new RegExp(`^${METRIC_PREFIX}${name}(_bucket)?\\{`, "m").test(text));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it("pass Prometheus' own check", async (context) => {
    if (spawnSync("promtool", ["--version"]).status !== 0) context.skip("promtool is not installed");
    for (const event of exampleEvents()) metrics.observe(event);
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: await metrics.text(),
      encoding: "utf8",
    });
    expect(`${stdout}${stderr}`).toBe("");
    expect(status).toBe(0);
  });

  it("[R-18] hold no label with an address or a value of an event", async () => {
    for (const event of exampleEvents()) metrics.observe(event);
    expect(await metrics.text()).not.toMatch(/https?:|canary|10\.0\.0\.5/);
  });

  it("count what was delivered, and spread its latency between the oldest and the newest", async () => {
    const batch = exampleEvents().find(({ type }) => type === "relay.batch_settled");
    if (batch?.type !== "relay.batch_settled") throw new Error("no example");
    const value = await valuesAfter({
      ...batch,
      delivered: 3,
      retried: 0,
      dead: 0,
      failure: undefined,
      latencyMs: { oldest: 90, newest: 2 },
    });
    const labels = `{pipeline="orders",tenant="default"`;
    expect(value(`messages_published_total${labels},direction="forward"}`)).toBe(3);
    expect(value(`delivery_latency_seconds_count${labels}}`)).toBe(3);
    expect(value(`delivery_latency_seconds_bucket{le="0.005",pipeline="orders",tenant="default"}`)).toBe(1);
    expect(value(`delivery_latency_seconds_bucket{le="0.1",pipeline="orders",tenant="default"}`)).toBe(3);
  });

  it("tell of a pipeline only while this process runs it", async () => {
    const owned: RelayEvent[] = [
      { type: "relay.ownership", event: "acquired", epoch: 1n, ...ofPipeline },
      { type: "relay.state", state: "running", ...ofPipeline },
      { type: "relay.lag", lag: 7, oldestAgeMs: 1_500, deadLetters: 2, ...ofPipeline },
    ];
    const here = await valuesAfter(...owned);
    expect(here('consumer_lag{pipeline="orders",tenant="default"}')).toBe(7);
    expect(here('oldest_event_age_seconds{pipeline="orders",tenant="default"}')).toBe(1.5);
    const after = await valuesAfter({ type: "relay.ownership", event: "lost", epoch: 1n, ...ofPipeline });
    for (const gone of ["consumer_lag", "pipeline_healthy", "oldest_event_age_seconds"])
      expect(after(`${gone}{pipeline="orders",tenant="default"}`), gone).toBeUndefined();
  });

  it("are unhealthy while something is wrong, and healthy again", async () => {
    const wrong = await valuesAfter({ type: "relay.state", state: "retrying", code: "X", ...ofPipeline });
    expect(wrong('pipeline_healthy{pipeline="orders",tenant="default"}')).toBe(0);
    expect(wrong('retry_state{pipeline="orders",state="retrying"}')).toBe(1);
    const right = await valuesAfter({ type: "relay.state", state: "running", ...ofPipeline });
    expect(right('pipeline_healthy{pipeline="orders",tenant="default"}')).toBe(1);
    expect(right('retry_state{pipeline="orders",state="retrying"}')).toBe(0);
  });
});
