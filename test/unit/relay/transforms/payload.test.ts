/** Payloads made anew by an expression. */
import { describe, expect, it } from "vitest";
import payload from "../../../../src/relay/transforms/payload.ts";
import { message } from "../formats/messages.ts";

async function transformed(expression: string, text: string): Promise<string | undefined> {
  const apply = await payload.prepare(expression, { outbox: "orders" });
  return apply(message({ payload: text }))?.payload;
}

describe("[relay 6] a payload transform", () => {
  it.each([
    ["{id: id, kind: op}", '{"id": 1, "secret": 2}', '{"id":1,"kind":"insert"}'],
    ["payload.{id: id}", '{"id": 1}', '{"id":1}'],
    ["@", '{"a": [1, {"b": null}]}', '{"a":[1,{"b":null}]}'],
    ["items[*].name", '{"items": [{"name": "x"}, {"name": "y"}]}', '["x","y"]'],
    ["missing", "{}", "null"],
    ["merge(@, {more: 'x'})", '{"a": 1}', '{"a":1,"more":"x"}'],
    ["{p: payload, h: headers.event_type}", '{"a": 1}', '{"p":{"a":1},"h":"order.created"}'],
  ])("%s", async (expression, before, after) => {
    expect(await transformed(expression, before)).toBe(after);
  });

  it("passes numbers on that JavaScript cannot hold", async () => {
    const before = '{"id": 9007199254740993, "sum": 0.12345678901234567890, "text": "9007199254740993"}';
    expect(await transformed("{id: id, sum: sum, text: text}", before)).toBe(
      '{"id":9007199254740993,"sum":0.12345678901234567890,"text":"9007199254740993"}',
    );
  });

  it("changes nothing else of the message", async () => {
    const apply = await payload.prepare("{a: a}", { outbox: "orders" });
    const one = message({ payload: '{"a": 1}' });
    expect(apply(one)).toEqual({ ...one, payload: '{"a":1}' });
  });

  it("refuses a result larger than a message may be", async () => {
    const list = JSON.stringify({ list: Array(60_000).fill(1) });
    await expect(transformed("[list, list, list, list]", list)).rejects.toThrow("larger than a message");
  });

  it("refuses an expression that can never work when the pipeline starts", () => {
    expect(() => payload.prepare("a &&", { outbox: "orders" })).toThrow("not a JMESPath expression");
  });
});
