/** Maxwell's JSON, as its documentation shows it. */
import { describe, expect, it } from "vitest";
import maxwell from "../../../../src/relay/formats/maxwell.ts";
import { decode, encode, message } from "./messages.ts";

/** maxwells-daemon.io, "Data Format". */
const UPDATE = {
  database: "test",
  table: "e",
  type: "update",
  ts: 1477053234,
  xid: 23396,
  xoffset: 2,
  commit: true,
  position: "master.000006:800911",
  data: { id: 1, m: 5.444, c: "2016-10-21 05:33:54.631000", comment: "I am a creature of light." },
  old: { m: 4.2341, c: "2016-10-21 05:33:37.523000" },
};

describe("[relay 6] Maxwell", () => {
  it("is read with row, old values, time and position", () => {
    expect(decode(maxwell, UPDATE)).toEqual([
      {
        eventId: "test.e:23396:2",
        payload: JSON.stringify(UPDATE.data),
        headers: {
          op: "update",
          event_type: "test.e",
          old_payload: UPDATE.old,
          commit_ts: 1477053234000,
          source_position: 23396,
        },
        subject: "test.e",
      },
    ]);
    const { xoffset, ...withoutOffset } = UPDATE;
    expect(xoffset).toBe(2);
    // One transaction number for many rows is no identity.
    expect(decode(maxwell, withoutOffset)[0]?.eventId).toBeUndefined();
  });

  it("takes rows of a bootstrap for inserts, unless told otherwise, and passes over what tells of no row", () => {
    const row = { ...UPDATE, type: "bootstrap-insert" };
    expect(decode(maxwell, row)[0]?.headers.op).toBe("insert");
    expect(decode(maxwell, row, { treat_bootstrap_as_insert: false })).toEqual([]);
    for (const type of ["bootstrap-start", "bootstrap-complete", "table-alter", "database-create", "heartbeat"]) {
      expect(decode(maxwell, { ...UPDATE, type })).toEqual([]);
    }
  });

  it.each([
    ["an unknown type", { ...UPDATE, type: "upsert" }, "type"],
    ["no table", { ...UPDATE, table: undefined }, "table"],
    ["a row that is no object", { ...UPDATE, data: [1] }, "data"],
  ])("refuses %s", (_name, body, reason) => {
    expect(() => decode(maxwell, body)).toThrow(reason);
  });

  it("is written so that it reads again", () => {
    const [encoded] = encode(maxwell, message({ op: "delete" }));
    expect(JSON.parse(String(encoded?.body))).toMatchObject({
      database: "shop",
      table: "outbox_orders",
      type: "delete",
      ts: 1772600767,
      data: { id: 7 },
    });
    expect(decode(maxwell, encoded?.body)[0]).toMatchObject({
      payload: '{"id":7,"total":12345678901234567890,"price":1.50}',
      headers: { op: "delete", event_type: "shop.outbox_orders" },
    });
  });
});
