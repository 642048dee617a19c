/** How the relay's commands look on a terminal, hostile names included. */
import { describe, expect, it } from "vitest";
import { ageText } from "../../../../src/base/duration.ts";
import dlq from "../../../../src/cli/renderers/relay.dlq.ts";
import pipelines from "../../../../src/cli/renderers/relay.pipelines.ts";
import receive from "../../../../src/cli/renderers/relay.receive.ts";
import run from "../../../../src/cli/renderers/relay.run.ts";
import status from "../../../../src/cli/renderers/relay.status.ts";
import tail from "../../../../src/cli/renderers/relay.tail.ts";
import { logEntryOf } from "../../../../src/relay/observe/log-lines.ts";
import { exampleEvents } from "../../../support/relay-events.ts";
import { viewOf as view } from "../../../support/view.ts";

const HOSTILE = "a\u001b[2J\n::error::\u202e";

function expectHarmless(text: string): void {
  for (const harmful of ["\u001b", "\u202e", "\n::"]) expect(text.includes(harmful)).toBe(false);
}

const pipeline = {
  pipeline: "orders-kafka",
  direction: "forward",
  tenant: "default",
  enabled: true,
  relay_group: "default",
  state: "retrying" as const,
  ownership: "owned",
  lag: 12_408,
  oldest_age_ms: 190_000,
  delivered_per_second: 0,
  p95_ms: null,
  dead_letters: 3,
  last_offset: "5",
  last_delivery_at: null,
  last_error: { code: "PGTIDE_CONNECTOR_UNAVAILABLE", component: null, class: null, at: null },
  retry_attempt: 2,
  next_retry_ms: 14_000,
  last_update_age_ms: 500,
  held_by: null,
};

const letter = {
  id: 42,
  pipeline: "orders",
  direction: "forward",
  source: "orders",
  sink: "webhook",
  dedup_key: "outbox_orders:1:0",
  subject: null,
  outbox_id: "1",
  kind: "sink_permanent",
  error: `=cmd()${HOSTILE}`,
  attempts: 1,
  first_failed_at: "2026-01-02T03:04:05.000Z",
  last_failed_at: "2026-01-02T03:04:05.000Z",
  status: "waiting" as const,
  settled_by: null,
  version: 1,
  payload_bytes: 10,
};

describe("relay status", () => {
  it("says what to start when nobody delivers, and does not speak of tries of a pipeline that is off", () => {
    const unowned = { ...pipeline, state: "unowned" as const };
    expect(status.result?.({ pipelines: [unowned], reason: null }, view())).toMatch(/\nnext: pgkeep relay run /);
    const elsewhere = { ...view(), place: " --embedded -d shop" };
    expect(status.result?.({ pipelines: [unowned], reason: null }, elsewhere)).toMatch(
      /\nnext: pgkeep relay run --embedded -d shop {5}/,
    );
    const disabled = status.result?.(
      { pipelines: [{ ...pipeline, state: "disabled" as const }], reason: null },
      view(),
    );
    expect(disabled).not.toContain("next");
  });

  it("has one line per pipeline, with the next try", () => {
    expect(status.result?.({ pipelines: [pipeline], reason: null }, view())).toBe(
      "pipeline      state     lag     oldest  out/s  p95  dead  last error\n" +
        "orders-kafka  retrying  12,408  3m 10s  0      -    3     CONNECTOR_UNAVAILABLE, next try in 14 s\n",
    );
  });

  it("tells the lines of one pipeline apart when several groups deliver it", () => {
    const other = { ...pipeline, relay_group: "copy" };
    const text = status.result?.({ pipelines: [pipeline, other], reason: null }, view()) ?? "";
    expect(text).toMatch(/^pipeline +group +state /);
    expect(text).toMatch(/^orders-kafka +copy +retrying /m);
  });

  it("says since when nothing was heard, and makes names harmless", () => {
    const mute = { ...pipeline, pipeline: HOSTILE, state: "unknown" as const, last_update_age_ms: 160_000 };
    const text = status.result?.({ pipelines: [mute], reason: "no right" }, view()) ?? "";
    expect(text).toContain("no heartbeat for 2m 40s");
    expect(text).toContain("? no right");
    expectHarmless(text);
  });
});

