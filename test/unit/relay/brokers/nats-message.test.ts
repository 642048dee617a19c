/** Which subjects and headers a NATS message can carry. */
import { describe, expect, it } from "vitest";
import { headerBlock, isCarriable } from "../../../../src/relay/brokers/nats-message.ts";
import { delivery } from "../../../conformance/relay/connector.ts";

const block = (more: Partial<ReturnType<typeof delivery>> = {}, stream?: string) =>
  headerBlock({ ...delivery(1), headers: {}, contentType: "application/json", ...more }, stream)?.toString("utf8");

describe("a subject", () => {
  it.each(["orders", "orders.insert", "a-b.c_d.0", "x".repeat(1_024)])("%s is carried", (subject) => {
    expect(isCarriable(subject)).toBe(true);
  });

  it.each([
    "",
    ".",
    "orders.",
    ".orders",
    "a..b",
    "orders.*",
    "orders.>",
    "two words",
    "a\r\nPUB b 0",
    "$JS.API.STREAM.DELETE.x",
    "_INBOX.x",
    "_R_.x",
    "x".repeat(1_025),
  ])("%j is refused", (subject) => {
    expect(isCarriable(subject)).toBe(false);
  });
});

describe("a header block", () => {
  it("names the message by its dedup key and ends with an empty line", () => {
    const { dedupKey } = delivery(1).message;
    expect(block()).toBe(`NATS/1.0\r\nNats-Msg-Id: ${dedupKey}\r\n\r\n`);
  });

  it("carries the event's headers, the type of a body that is not JSON, and the stream that must take it", () => {
    const text = block({ headers: { trace: "a b" }, contentType: "text/plain" }, "ORDERS");
    expect(text?.split("\r\n").slice(2)).toEqual([
      "trace: a b",
      "content-type: text/plain",
      "Nats-Expected-Stream: ORDERS",
      "",
      "",
    ]);
  });

  it("leaves out what steers JetStream, however it is written", () => {
    const text = block({ headers: { "nats-msg-id": "mine", "Nats-Rollup": "all", other: "1" } });
    expect(text).not.toMatch(/mine|rollup/i);
    expect(text).toContain("other: 1\r\n");
  });

  it.each([
    ["a name with a colon", { "a:b": "1" }],
    ["a name with a space", { "a b": "1" }],
    ["an empty name", { "": "1" }],
    ["a value with a line feed", { a: "1\nb: 2" }],
    ["a value with a carriage return", { a: "1\r" }],
    ["a value with a zero", { a: "\0" }],
  ])("cannot be made of %s", (_what, headers: Record<string, string>) => {
    expect(block({ headers })).toBeUndefined();
  });

  it("cannot be made of a content type with a line end", () => {
    expect(block({ contentType: "text/plain\r\nx: y" })).toBeUndefined();
  });
});
