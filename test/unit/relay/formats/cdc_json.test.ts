/** Change events of any shape, by paths. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import cdcJson from "../../../../src/relay/formats/cdc_json.ts";
import { decode } from "./messages.ts";

const EVENT = {
  meta: { kind: "I", seq: 12, at: "2026-03-04T05:06:07Z", table: "orders" },
  row: { id: 1 },
  old: { id: 0 },
};
const PATHS = {
  op_path: "$.meta.kind",
  payload_path: "$.row",
  old_payload_path: "old",
  event_id_path: "meta.seq",
  event_type_path: "$.meta.table",
  commit_ts_path: "$.meta.at",
  source_position_path: "$.meta.seq",
};

describe("[relay 6] cdc_json", () => {
  it("reads each part from its path", () => {
    expect(decode(cdcJson, EVENT, PATHS)).toEqual([
      {
        eventId: "12",
        payload: '{"id":1}',
        headers: {
          op: "insert",
          event_type: "orders",
          old_payload: { id: 0 },
          commit_ts: Date.parse("2026-03-04T05:06:07Z"),
          source_position: "12",
        },
        subject: "orders",
      },
    ]);
  });

  it("without paths takes the whole document, and its op where it has one", () => {
    expect(decode(cdcJson, { op: "d", id: 5 })[0]).toMatchObject({
      payload: '{"op":"d","id":5}',
      headers: { op: "delete" },
    });
    expect(decode(cdcJson, [1])[0]).toMatchObject({ payload: "[1]", headers: { op: "event" } });
  });

  it("lets op_map say what a source's words mean", () => {
    expect(decode(cdcJson, { op: "X" }, { op_map: { X: "update" } })[0]?.headers.op).toBe("update");
    expect(() => decode(cdcJson, { op: "X" })).toThrow("op_map");
    expect(() => decode(cdcJson, { op: "constructor" })).toThrow("op_map");
  });

  it.each([
    ["unix_seconds", 1772600767, 1772600767000],
    ["unix_millis", 1772600767123, 1772600767123],
    ["rfc3339", "2026-03-04T05:06:07.123Z", 1772600767123],
  ])("reads times as %s", (commit_ts_format, at, expected) => {
    const [event] = decode(cdcJson, { at }, { commit_ts_path: "at", commit_ts_format });
    expect(event?.headers.commit_ts).toBe(expected);
    expect(() => decode(cdcJson, { at: "soon" }, { commit_ts_path: "at", commit_ts_format })).toThrow("commit_ts_path");
  });

  it("refuses an event without what a path promises", () => {
    expect(() => decode(cdcJson, {}, { payload_path: "$.row" })).toThrow("payload_path");
    expect(() => decode(cdcJson, {}, { event_id_path: "$.id" })).toThrow("event_id_path");
  });

  it("knows dotted paths only", () => {
    for (const path of ["$.a[0]", "$..a", "a b", "$.*", "a."]) {
      expect(cdcJson.options(z).safeParse({ payload_path: path }).success, path).toBe(false);
    }
  });

  it("is not written", () => {
    expect(cdcJson.encode).toBeUndefined();
  });
});
