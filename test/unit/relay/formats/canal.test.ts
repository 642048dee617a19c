/** Canal's flat JSON, as its documentation shows it. */
import { describe, expect, it } from "vitest";
import canal from "../../../../src/relay/formats/canal.ts";
import { decode, encode, message } from "./messages.ts";

const UPDATE = {
  data: [
    { id: "111", name: "scooter", weight: "5.18" },
    { id: "112", name: "hammer", weight: "1.0" },
  ],
  database: "inventory",
  es: 1589373560000,
  id: 9,
  isDdl: false,
  old: [{ weight: "5.15" }, { weight: "0.9" }],
  pkNames: ["id"],
  sql: "",
  table: "products",
  ts: 1589373560798,
  type: "UPDATE",
};

describe("[relay 6] Canal", () => {
  it("is read as one event per row, with the old values of each", () => {
    expect(decode(canal, UPDATE).map(({ payload, headers, subject }) => [payload, headers, subject])).toEqual([
      [
        '{"id":"111","name":"scooter","weight":"5.18"}',
        { op: "update", event_type: "inventory.products", old_payload: { weight: "5.15" }, commit_ts: 1589373560000 },
        "inventory.products",
      ],
      [
        '{"id":"112","name":"hammer","weight":"1.0"}',
        { op: "update", event_type: "inventory.products", old_payload: { weight: "0.9" }, commit_ts: 1589373560000 },
        "inventory.products",
      ],
    ]);
  });

  it("passes over definitions of tables, or refuses them when asked", () => {
    const ddl = { ...UPDATE, isDdl: true, data: null, type: "ALTER" };
    expect(decode(canal, ddl)).toEqual([]);
    expect(() => decode(canal, ddl, { skip_ddl: false })).toThrow("definition");
    expect(decode(canal, { ...UPDATE, type: "TRANSACTIONBEGIN", data: null })).toEqual([]);
  });

  it.each([
    ["an unknown type", { ...UPDATE, type: "MERGE" }, "type"],
    ["rows that are no list", { ...UPDATE, data: {} }, "list"],
    ["a row that is no object", { ...UPDATE, data: [1] }, "object"],
    ["more rows than a message holds", { ...UPDATE, data: Array(10_001).fill({}) }, "10000"],
  ])("refuses %s", (_name, body, reason) => {
    expect(() => decode(canal, body)).toThrow(reason);
  });

  it("is written with every value as text, exact", () => {
    const [encoded] = encode(
      canal,
      message({ payload: '{"id": 7, "n": 12345678901234567890, "a": [1], "x": null, "t": true}' }),
    );
    expect(JSON.parse(String(encoded?.body))).toMatchObject({
      database: "shop",
      table: "outbox_orders",
      type: "INSERT",
      isDdl: false,
      pkNames: ["id"],
      data: [{ id: "7", n: "12345678901234567890", a: "[1]", x: null, t: "true" }],
    });
    expect(() => encode(canal, message({ payload: "[1]" }))).toThrow("object");
  });
});
