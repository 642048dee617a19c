/** What a delivery looks like as a record of Kafka. */
import { describe, expect, it } from "vitest";
import { isTopic, recordBytes, recordOf } from "../../../../src/relay/brokers/kafka-record.ts";
import { delivery } from "../../../conformance/relay/connector.ts";

const { message } = delivery(1);
const keyed = (key: string, orderKey: string) => ({ ...delivery(1), key, orderKey });

describe("the key of a record", () => {
  it.each([
    ["format", keyed("k", "o"), "k"],
    ["order_key", keyed("k", "o"), "o"],
    ["dedup_key", keyed("k", "o"), message.dedupKey],
    ["auto", keyed("k", "o"), "k"],
    ["auto", keyed(message.dedupKey, "o"), "o"],
    ["auto", keyed(message.dedupKey, ""), message.dedupKey],
  ] as const)("by %s", (from, given, key) => {
    expect(recordOf(given, { message_key: from }).key).toBe(key);
  });
});

describe("the headers of a record", () => {
  it("name the event, whatever the event or the pipeline says in their place", () => {
    const pg_tide_dedup_key = "mine";
    const given = { ...delivery(1), headers: { pg_tide_dedup_key, trace: "event" } };
    const { headers } = recordOf(given, { message_key: "auto", headers: { pg_tide_dedup_key, trace: "p", team: "a" } });
    expect(headers).toEqual({
      "content-type": given.contentType,
      pg_tide_outbox: message.outbox,
      pg_tide_op: message.op,
      pg_tide_dedup_key: message.dedupKey,
      trace: "event",
      team: "a",
    });
  });
});

describe("the size of a record", () => {
  it("counts bytes, not characters, of key, headers and body, and a frame for each", () => {
    const bare = recordBytes({ key: "", value: null, headers: {} }, 0);
    expect(recordBytes({ key: "é", value: "x", headers: {} }, 1) - bare).toBe(3);
    expect(recordBytes({ key: "", value: null, headers: { é: "€" } }, 0) - bare).toBeGreaterThanOrEqual(5 + 2);
  });
});

describe("a topic", () => {
  it.each(["orders", "Orders.v1-a_b", "x".repeat(249)])("%s is one", (name) => {
    expect(isTopic(name)).toBe(true);
  });

  it.each(["", ".", "..", "__consumer_offsets", "a b", "a/b", "é", "x".repeat(250)])("%j is none of ours", (name) => {
    expect(isTopic(name)).toBe(false);
  });
});
