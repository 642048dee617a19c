/**
 * What became of every check of a run, before waivers, baselines and scores.
 *
 * One check has one result per place where it looked: the cluster, or each database. `unknown` has a reason and, where
 * there is one, the right that would answer; it is never counted as pass.
 */
import type { Check, Found } from "../check.ts";
import type { Pillar, Severity } from "../ratings.ts";
import type { RightName } from "../rights.ts";

export type CheckOutcome =
  | { status: "pass" }
  | { status: "fail"; found: readonly Found[] }
  | {
      status: "unknown";
      reason: string;
      right: RightName | undefined;
      /** The database is closed to the role of the run: the right to enter it, and the statement that gives it. */
      opening?: { right: string; grant: readonly string[] } | undefined;
      /** The line to the database broke, so nothing after it can be asked. */
      isLost?: boolean | undefined;
    }
  | { status: "not_applicable"; reason: string };

export interface CheckResult {
  check: Check;
  pillar: Pillar;
  /** The check's severity under the run's profile. */
  severity: Severity;
  /** undefined: the cluster. */
  database: string | undefined;
  outcome: CheckOutcome;
}

/** What could not be entered, so that nothing is known of it. */
export interface UnreachableDatabase {
  database: string;
  reason: string;
  /** The statement that lets the role of the run in; undefined: none would. */
  grant?: string | undefined;
}
