/** The rate of requests per address, and that its memory has an end. */
import { describe, expect, it } from "vitest";
import { MAX_TRACKED_ADDRESSES, RequestRate } from "../../../src/net/request-rate.ts";

function rate(perSecond: number) {
  const time = { ms: 0 };
  const limiter = new RequestRate(perSecond, { now: () => new Date(0), monotonicMs: () => time.ms });
  return { time, allows: (address = "a") => limiter.allows(address) };
}

describe("requests of an address", () => {
  it("are allowed for two seconds at once, then at the rate", () => {
    const { time, allows } = rate(10);
    expect(Array.from({ length: 21 }, () => allows()).lastIndexOf(true)).toBe(19);
    time.ms = 100;
    expect([allows(), allows()]).toEqual([true, false]);
    time.ms = 60_000;
    expect(Array.from({ length: 21 }, () => allows()).lastIndexOf(true)).toBe(19);
  });

  it("are counted apart from those of others", () => {
    const { allows } = rate(1);
    expect([allows("a"), allows("a"), allows("a"), allows("b")]).toEqual([true, true, false, true]);
  });

  it("are forgotten when too many others came since, and not one earlier", () => {
    const exhausted = (others: number) => {
      const { allows } = rate(1);
      for (let call = 0; call < 3; call++) allows("a");
      for (let other = 0; other < others; other++) allows(`other ${other}`);
      return !allows("a");
    };
    expect(exhausted(MAX_TRACKED_ADDRESSES - 1)).toBe(true);
    expect(exhausted(MAX_TRACKED_ADDRESSES)).toBe(false);
  });
});
