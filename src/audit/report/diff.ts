/**
 * What changed between two audits of a server.
 *
 * A finding that is missing from the later run is only gone when its check had an answer there. Where the check became
 * unknown, or did not take part, nobody knows, and that is said instead.
 */
import type { Severity } from "../ratings.ts";
import type { AuditDocument } from "./document.ts";

export type DiffedFinding = Pick<
  AuditDocument["findings"][number],
  "fingerprint" | "check" | "severity" | "status" | "pillar" | "database" | "object" | "title" | "evidence"
>;

export interface RunDifference {
  /** Failing now and not before: not found then, or waived then. */
  appeared: readonly DiffedFinding[];
  /** Failing before, and looked for in vain now. */
  gone: readonly DiffedFinding[];
  /** Failing before, and not looked for now, or without an answer. */
  lost: readonly DiffedFinding[];
  /** Failing before and accepted now. */
  waived: readonly DiffedFinding[];
  still: readonly DiffedFinding[];
  /** Of those that are still there. */
  severityChanged: readonly { finding: DiffedFinding; from: Severity }[];
}

type Run = Pick<AuditDocument, "findings" | "unknowns" | "checks">;

export function diffRuns(before: Run, after: Run): RunDifference {
  const then = byFingerprint(before.findings);
  const now = byFingerprint(after.findings);
  const isFailing = (finding: DiffedFinding | undefined): boolean => finding?.status === "fail";
  const failedThen = [...then.values()].filter(isFailing).map(diffed);
  const failingNow = [...now.values()].filter(isFailing).map(diffed);
  const missing = failedThen.filter(({ fingerprint }) => !now.has(fingerprint));
  const wasAnswered = answeredIn(after);
  const still = failingNow.filter(({ fingerprint }) => isFailing(then.get(fingerprint)));
  return {
    appeared: failingNow.filter(({ fingerprint }) => !isFailing(then.get(fingerprint))),
    gone: missing.filter(wasAnswered),
    lost: missing.filter((finding) => !wasAnswered(finding)),
    waived: failedThen.filter(({ fingerprint }) => now.get(fingerprint)?.status === "waived"),
    still,
    severityChanged: still.flatMap((finding) => {
      const from = then.get(finding.fingerprint)?.severity;
      return from === undefined || from === finding.severity ? [] : [{ finding, from }];
    }),
  };
}

function byFingerprint(findings: Run["findings"]): ReadonlyMap<string, DiffedFinding> {
  return new Map(findings.map((finding) => [finding.fingerprint, finding]));
}

function diffed(finding: DiffedFinding): DiffedFinding {
  const { fingerprint, check, severity, status, pillar, database, object, title, evidence } = finding;
  return { fingerprint, check, severity, status, pillar, database, object, title, evidence };
}

/** Whether the check of a finding had an answer in the finding's own place. */
function answeredIn({ checks, unknowns }: Run): (finding: DiffedFinding) => boolean {
  const took = new Set(checks.map(({ check }) => check));
  const places = new Set(unknowns.map(({ check, database }) => placeKey(check, database)));
  return ({ check, database }) => took.has(check) && !places.has(placeKey(check, database));
}

const placeKey = (check: string, database: string | null): string => JSON.stringify([check, database]);
