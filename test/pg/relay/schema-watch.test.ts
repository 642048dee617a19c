/** Pipelines that want to know when their events change: what is told, refused, stopped, and accepted again. */
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import { MemorySink, makePipeline, positionOf, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const emit = (tide: Tide, ...payloads: unknown[]) =>
  tide.rows(
    "select tide.outbox_publish('orders', p) from pg_catalog.jsonb_array_elements($1::jsonb) with ordinality as e (p, n)",
    JSON.stringify(payloads),
  );

const known = (tide: Tide) =>
  tide.rows("select topic, column_names, on_schema_change from tide.relay_schema_fingerprints order by topic");

const warnings = (events: readonly { type: string }[]) =>
  events.flatMap((event) => (event.type === "relay.warning" && "message" in event ? [event.message] : []));

async function drained(tide: Tide, sink: MemorySink) {
  const relay = startRelay(tide, sink.parts(), { untilIdle: true });
  return { summary: await relay.done, events: relay.events };
}

describe("[relay 6] on_schema_change", () => {
  it("nobody looks at the fields unless the pipeline asks for it", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await emit(tide, { a: 1 }, { b: 1 });
    const sink = new MemorySink();
    await drained(tide, sink);
    expect(sink.payloads).toHaveLength(2);
    expect(await known(tide)).toEqual([]);
  });

  it("warn: everything is delivered, and each change is told once with the names of fields", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { on_schema_change: "warn" });
    const sink = new MemorySink();
    await emit(
      tide,
      { id: 1, total: 2 },
      { total: 3, id: 2 },
      ...Array.from({ length: 50 }, (_, n) => ({ id: n, tax: n })),
      [1],
    );
    const { events } = await drained(tide, sink);
    expect(sink.payloads).toHaveLength(53);
    expect(warnings(events)).toEqual([
      'the fields of events of "orders" changed: added tax; removed total',
      'the fields of events of "orders" changed: removed id, tax',
    ]);
    expect(await known(tide)).toEqual([{ topic: "orders", column_names: "{}", on_schema_change: "warn" }]);
  });

  it("continue: changes are noted and not told", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { on_schema_change: "continue" });
    const sink = new MemorySink();
    await emit(tide, { a: 1 }, { a: 1, b: 1 });
    const { events } = await drained(tide, sink);
    expect([sink.payloads.length, warnings(events)]).toEqual([2, []]);
    expect(await known(tide)).toEqual([{ topic: "orders", column_names: "{a,b}", on_schema_change: "continue" }]);
  });

  it("dlq: changed events are dead letters, the others go on, and somebody may let a letter or the new fields pass", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { on_schema_change: "dlq" });
    const sink = new MemorySink();
    await emit(tide, { a: 1 }, { b: 2 }, { a: 3 });
    expect((await drained(tide, sink)).summary).toMatchObject({ delivered: 2, deadLetters: 1 });
    expect(sink.payloads).toEqual([{ a: 1 }, { a: 3 }]);
    expect(await tide.rows("select payload, error_kind, error_message from tide.relay_dlq")).toEqual([
      {
        payload: '{"b": 2}',
        error_kind: "decode",
        error_message: 'the fields of events of "orders" changed: added b; removed a',
      },
    ]);
    await tide.run("select tide.relay_dlq_retry_all()");
    await drained(tide, sink);
    expect(sink.payloads.at(-1)).toEqual({ b: 2 });
    await tide.run("select tide.relay_schema_accept('orders', 'orders', array['b'])");
    await emit(tide, { b: 4 });
    await drained(tide, sink);
    expect(sink.payloads.at(-1)).toEqual({ b: 4 });
  });

  it("pause: what came before is delivered, the pipeline is switched off, and goes on where it stopped once it may", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { on_schema_change: "pause" });
    const sink = new MemorySink();
    await emit(tide, { a: 1 }, { a: 2 });
    await using relay = startRelay(tide, sink.parts());
    await until("the first are delivered", () => sink.delivered.length === 2);
    await emit(tide, { a: 3 }, { b: 4 }, { a: 5 });
    await until(
      "it is switched off",
      async () => (await tide.one("select enabled from tide.relay_outbox_config")) === "f",
    );
    await until("what came before is recorded", async () => (await positionOf(tide, "orders")) === 3n);
    expect(await tide.rows("select last_error, error_class from tide.relay_pipeline_pause_reason('orders')")).toEqual([
      { last_error: 'the fields of events of "orders" changed: added b; removed a', error_class: "permanent" },
    ]);
    expect(relay.events).toContainEqual(expect.objectContaining({ type: "relay.state", state: "paused" }));
    await tide.run(
      "select tide.relay_schema_accept('orders', 'orders', array['b']); select tide.relay_enable('orders')",
    );
    await until("the next is delivered", () => sink.delivered.length === 4);
    expect(sink.payloads.at(-1)).toEqual({ b: 4 });
    await until("the old shape stops it again", async () => (await positionOf(tide, "orders")) === 4n);
  });

  it("pause: a run until idle ends with what it may deliver", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { on_schema_change: "pause" });
    const sink = new MemorySink();
    await emit(tide, { a: 1 }, { b: 2 });
    await drained(tide, sink);
    expect(sink.payloads).toEqual([{ a: 1 }]);
    expect(await positionOf(tide, "orders")).toBe(1n);
  });

  it("is each subject's own", async () => {
    await using tide = await openTide();
    const config = { on_schema_change: "warn", routing: { default_template: "to.{payload.kind}" } };
    await makePipeline(tide, "orders", config);
    await emit(tide, { kind: "a", x: 1 }, { kind: "b", y: 1 }, { kind: "a", x: 2 });
    const output = new PassThrough();
    const relay = startRelay(tide, catalogueParts, { untilIdle: true, streams: { input: process.stdin, output } });
    await relay.done;
    expect(warnings(relay.events)).toEqual([]);
    expect((await known(tide)).map(({ topic, column_names }) => [topic, column_names])).toEqual([
      ["to.a", "{kind,x}"],
      ["to.b", "{kind,y}"],
    ]);
  });

  it("asks once for each shape, whatever the number of events", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { on_schema_change: "warn" });
    await emit(tide, ...Array.from({ length: 3_000 }, (_, n) => (n % 2 ? { odd: n } : { even: n })));
    const sink = new MemorySink();
    const { events } = await drained(tide, sink);
    expect([sink.delivered.length, warnings(events).length]).toEqual([3_000, 1]);
  });

  it("a reverse pipeline cannot ask for it", async () => {
    await using tide = await openTide();
    await tide.run("select tide.inbox_create('mail')");
    const refused = await tide.refused(
      `select tide.relay_set_inbox_v2('{"name": "in", "inbox": "mail", "source": "stdin", "on_schema_change": "warn"}')`,
    );
    expect(refused.detail).toBe("PGTIDE_CONFIG_UNSUPPORTED_SURFACE");
  });
});
