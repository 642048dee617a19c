/** The relay message of pg_tide, its bare payload and its wire message. */
import { describe, expect, it } from "vitest";
import { FormatFailure } from "../../../../src/relay/formats/format.ts";
import native from "../../../../src/relay/formats/native.ts";
import { decode, encode, message } from "./messages.ts";

describe("[relay 6] the native relay message", () => {
  it("holds exactly the fields of the contract, the payload byte for byte", () => {
    const [encoded] = encode(native, message());
    expect(encoded?.body).toContain('"payload":{"id": 7, "total": 12345678901234567890, "price": 1.50},');
    expect(JSON.parse(String(encoded?.body))).toEqual({
      dedup_key: "outbox_orders:42:0",
      subject: "orders.insert",
      payload: { id: 7, total: 12345678901234567000, price: 1.5 },
      op: "insert",
      is_full_refresh: false,
      outbox_id: 42,
      refresh_id: null,
      outbox_name: "orders",
      headers: { event_type: "order.created" },
      created_at: "2026-03-04T05:06:07.123456Z",
    });
    expect(encoded?.contentType).toBe("application/json");
  });

  it("has the application's key where there is one, else the stable id", () => {
    expect(encode(native, message())[0]?.key).toBe("outbox_orders:42:0");
    expect(encode(native, message({ messageKey: "customer-7" }))[0]?.key).toBe("customer-7");
  });

  it("can be the payload alone, or pg_tide's short wire message", () => {
    expect(encode(native, message(), { body: "payload" })[0]?.body).toBe(message().payload);
    const [wire] = encode(native, message(), { body: "wire" });
    expect(wire?.body).toBe(
      `{"outbox_id":42,"op":"insert","stream_table":"outbox_orders","payload":${message().payload}}`,
    );
    expect(wire?.key).toBe("outbox_orders:42");
  });

  it("keeps hostile texts inside of their strings", () => {
    const [encoded] = encode(native, message({ op: '"},{"x":"' }), { subject: 'a","payload":"b' });
    expect(JSON.parse(String(encoded?.body))).toMatchObject({ op: '"},{"x":"', subject: 'a","payload":"b' });
  });

  it("is read again as what it was, numbers that JavaScript cannot hold among it", () => {
    const [encoded] = encode(native, message());
    expect(decode(native, encoded?.body)).toEqual([
      {
        eventId: "outbox_orders:42:0",
        payload: '{"id":7,"total":12345678901234567890,"price":1.50}',
        headers: { event_type: "order.created", op: "insert" },
        subject: "orders.insert",
      },
    ]);
  });

  it("takes any other JSON as a payload", () => {
    expect(decode(native, '[1, "x", null]')).toEqual([
      { eventId: undefined, payload: '[1, "x", null]', headers: {}, subject: undefined },
    ]);
  });

  it.each([
    ["no JSON", "{", "not JSON"],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22]), "not UTF-8"],
    ["NUL, which no column can hold", '{"a": "x\\u0000y"}', "NUL"],
    ["half a character", '{"a": "\\ud800"}', "half of a character"],
    ["more than 64 levels", "[".repeat(65) + "]".repeat(65), "64 levels"],
    ["a dedup_key that is a number", '{"dedup_key": 12345678901234567890, "payload": 1}', "dedup_key"],
  ])("refuses %s and does not repeat it", (_name, body, reason) => {
    expect(() => decode(native, body)).toThrow(FormatFailure);
    expect(() => decode(native, body)).toThrow(reason);
  });

  it("takes 64 levels, and an escaped backslash before u0000", () => {
    expect(decode(native, "[".repeat(64) + "]".repeat(64))).toHaveLength(1);
    expect(decode(native, '{"a": "\\\\u0000"}')).toHaveLength(1);
  });
});
