/** From a message to what is sent: subjects, routes, order keys, sizes, transforms. */
import { describe, expect, it } from "vitest";
import { findSink, readPipeline } from "../../../../src/relay/pipeline/read.ts";
import { openShaping, type Shaped } from "../../../../src/relay/pipeline/shaping.ts";
import { compileTemplate, templateProblem } from "../../../../src/relay/pipeline/template.ts";
import type { SinkDefinition } from "../../../../src/relay/sinks/sink.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { message } from "../formats/messages.ts";
import { openPipeline, refusal, toStdout } from "./rows.ts";

async function shaping(more: Record<string, unknown> = {}, change: Partial<SinkDefinition> = {}, environment = {}) {
  const pipeline = await readPipeline(toStdout(more));
  const sink = await findSink("stdout");
  if (!sink) throw new Error("no sink");
  const openable = await openPipeline(pipeline, { environment });
  return openShaping(pipeline, { sink: { ...sink, ...change }, openable, database: "shop" });
}

function deliveries(shaped: Shaped) {
  if (shaped.kind !== "deliveries") throw new Error(`not delivered: ${JSON.stringify(shaped)}`);
  return shaped.deliveries;
}

const only = (shaped: Shaped) => {
  const [delivery, ...others] = deliveries(shaped);
  expect(others).toEqual([]);
  if (!delivery) throw new Error("nothing");
  return delivery;
};

describe("[relay 6] a template", () => {
  const one = message({
    op: "update",
    headers: '{"event_type": "order.paid", "region": "eu-1", "refresh_id": "r1"}',
    payload: '{"customer": {"no": 12345678901234567890, "name": "a.b>c*d e/f"}, "flag": true}',
  });

  it.each([
    ["{outbox}.{op}", "orders.update"],
    ["{outbox_id}/{stream_table}", "42/outbox_orders"],
    ["{event_type}", "order.paid"],
    ["{refresh_id}-{dedup_key}", "r1-outbox_orders_42_0"],
    ["{year}{month}{day}{hour}", "2026030405"],
    ["{header.region}.{headers.region}", "eu-1.eu-1"],
    ["{payload.customer.no}", "12345678901234567890"],
    ["{payload.customer.name}", "a_b_c_d_e_f"],
    ["{payload.flag}", "true"],
    ["x.{payload.missing}.{header.missing}", "x._._"],
    ["just.text", "just.text"],
  ])("%s renders as %s", (template, expected) => {
    expect(compileTemplate(template)(one)).toBe(expected);
  });

  it.each([
    "{outbo}",
    "{}",
    "{payload}",
    "{payload.}",
    "{header..x}",
    "a{b",
    "a}b",
    " ",
    "{constructor}",
    "{toString.x}",
  ])("is refused: %j", (template) => {
    expect(templateProblem(template)).toBeTruthy();
  });

  it("[R-08] lets no message add structure, line breaks or wildcards to a subject", () => {
    const render = compileTemplate("a.{payload.x}.{event_type}.z");
    for (const hostile of [
      "*",
      ">",
      "#",
      "+",
      "a.b",
      "a/b",
      "\r\nx: y",
      " ",
      "\u0000",
      "{outbox}",
      "${env:A}",
      "ü😀",
      "",
      "$SYS",
    ]) {
      const rendered = render(
        message({ payload: JSON.stringify({ x: hostile }), headers: JSON.stringify({ event_type: `${hostile}..` }) }),
      );
      expect(rendered).toMatch(/^a\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.z$/);
      expect(rendered.split(".")[1]).toMatch(/^[A-Za-z0-9_-]+$/);
    }
    expect(render(message({ payload: JSON.stringify({ x: "y".repeat(5_000) }) })).length).toBeLessThan(300);
  });
});

describe("the subject of a message", () => {
  const routing = {
    rules: [
      { match_field: "region", match_value: "eu", subject: "eu.{op}" },
      { match_field: "payload.total", match_value: 5, subject: "five" },
      { match_field: "headers.vip", match_value: true, subject: "vip" },
    ],
    default_template: "other.{outbox}",
  };

  it.each([
    ['{"region": "eu", "total": 5}', "{}", "eu.insert"],
    ['{"total": 5}', "{}", "five"],
    ['{"total": "5"}', "{}", "five"],
    ['{"total": 6}', '{"vip": true}', "vip"],
    ["{}", '{"vip": "no"}', "other.orders"],
    ["[]", "{}", "other.orders"],
  ])("[relay 6] is the first route that fits: %s %s", async (payload, headers, subject) => {
    const shape = await shaping({ routing });
    expect(only(shape(message({ payload, headers }))).subject).toBe(subject);
  });

  it("else the sink's own, else the source's, else outbox and operation", async () => {
    expect(only((await shaping({}, { subject: () => "sink.{op}" }))(message())).subject).toBe("sink.insert");
    const source = { outbox: "orders", subject_template: "source.{op}" };
    expect(only((await shaping({ source }))(message())).subject).toBe("source.insert");
    expect(only((await shaping())(message())).subject).toBe("orders.insert");
  });

  it("of a sink that cannot work keeps the pipeline from starting", async () => {
    expect((await refusal(shaping({}, { subject: () => "{nope}" }))).code).toBe("RELAY_PIPELINE_INVALID");
  });
});

