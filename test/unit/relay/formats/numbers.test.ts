/** Numbers of foreign events reach the inbox as they were written, whatever the format. */
import { describe, expect, it } from "vitest";
import canal from "../../../../src/relay/formats/canal.ts";
import cdc_json from "../../../../src/relay/formats/cdc_json.ts";
import cloudevents from "../../../../src/relay/formats/cloudevents.ts";
import debezium from "../../../../src/relay/formats/debezium.ts";
import maxwell from "../../../../src/relay/formats/maxwell.ts";
import native from "../../../../src/relay/formats/native.ts";
import { decode, encode, message } from "./messages.ts";

const NUMBERS =
  '{"price":1.10,"zero":-0,"half":-0.50,"huge":1e400,"tiny":1e-400,"thousand":1e3,"id":9007199254740993,"day":"2026-01-01","text":"1.10 -0 \\"1e5\\""}';

describe("numbers of foreign events", () => {
  it.each([
    ["native, the bare payload", native, NUMBERS],
    ["native, the relay message", native, `{"dedup_key":"k","payload":${NUMBERS},"op":"insert","outbox_id":1}`],
    ["CloudEvents", cloudevents, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":${NUMBERS}}`],
    ["Debezium", debezium, `{"payload":{"op":"c","after":${NUMBERS},"source":{"db":"d","table":"t","ts_ms":1.0e3}}}`],
    ["Maxwell", maxwell, `{"database":"d","table":"t","type":"insert","ts":1.0e3,"data":${NUMBERS}}`],
    ["Canal", canal, `{"database":"d","table":"t","type":"INSERT","es":1.0e3,"data":[${NUMBERS}]}`],
  ])("reach the inbox as they were written: %s", (_name, format, body) => {
    expect(decode(format, body).map(({ payload }) => payload)).toEqual([NUMBERS]);
  });

  it("reach the inbox as they were written: any other JSON", () => {
    const options = { payload_path: "$.row", commit_ts_path: "$.at", commit_ts_format: "unix_seconds" };
    const [event] = decode(cdc_json, `{"op":"c","at":1700000000.50,"row":${NUMBERS}}`, options);
    expect(event).toMatchObject({ payload: NUMBERS, headers: { commit_ts: 1_700_000_000_500 } });
  });

  it("are times where the format has one, also when they are written with an exponent", () => {
    const times = [
      decode(maxwell, '{"database":"d","table":"t","type":"insert","ts":1.0e3,"data":{}}'),
      decode(canal, '{"database":"d","table":"t","type":"INSERT","es":1.0e6,"data":[{}]}'),
      decode(debezium, '{"op":"c","after":{},"source":{"db":"d","table":"t","ts_ms":1.0e6}}'),
    ];
    expect(times.map(([event]) => event?.headers.commit_ts)).toEqual([1e6, 1e6, 1e6]);
  });

  it("leave the relay in Canal's texts as they were written", () => {
    const [encoded] = encode(canal, message({ payload: '{"price": 1.10, "count": 5.0, "huge": 1e400}' }));
    expect(JSON.parse(String(encoded?.body)).data).toEqual([{ price: "1.10", count: "5.0", huge: "1e400" }]);
  });

  it("a payload that is all there is goes to the server letter for letter", () => {
    const body = ' {"b": 1,\n "a": [ 1.10, -0 ], "b": 2} ';
    expect(decode(native, body).map(({ payload }) => payload)).toEqual([body]);
  });
});