describe("relay run", () => {
  const lines = (verbose: boolean) =>
    exampleEvents()
      .flatMap((event) => logEntryOf(event, "main") ?? [])
      .flatMap((entry) => run.progress?.(entry, view({ verbose })) ?? []);

  it("tells what matters on one line each, and every batch with --verbose", () => {
    expect(lines(false)).toEqual([
      "relay: orders acquired (epoch 3)",
      "relay: warning: orders 3/5 → webhook 41 ms  attempt 1  batch 5f1c  PGTIDE_CONNECTOR_PROTOCOL_REJECTION: the receiver at 10.0.0.5 said 422",
      "relay: warning: orders 1 dead (sink_permanent)",
      "relay: warning: orders held back by pid 4711 since 20 s",
      "relay: warning: mail-in database PGTIDE_POSTGRES_UNAVAILABLE: gone",
      "relay: warning: orders checkpoint X: y",
      "relay: warning: orders dead_letters X: y",
      "relay: warning: orders an inline secret is used",
      "relay: metrics on 127.0.0.1:9090",
      "relay: stopping: SIGTERM",
      "relay: error: ended by force: orders",
    ]);
    expect(lines(true).length).toBeGreaterThan(lines(false).length);
  });

  it("sums up at the end", () => {
    const output = { ended: "idle" as const, delivered: 1_200, stored: 0, dead_letters: 2, pipelines: [] };
    expect(run.summary?.(output, view({ ascii: true }))).toBe("ok 1,200 delivered, 2 dead");
  });
});

describe("relay status of an outbox that is held back", () => {
  const shown = (held_by: { pid: number | null; prepared: string | null; since_ms: number | null }) =>
    status.result?.({ pipelines: [{ ...pipeline, held_by }], reason: null }, view()) ?? "";

  it("names the process or the prepared transaction, once it has lasted for more than a moment", () => {
    expect(shown({ pid: 77, prepared: null, since_ms: 65_000 })).toContain(
      "orders-kafka: later events wait for process 77, whose transaction is open since 1m",
    );
    const prepared = shown({ pid: null, prepared: HOSTILE, since_ms: 65_000 });
    expect(prepared).toContain("wait for prepared transaction a");
    expectHarmless(prepared);
    expect(shown({ pid: 77, prepared: null, since_ms: 20 })).not.toContain("wait for");
  });
});

describe("relay tail and receive", () => {
  it("write one line per batch, and no payload", () => {
    const batch = { type: "relay.delivered", at: "2026-01-02T12:04:31.201Z", pipeline: "orders", sink: "webhook" };
    expect(tail.stream?.({ ...batch, events: 98, median_ms: 41, position: "120", batch: "7" }, view())).toBe(
      "12:04:31.201 orders 98 delivered → webhook  41 ms  position 120  batch 7",
    );
    expect(tail.stream?.({ type: "connected" }, view())).toBeUndefined();
  });

  it("write each event as one line of JSON", () => {
    const event = { type: "relay.received", event_id: "e", payload: { a: "x\ny" } };
    expect(receive.stream?.(event, view())).toBe('{"event_id":"e","payload":{"a":"x\\ny"}}');
  });
});

describe("dead letters and pipelines", () => {
  it("[R-06] make a receiver's words harmless, in CSV for spreadsheets too", async () => {
    const output = { action: "list", dead_letters: [letter], matched: 3, changed: 0 };
    const text = dlq.result?.(output, view()) ?? "";
    expect(text).toContain("… 2 more (--limit)");
    expectHarmless(text);
    const csv = await dlq.formats?.csv?.(output);
    expect(csv?.split("\r\n")[1]).toMatch(/,'=cmd\(\)/);
    expectHarmless(String(csv));
  });

  it("say what a test came to", () => {
    const one = {
      pipeline: "a",
      direction: "forward" as const,
      enabled: true,
      valid: true,
      from: "o",
      to: "s",
      problems: [],
    };
    const test = { ok: false, ms: 4, code: "RELAY_ADDRESS_REFUSED", reason: "10.0.0.1 is private" };
    const output = { action: "test", pipelines: [one], config: null, test, changed: false };
    expect(pipelines.result?.(output, view({ ascii: true }))).toBe(
      'FAILED pipeline "a": RELAY_ADDRESS_REFUSED: 10.0.0.1 is private\n',
    );
  });

  it("write times as people say them", () => {
    expect([400, 14_000, 190_000, 7_500_000, 273_600_000].map(ageText)).toEqual([
      "0.4 s",
      "14 s",
      "3m 10s",
      "2h 5m",
      "3d 4h",
    ]);
  });
});
