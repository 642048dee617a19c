/** What the schemes share: the time that a comparison takes says nothing, the bytes are read strictly. */
import { describe, expect, it } from "vitest";
import { base64Bytes, checkTimestamp, hexBytes, someEqual } from "../../../../src/relay/signatures/digest.ts";

/** Welch's t of the times that `call` takes with two arguments, in turns, the slowest tenth of each left out. */
function timeDifference<Argument>(call: (argument: Argument) => unknown, both: readonly [Argument, Argument]): number {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < 4_000; round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const start = process.hrtime.bigint();
      for (let repeat = 0; repeat < 10; repeat++) call(both[which]);
      times[which].push(Number(process.hrtime.bigint() - start));
    }
  }
  const [a, b] = times.map((list) => {
    const kept = list.sort((x, y) => x - y).slice(0, Math.floor(list.length * 0.9));
    const mean = kept.reduce((sum, time) => sum + time, 0) / kept.length;
    return { mean, error: kept.reduce((sum, time) => sum + (time - mean) ** 2, 0) / kept.length ** 2 };
  });
  return Math.abs(((a?.mean ?? 0) - (b?.mean ?? 0)) / Math.sqrt((a?.error ?? 0) + (b?.error ?? 0)));
}

/** The smallest of a few: a leak shows every time, a busy machine only sometimes. */
const smallestDifference: typeof timeDifference = (call, both) =>
  Math.min(...Array.from({ length: 5 }, () => timeDifference(call, both)));

describe("[R-09] comparison", () => {
  // Each in memory of its own: where a buffer lies in a shared one shows in the times, too.
  const expected = Buffer.alloc(32, 0xaa);
  const early = Buffer.alloc(32, 0xaa).fill(0, 0, 1);
  const late = Buffer.alloc(32, 0xaa).fill(0, 31);

  it("takes as long for a signature wrong at its start as for one wrong at its end", () => {
    expect(smallestDifference((candidate) => someEqual([expected], [candidate]), [early, late])).toBeLessThan(4.5);
  });

  it("would be found out if it stopped at the first difference", () => {
    const naive = (candidate: Buffer) => {
      for (let index = 0; index < expected.length; index++) if (expected[index] !== candidate[index]) return false;
      return true;
    };
    expect(smallestDifference(naive, [early, late])).toBeGreaterThan(4.5);
  });

  it("finds any pair, and never one of different lengths", () => {
    expect(someEqual([early, expected], [late, expected])).toBe(true);
    expect(someEqual([expected], [late, early])).toBe(false);
    expect(someEqual([expected], [expected.subarray(1), Buffer.alloc(0)])).toBe(false);
    expect(someEqual([], [])).toBe(false);
  });
});

describe("encodings", () => {
  it.each(["", "0g", "0", "00 ", " 00", "0x00", "000"])("%j is not one byte in hexadecimal", (text) => {
    expect(hexBytes(text, 1)).toBeUndefined();
  });

  it.each(["", "A", "AAA", "AA=", "AA-_", " AAAA", "AAAA\n", "AB=="])(
    "%j is not base64 in its only spelling",
    (text) => {
      expect(base64Bytes(text)).toBeUndefined();
    },
  );

  it("read what is right", () => {
    expect(hexBytes("fF", 1)).toEqual(Buffer.of(255));
    expect(base64Bytes("AA==")).toEqual(Buffer.of(0));
  });
});

describe("timestamps", () => {
  const request = { headers: {}, body: Buffer.alloc(0), now: 1_000, tolerance: 300 };
  it.each(["700", "1000", "1300"])("%s is within 300 s of 1000", (text) => {
    expect(() => checkTimestamp(text, request)).not.toThrow();
  });
  it.each(["699", "1301", "0", "-1", "1e3", "1000.0", "٣", "9999999999999"])("%s is not", (text) => {
    expect(() => checkTimestamp(text, request)).toThrow();
  });
});