describe("shaping", () => {
  it("[relay 5.3b] passes the payload byte for byte into the relay message", async () => {
    const payload = '{"b":  1.50, "a": 12345678901234567890, "a ": "\\u00e9"}';
    const delivery = only((await shaping())(message({ payload })));
    expect(delivery.body).toContain(`"payload":${payload},`);
    expect(delivery.bytes).toBe(Buffer.byteLength(String(delivery.body)));
    expect(delivery.contentType).toBe("application/json");
  });

  it("sends the bare payload to sinks that wrap nothing, unless wire_config says otherwise", async () => {
    const bare = await shaping({}, { wrapsNative: false });
    expect(only(bare(message())).body).toBe(message().payload);
    const wire = await shaping({ wire_config: { body: "wire" } }, { wrapsNative: false });
    expect(only(wire(message())).body).toContain('"stream_table":"outbox_orders"');
  });

  it.each([
    [undefined, ""],
    ["dedup", "outbox_orders:42:0"],
    ["subject", "orders.insert"],
    ["payload.id", "7"],
    ["payload.missing", ""],
    ["headers.event_type", "order.created"],
  ])("order_key %s is %j", async (order_key, expected) => {
    expect(only((await shaping(order_key ? { order_key } : {}))(message())).orderKey).toBe(expected);
  });

  it("[R-20] keeps no long order key, and tells long ones apart", async () => {
    const shape = await shaping({ order_key: "payload.k" });
    const keyOf = (k: string) => only(shape(message({ payload: JSON.stringify({ k }) }))).orderKey;
    const long = "k".repeat(500_000);
    expect(keyOf(long)).toHaveLength("sha256:".length + 64);
    expect(keyOf(long)).toBe(keyOf(long));
    expect(keyOf(`${long}2`)).not.toBe(keyOf(long));
    expect(keyOf("k".repeat(256))).toBe("k".repeat(256));
  });

  it("transforms before it addresses: decrypt, filter, payload", async () => {
    const shape = await shaping({
      transform: { payload: "{total: total, region: region}", filter: "payload.total > `10`" },
      order_key: "payload.region",
    });
    expect(shape(message({ payload: '{"total": 5}' }))).toEqual({ kind: "dropped" });
    const delivery = only(shape(message({ payload: '{"total": 12345678901234567890, "region": "eu", "secret": 1}' })));
    expect(delivery.body).toContain('"payload":{"total":12345678901234567890,"region":"eu"}');
    expect(delivery.orderKey).toBe("eu");
    expect(delivery.message.id).toBe(42n);
  });

  it("makes two deliveries of one delete in Debezium's format", async () => {
    const shape = await shaping({ wire_format: "debezium" });
    const [event, tombstone] = deliveries(shape(message({ op: "delete" })));
    expect(JSON.parse(String(event?.body)).payload).toMatchObject({ op: "d", source: { db: "shop" } });
    expect(tombstone).toMatchObject({ body: null, bytes: 0, key: event?.key });
  });

  it("[relay 4] refuses a message over the sink's limit before it is sent, and takes one at the limit", async () => {
    const limits = { batchMessages: 1, batchBytes: 1_000, messageBytes: 100 };
    const shape = await shaping({}, { limits, wrapsNative: false });
    expect(shape(message({ payload: `"${"x".repeat(98)}"` })).kind).toBe("deliveries");
    expect(shape(message({ payload: `"${"x".repeat(99)}"` }))).toEqual({
      kind: "failed",
      deadLetter: "sink_permanent",
      reason: "the message has 101 bytes, over the sink's limit of 100",
    });
  });

  it("[R-20][R-21] makes a dead letter of what cannot be shaped, and does not repeat it", async () => {
    const canary = "canary-4711";
    for (const more of [
      { transform: { filter: "abs(name)" } },
      { wire_format: "canal", transform: {} },
      { encryption: { key: "${env:KEY}", required: true } },
    ]) {
      const shape = await shaping(more, {}, { KEY: "ab".repeat(32) });
      const payload = "wire_format" in more ? `"${canary}"` : `{"name": "${canary}"}`;
      const shaped = shape(message({ payload }));
      expect(shaped).toMatchObject({ kind: "failed", deadLetter: "decode" });
      expect(JSON.stringify(shaped)).not.toContain(canary);
    }
  });

  it("[R-04] never expands references in a message", async () => {
    const payload = '{"a": "${env:HOME} ${file:/etc/passwd}"}';
    const shape = await shaping({ transform: { payload: "{b: a}" } }, {}, { HOME: "/root" });
    expect(only(shape(message({ payload }))).body).toContain('{"b":"${env:HOME} ${file:/etc/passwd}"}');
  });

  it.each<[string, Record<string, unknown>]>([
    ["as it is", { order_key: "payload.id" }],
    ["filtered and transformed", { transform: { filter: "id == `7`", payload: "{ id: id, list: list }" } }],
  ])("takes time in proportion to the payload, sent %s", async (_, more) => {
    const shape = await shaping(more);
    const input = (size: number) =>
      message({
        payload: JSON.stringify({ id: 7, text: "x".repeat(size), list: Array(Math.ceil(size / 10)).fill(1) }),
      });
    expect(shape(input(10_000)).kind).toBe("deliveries");
    await expectLinearTime({ input, work: shape, largest: 500_000 });
  });
});
