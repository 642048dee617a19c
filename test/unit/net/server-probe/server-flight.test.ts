/** A server's first flight, read from any bytes: cut anywhere, changed anywhere, it never throws and never invents. */
import { describe, expect, it } from "vitest";
import { curveOf, groupBitsOf, readFlight } from "../../../../src/net/server-probe/server-flight.ts";
import { alert, record, uint16 } from "../../../support/audit/fake-tls.ts";

const message = (type: number, body: Buffer) => Buffer.concat([Buffer.from([type, 0]), uint16(body.length), body]);
const HELLO = message(
  2,
  Buffer.concat([uint16(0x0303), Buffer.alloc(32, 7), Buffer.from([2, 1, 1]), uint16(0xc02f), Buffer.from([0])]),
);
const CERTIFICATE = message(11, Buffer.from([0, 0, 5, 0, 0, 2, 0x30, 0x00]));
const EXCHANGE = message(12, Buffer.from([3, 0, 21, 1, 4]));
const DONE = message(14, Buffer.alloc(0));
const WHOLE = record(0x0303, [HELLO, CERTIFICATE, EXCHANGE, DONE]);

describe("a flight", () => {
  it("is read whole, in one record or in many", () => {
    const expected = { kind: "flight", isDone: true, flight: { version: 0x0303, suite: 0xc02f } };
    expect(readFlight(WHOLE)).toMatchObject(expected);
    const body = WHOLE.subarray(5);
    const pieces = Array.from(body, (byte) => record(0x0303, [Buffer.from([byte])]));
    expect(readFlight(Buffer.concat(pieces))).toMatchObject(expected);
    const state = readFlight(WHOLE);
    if (state.kind !== "flight") throw new Error("no flight");
    expect(state.flight.certificates).toEqual([Buffer.from([0x30, 0x00])]);
    expect(curveOf(state.flight)).toBe(21);
  });

  it("that is cut off anywhere is waited for, and is never done", () => {
    for (let length = 0; length < WHOLE.length; length++) {
      const state = readFlight(WHOLE.subarray(0, length));
      expect(state.kind === "waiting" || (state.kind === "flight" && !state.isDone), `${length} bytes`).toBe(true);
    }
  });

  it("is taken back by a fatal alert and not by a warning", () => {
    const hello = record(0x0303, [HELLO]);
    expect(readFlight(Buffer.concat([hello, alert(40)]))).toEqual({ kind: "alert", description: 40 });
    expect(readFlight(Buffer.concat([alert(112, 1), WHOLE]))).toMatchObject({ kind: "flight", isDone: true });
  });

  it("with any byte changed is something or garbage, and never an error", () => {
    for (let at = 0; at < WHOLE.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const bytes = Buffer.from(WHOLE);
        bytes[at] = value;
        expect(["waiting", "flight", "alert", "garbage"]).toContain(readFlight(bytes).kind);
      }
    }
  });

  it("of random bytes is never done", () => {
    let seed = 42;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed >> 16;
    };
    for (let round = 0; round < 5_000; round++) {
      const bytes = Buffer.from(Array.from({ length: random() % 80 }, () => random() & 0xff));
      if (round % 2 === 0 && bytes.length > 5) bytes.set([22, 3, 3, 0, bytes.length - 5]);
      const state = readFlight(bytes);
      expect(state.kind === "flight" && state.isDone).toBe(false);
    }
  });
});

describe("a group of Diffie-Hellman", () => {
  const bitsOf = (bytes: Buffer) => groupBitsOf({ version: 0, suite: 0, certificates: [], keyExchange: bytes });

  it("has the bits of its prime, leading zeros left out", () => {
    expect(bitsOf(Buffer.concat([uint16(129), Buffer.from([0]), Buffer.alloc(128, 0xff)]))).toBe(1024);
    expect(bitsOf(Buffer.concat([uint16(2), Buffer.from([0x01, 0xff])]))).toBe(9);
  });

  it("is unknown when it is cut short or empty", () => {
    expect(bitsOf(Buffer.concat([uint16(256), Buffer.alloc(10)]))).toBeUndefined();
    expect(bitsOf(Buffer.from([0, 0, 0]))).toBeUndefined();
    expect(bitsOf(Buffer.alloc(0))).toBeUndefined();
    expect(bitsOf(Buffer.from([0, 2, 0, 0]))).toBeUndefined();
  });
});
