/** The score: what takes how much, what caps it, and when there is none. */
import { describe, expect, it } from "vitest";
import type { Severity } from "../../../../src/audit/ratings.ts";
import { gradeOf, type ScoredCheck, scoreOf } from "../../../../src/audit/report/score.ts";

const pass = (severity: Severity): ScoredCheck => ({ status: "pass", severity, failed: [], waived: 0 });
const fail = (severity: Severity, ...failed: Severity[]): ScoredCheck => ({
  status: "fail",
  severity,
  failed: failed.length === 0 ? [severity] : failed,
  waived: 0,
});
const unknown = (severity: Severity): ScoredCheck => ({ ...pass(severity), status: "unknown" });
const many = (count: number, check: ScoredCheck): ScoredCheck[] => Array.from({ length: count }, () => check);

describe("the score of checks", () => {
  it("is 100 and A when all of them pass", () => {
    expect(scoreOf(many(7, pass("medium")))).toMatchObject({ score: 100, grade: "A", checkedPercent: 100 });
  });

  it("loses the weight of a failed check against the weight of all that were evaluated", () => {
    expect(scoreOf([fail("medium"), ...many(9, pass("medium"))]).score).toBe(90);
    // 1 of 9 + 1 + 40.
    expect(scoreOf([fail("low"), ...many(9, pass("low")), pass("critical")]).score).toBe(98);
  });

  it("counts a check once, however many objects it found", () => {
    const one = scoreOf([fail("medium"), ...many(9, pass("medium"))]);
    const fifty = scoreOf([
      fail("medium", ...many(50, pass("medium")).map(() => "medium" as const)),
      ...many(9, pass("medium")),
    ]);
    expect(fifty.score).toBe(one.score);
    expect(fifty.counts.medium).toBe(50);
  });

  it("weighs a failed check as the gravest object that it found", () => {
    const found = [fail("low", "low", "high"), ...many(100, pass("high"))];
    expect(scoreOf(found).score).toBe(84);
  });

  it("is at most 59 after one critical finding and 84 after one high finding", () => {
    expect(scoreOf([fail("critical"), ...many(100, pass("critical"))])).toMatchObject({ score: 59, grade: "D" });
    expect(scoreOf([fail("high"), ...many(100, pass("high"))])).toMatchObject({ score: 84, grade: "B" });
    expect(scoreOf([fail("medium"), ...many(100, pass("high"))]).score).toBe(99);
  });

  it("is never 100 when something that weighs failed", () => {
    expect(scoreOf([fail("low"), ...many(1000, pass("medium"))]).score).toBe(99);
  });

  it("takes nothing for informative findings", () => {
    expect(scoreOf([fail("info"), pass("low")])).toMatchObject({ score: 100, counts: { info: 1 } });
    expect(scoreOf([fail("info"), fail("info")]).score).toBe(100);
  });

  it("takes a waived check as evaluated and not failed", () => {
    const waived: ScoredCheck = { status: "waived", severity: "critical", failed: [], waived: 2 };
    expect(scoreOf([waived, pass("low")])).toMatchObject({ score: 100, waived: 2, unknown: 0, checkedPercent: 100 });
  });

  it("leaves unknown checks out of both sums", () => {
    expect(scoreOf([fail("medium"), ...many(9, pass("medium")), unknown("critical")])).toMatchObject({
      score: 90,
      unknown: 1,
      checkedPercent: 90,
    });
  });

  it("is absent below 60 % answered, and there at 60 %", () => {
    const below = scoreOf([...many(59, pass("low")), ...many(41, unknown("low"))]);
    expect(below).toMatchObject({ checkedPercent: 59, score: undefined, grade: undefined });
    const at = scoreOf([...many(60, pass("low")), ...many(40, unknown("low"))]);
    expect(at).toMatchObject({ checkedPercent: 60, score: 100, grade: "A" });
  });

  it("is absent when nothing applies, and checks that do not apply count for nothing", () => {
    const absent: ScoredCheck = { ...pass("high"), status: "not_applicable" };
    expect(scoreOf([]).score).toBeUndefined();
    expect(scoreOf(many(3, absent))).toMatchObject({ score: undefined, checkedPercent: 0, unknown: 0 });
    expect(scoreOf([...many(30, absent), pass("low")])).toMatchObject({ score: 100, checkedPercent: 100 });
  });

  it("never says 100 % checked with something unknown", () => {
    expect(scoreOf([...many(999, pass("low")), unknown("low")]).checkedPercent).toBe(99);
  });
});

describe("the grade", () => {
  it.each([
    [100, "A"],
    [90, "A"],
    [89, "B"],
    [80, "B"],
    [79, "C"],
    [70, "C"],
    [69, "D"],
    [50, "D"],
    [49, "F"],
    [0, "F"],
  ] as const)("of %i is %s", (score, grade) => {
    expect(gradeOf(score)).toBe(grade);
  });
});
