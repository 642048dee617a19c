/**
 * How well a server did, as a number and a letter: for all checks, or those of a pillar.
 *
 * A check counts once however many objects it found, with the gravest of them; otherwise one sloppy schema would drown
 * everything else. Checks without an answer count for nothing, and when too many of them have none there is no score
 * at all, because a good one would be an invention. What somebody accepted by a waiver is neither failed nor unknown.
 */
import { recordOf } from "../../base/catalogue.ts";
import { SEVERITIES, type Severity } from "../ratings.ts";
import type { Grade, Score } from "./report.ts";

/** How much one failed check takes, against those of its kind that passed. */
export const WEIGHTS: Readonly<Record<Severity, number>> = { critical: 40, high: 15, medium: 5, low: 1, info: 0 };

/** The best score that is left when something this grave was found. */
const CAPS: Readonly<Partial<Record<Severity, number>>> = { critical: 59, high: 84 };

/** 60 %: with less of what applies answered, a score would say more about the rights of the run than about the server. */
export const LEAST_CHECKED_PERCENT = 60;

const GRADES: readonly (readonly [least: number, grade: Grade])[] = [
  [90, "A"],
  [80, "B"],
  [70, "C"],
  [50, "D"],
];

/** One check in all its places. */
export interface ScoredCheck {
  status: "fail" | "unknown" | "waived" | "pass" | "not_applicable";
  /** The check's own, under the profile. */
  severity: Severity;
  /** Of each failed object. */
  failed: readonly Severity[];
  waived: number;
}

export function scoreOf(checks: readonly ScoredCheck[]): Score {
  const applicable = checks.filter(({ status }) => status !== "not_applicable");
  const answered = applicable.filter(({ status }) => status !== "unknown");
  const score =
    answered.length * 100 >= applicable.length * LEAST_CHECKED_PERCENT && answered.length > 0
      ? cappedScore(answered)
      : undefined;
  const all = answered.flatMap(({ failed }) => failed);
  return {
    score,
    grade: score === undefined ? undefined : gradeOf(score),
    checkedPercent: applicable.length === 0 ? 0 : Math.floor((answered.length * 100) / applicable.length),
    counts: recordOf(SEVERITIES, (severity) => all.filter((each) => each === severity).length),
    waived: checks.reduce((sum, { waived }) => sum + waived, 0),
    unknown: applicable.length - answered.length,
  };
}

/** Rounded down, so that 100 means that nothing failed. */
function cappedScore(answered: readonly ScoredCheck[]): number {
  const weights = answered.map((check) => ({ weight: WEIGHTS[gravity(check)], isFailed: check.status === "fail" }));
  const evaluated = weights.reduce((sum, { weight }) => sum + weight, 0);
  const failed = weights.reduce((sum, { weight, isFailed }) => sum + (isFailed ? weight : 0), 0);
  const plain = evaluated === 0 ? 100 : Math.floor((100 * (evaluated - failed)) / evaluated);
  const caps = answered.flatMap((check) => (check.status === "fail" ? (CAPS[gravity(check)] ?? 100) : 100));
  return Math.min(plain, ...caps);
}

/** A failed check weighs as the gravest of what it found, any other as itself. */
function gravity({ status, failed, severity }: ScoredCheck): Severity {
  if (status !== "fail") return severity;
  return SEVERITIES.find((each) => failed.includes(each)) ?? severity;
}

export function gradeOf(score: number): Grade {
  return GRADES.find(([least]) => score >= least)?.[1] ?? "F";
}
