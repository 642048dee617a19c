/** Times of flags and conditions name one moment, whatever the server's settings and this machine's zone are. */
import { describe, expect, it } from "vitest";
import { conditionsOf } from "../../../../src/operations/relay/dead-letters.ts";
import { instantOf } from "../../../../src/operations/relay/instant.ts";

describe("a time that a person writes", () => {
  it.each([
    ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"],
    ["2026-03-01 12:00+02:00", "2026-03-01T10:00:00.000Z"],
    ["2026-03-01t12:00:00.25z", "2026-03-01T12:00:00.250Z"],
    ["2026-03-01", "2026-03-01T00:00:00.000Z"],
  ])("%s is %s", (text, instant) => {
    expect(instantOf(text)).toBe(instant);
  });

  it.each(["2026-03-01T12:00:00", "03/04/2026", "1", "2026-13-01", "March 1 2026", "now", ""])("%j is none", (text) => {
    expect(instantOf(text)).toBeUndefined();
  });

  it("is what dead letters are compared with", () => {
    const { sql, values } = conditionsOf("failed<2026-03-01T12:00+02:00 attempts>=3");
    expect(sql).toEqual(["d.last_failed_at < $1::timestamptz", "d.attempt_count >= $2::numeric"]);
    expect(values).toEqual(["2026-03-01T10:00:00.000Z", "3"]);
  });

  it.each(["failed<1", "failed<3/4/2026", "failed<2026-03-01T12:00", "attempts>many"])(
    "%s is refused before anything is discarded",
    (match) => {
      expect(() => conditionsOf(match)).toThrow(/--match compares/);
    },
  );
});
