/**
 * Which steps `audit fix --apply` does by itself. This is the whole rule; a step is applied when all of it holds.
 *
 *  1. It is a setting that a reload brings into force, or a REVOKE of a privilege that nobody passed on, planned by access.
 *     Nothing else is ever applied: no statement of a check, no file, no restart.
 *  2. Nothing is in its way: the role may do it, checks agree on the value, no command line and no secret stands against it.
 *  3. Its risk is low. Of medium risk it stops something that works today for somebody (a log that would hold passwords,
 *     sessions that are ended, callers that are refused), so somebody has to have named its check, `--only FUN-005`, or
 *     to have said `--max-risk medium`. A pillar or a pattern names no check. High risk is never applied.
 *  4. One of its findings is worth more than a note (info), or its check was named.
 *
 * What was done is audited again, and can be undone by a script. 1 and 2 need facts of the server and are in plan.ts; 3 and 4
 * are here.
 */
import type { Risk } from "../fix.ts";
import type { Severity } from "../ratings.ts";

export interface Weighed {
  risk: Risk | undefined;
  cures: readonly { check: string; severity: Severity }[];
}

/** Checks that somebody named one by one, of the words of --only. */
export function namedChecks(only: readonly string[]): ReadonlySet<string> {
  return new Set(only.map((word) => word.toUpperCase()).filter((word) => /^[A-Z]+-\d+$/.test(word)));
}

/** What somebody said about how much `--apply` may do. */
export interface Consent {
  /** Ids of checks that were named one by one. */
  named: ReadonlySet<string>;
  /** The highest risk of a step whose check was not named. */
  maxRisk: "low" | "medium";
}

/** Why the weight of a step leaves it to a person; undefined: it does not. */
export function weightRefusal({ risk, cures }: Weighed, { named, maxRisk }: Consent): string | undefined {
  if (risk === "high") return "its risk is high";
  if (cures.some(({ check }) => named.has(check))) return undefined;
  const name = `to apply it, name it: --only ${cures[0]?.check}`;
  if (risk === "medium" && maxRisk === "low") return `its risk is medium; ${name}, or say --max-risk medium`;
  return cures.every(({ severity }) => severity === "info") ? `it is only worth a note; ${name}` : undefined;
}
