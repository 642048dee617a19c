/** Debezium's change events: written with tombstones, read from Debezium itself and from another relay. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import debezium from "../../../../src/relay/formats/debezium.ts";
import { decode, encode, message } from "./messages.ts";

/** As Debezium's PostgreSQL connector writes it with schemas switched off (documentation, "Change events for a table"). */
const UPDATE = {
  before: { id: 1, first_name: "Anne", last_name: "Kretchmar", email: "annek@noanswer.org" },
  after: { id: 1, first_name: "Anne Marie", last_name: "Kretchmar", email: "annek@noanswer.org" },
  source: {
    version: "3.3.1.Final",
    connector: "postgresql",
    name: "PostgreSQL_server",
    ts_ms: 1559033904863,
    snapshot: "false",
    db: "postgres",
    schema: "public",
    table: "customers",
    txId: 556,
    lsn: 24023128,
    xmin: null,
  },
  op: "u",
  ts_ms: 1465584025523,
};

describe("[relay 6] Debezium, written", () => {
  it.each([
    ["insert", "c", null, { id: 7 }],
    ["update", "u", null, { id: 7 }],
    ["delete", "d", { id: 7 }, null],
    ["event", "c", null, { id: 7 }],
  ])("%s is op %s", (op, code, before, after) => {
    const [encoded] = encode(debezium, message({ op, payload: '{"id": 7}' }));
    expect(JSON.parse(String(encoded?.body))).toEqual({
      schema: null,
      payload: {
        before,
        after,
        source: {
          version: "pg-tide",
          connector: "postgresql",
          name: "pg-tide",
          ts_ms: 1772600767123,
          snapshot: "false",
          db: "shop",
          schema: "public",
          table: "outbox_orders",
          lsn: null,
          dedup_key: "outbox_orders:42:0",
        },
        op: code,
        ts_ms: 1772600767123,
      },
    });
  });

  it("a delete is followed by a tombstone with the same key, unless that is switched off", () => {
    const gone = message({ op: "delete" });
    const [event, tombstone, ...others] = encode(debezium, gone);
    expect(others).toEqual([]);
    expect(tombstone).toMatchObject({ body: null, key: event?.key });
    expect(event?.key).toBe('{"schema":null,"payload":{"id":"7"}}');
    expect(encode(debezium, gone, { emit_tombstones: false })).toHaveLength(1);
    expect(encode(debezium, message())).toHaveLength(1);
  });

  it("keys by the fields named, else by the message's own key", () => {
    const order = message({ payload: '{"tenant": "a", "no": 12345678901234567890}', messageKey: "own" });
    const keyed = encode(debezium, order, { key_fields: ["tenant", "no"] });
    expect(keyed[0]?.key).toBe('{"schema":null,"payload":{"tenant":"a","no":"12345678901234567890"}}');
    expect(encode(debezium, order)[0]?.key).toBe("own");
    expect(encode(debezium, message(), { key_strategy: "message_key" })[0]?.key).toBe("outbox_orders:42:0");
  });
});

describe("[relay 6] Debezium, read", () => {
  it("is the row after the change, with the row before, the time and the position in headers", () => {
    for (const body of [UPDATE, { schema: {}, payload: UPDATE }]) {
      expect(decode(debezium, body)).toEqual([
        {
          eventId: undefined,
          payload: JSON.stringify(UPDATE.after),
          headers: {
            op: "update",
            event_type: "postgres.customers",
            old_payload: UPDATE.before,
            commit_ts: 1559033904863,
            source_position: 24023128,
          },
          subject: "postgres.customers",
        },
      ]);
    }
  });

  it("of a delete it is the row before; of a snapshot's row what the options say", () => {
    const [gone] = decode(debezium, { ...UPDATE, op: "d", after: null });
    expect([gone?.payload, gone?.headers.op]).toEqual([JSON.stringify(UPDATE.before), "delete"]);
    const snapshot = { ...UPDATE, op: "r", before: null };
    expect(decode(debezium, snapshot)[0]?.headers.op).toBe("insert");
    expect(decode(debezium, snapshot, { snapshot_op_treatment: "upsert" })[0]?.headers.op).toBe("update");
  });

  it("keeps a 64 bit number of the row and of the log exact", () => {
    const [event] = decode(
      debezium,
      '{"op":"c","before":null,"after":{"id":9007199254740993},"source":{"lsn":9007199254740993}}',
    );
    expect(event?.payload).toBe('{"id":9007199254740993}');
    expect(event?.headers.source_position).toBe("9007199254740993");
  });

  it.each([
    ["a tombstone", ""],
    ["a JSON tombstone", "null"],
    ["a heartbeat", { ts_ms: 5 }],
    ["a truncation", { op: "t", source: {} }],
  ])("passes over %s", (_name, body) => {
    expect(decode(debezium, body)).toEqual([]);
  });

  it.each([
    ["empty", ""],
    ["JSON null", "null"],
  ])("takes a tombstone for a delete without a row when it shall: %s", (_name, body) => {
    expect(decode(debezium, body, { tombstone_handling: "delete" })).toEqual([
      { eventId: undefined, payload: "null", headers: { op: "delete" }, subject: undefined },
    ]);
  });

  it("refuses an interval of heartbeats, because none are sent", () => {
    const parse = (interval: unknown) => debezium.options(z).safeParse({ heartbeat_interval_ms: interval });
    expect(parse(0).success).toBe(true);
    for (const interval of [1, 10_000, -1, 0.5]) {
      expect(
        parse(interval)
          .error?.issues.map(({ message }) => message)
          .join(),
      ).toMatch(/heartbeats|integer|int/);
    }
  });

  it("gives an event of another relay its own id back", () => {
    const [encoded] = encode(debezium, message());
    expect(decode(debezium, encoded?.body)[0]).toMatchObject({
      eventId: "outbox_orders:42:0",
      headers: { op: "insert" },
    });
  });

  it.each([
    ["an unknown operation", { op: "x" }],
    ["an operation that every object has", { op: "constructor" }],
    ["a list", []],
  ])("refuses %s", (_name, body) => {
    expect(() => decode(debezium, body)).toThrow(/op|object/);
  });
});
