/**
 * Makes the report of a run: findings with their waivers and fingerprints, what is unknown with the grants that would
 * answer it, one status per check, scores.
 *
 * Pure: the same results, waivers, baseline and moment give the same report, in the same order.
 */
import { groupedBy } from "../../base/group.ts";
import { PILLARS, type Pillar, type Profile, SEVERITIES, type Severity } from "../ratings.ts";
import { rightOf } from "../rights.ts";
import { withSharedEdits } from "../rule-edits.ts";
import type { CheckResult } from "../run/result.ts";
import { fingerprintOf } from "./fingerprint.ts";
import {
  type AuditedTarget,
  type AuditReport,
  REPORT_VERSION,
  type ReportedCheck,
  type ReportedFinding,
  type ReportedUnknown,
} from "./report.ts";
import { type ScoredCheck, scoreOf } from "./score.ts";
import { type Waiver, WaiverBook } from "./waivers.ts";

export interface AssemblyParts {
  results: readonly CheckResult[];
  /** undefined: files alone were looked at. */
  target: AuditedTarget | undefined;
  profile: Profile;
  /** The moment of the run: waivers are judged by it. */
  observedAt: Date;
  durationMs: number;
  /** Whether the role of the run passes every check of permissions. */
  isSuperuser: boolean;
  databases: readonly string[];
  unreachable: AuditReport["unreachable"];
  data: { date: string; isStale: boolean };
  waivers?: readonly Waiver[] | undefined;
  /** Fingerprints that an earlier run had. */
  baseline?: ReadonlySet<string> | undefined;
  notes?: readonly string[] | undefined;
}

export function assembleReport(parts: AssemblyParts): AuditReport {
  const book = new WaiverBook(parts.waivers ?? [], parts.observedAt);
  const found = parts.results.flatMap((result) => findingsOf(result, parts, book)).sort(byGravity);
  const findings = withSharedEdits(found);
  const unknowns = parts.results.flatMap((result) => unknownOf(result, parts.target)).sort(byGravity);
  const groups = groupsOf(parts.results, findings);
  const scored = groups.map((group) => ({ pillar: group.pillar, ...scoredCheck(group) }));
  return {
    version: REPORT_VERSION,
    observedAt: parts.observedAt,
    durationMs: Math.round(parts.durationMs),
    target: parts.target,
    profile: parts.profile,
    databases: parts.databases,
    unreachable: parts.unreachable,
    overall: scoreOf(scored),
    pillars: PILLARS.map((pillar) => ({ pillar, ...scoreOf(scored.filter((one) => one.pillar === pillar)) })),
    findings,
    unknowns,
    checks: groups.map(reportedCheck),
    waiverNotes: book.notes(parts.results),
    data: parts.data,
    notes: [...(parts.notes ?? []), ...ownNotes(parts, unknowns)],
  };
}

function findingsOf(
  { check, pillar, severity, database, outcome }: CheckResult,
  { baseline }: AssemblyParts,
  book: WaiverBook,
): ReportedFinding[] {
  if (outcome.status !== "fail") return [];
  const byObject = new Map<string, ReportedFinding>();
  for (const found of outcome.found) {
    const { object } = found;
    const same = byObject.get(object);
    const graver = gravest(severityOf(found.severity, { check, severity }), same?.severity);
    if (same) {
      // One object has one finding, so that counts and fingerprints stay true.
      byObject.set(object, { ...same, severity: graver, evidence: `${same.evidence}; ${found.detail}` });
      continue;
    }
    const waiver = book.find({ check: check.id, database, object });
    const fingerprint = fingerprintOf({ check: check.id, database, object });
    byObject.set(object, {
      check: check.id,
      severity: graver,
      pillar,
      status: waiver ? "waived" : "fail",
      database,
      object,
      title: check.title,
      evidence: found.detail,
      why: check.why,
      remedy: check.remedy,
      fix: found.fix,
      place: found.place,
      references: check.references,
      fingerprint,
      waiver: waiver && { reason: waiver.reason, owner: waiver.owner, expires: waiver.expires },
      isKnown: baseline?.has(fingerprint),
    });
  }
  return [...byObject.values()];
}

/** What a profile says about a check holds for every finding of it: a milder one bounds it from above, a stricter one from below. */
function severityOf(own: Severity | undefined, { check, severity }: Pick<CheckResult, "check" | "severity">): Severity {
  if (own === undefined || severity === check.severity) return own ?? severity;
  const isMilder = rank(severity) > rank(check.severity);
  return isMilder ? mildest(severity, own) : gravest(severity, own);
}

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);

function gravest(one: Severity, other: Severity | undefined): Severity {
  return other !== undefined && rank(other) < rank(one) ? other : one;
}

function mildest(one: Severity, other: Severity): Severity {
  return rank(other) > rank(one) ? other : one;
}

interface Placed {
  severity: Severity;
  check: string;
  database: string | undefined;
  object?: string;
}

/** Worst first; then by check, database and object, by code points, so that every machine has one order. */
function byGravity(a: Placed, b: Placed): number {
  return (
    rank(a.severity) - rank(b.severity) ||
    compare(a.check, b.check) ||
    compare(a.database ?? "", b.database ?? "") ||
    compare(a.object ?? "", b.object ?? "")
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function unknownOf({ check, pillar, severity, database, outcome }: CheckResult, target: AuditedTarget | undefined) {
  if (outcome.status !== "unknown") return [];
  const unknown: ReportedUnknown = {
    check: check.id,
    severity,
    pillar,
    title: check.title,
    database,
    reason: outcome.reason,
    right: undefined,
    grant: [],
    instead: undefined,
  };
  if (outcome.opening !== undefined) return [{ ...unknown, ...outcome.opening }];
  return outcome.right === undefined ? [unknown] : [{ ...unknown, ...answerOf(outcome.right, target) }];
}

/** What would give this run the right. A right that this version of the server cannot give has no grant. */
function answerOf(name: Parameters<typeof rightOf>[0], target: AuditedTarget | undefined) {
  const { name: right, grant, instead, since = 0 } = rightOf(name);
  const isThere = target !== undefined && Number.parseInt(target.serverVersion, 10) >= since;
  return { right, grant: isThere ? grant(target.user) : [], instead };
}

/** One check in all its places. */
interface CheckGroup {
  check: CheckResult["check"];
  pillar: Pillar;
  severity: Severity;
  outcomes: readonly CheckResult["outcome"][];
  findings: readonly ReportedFinding[];
}

function groupsOf(results: readonly CheckResult[], findings: readonly ReportedFinding[]): CheckGroup[] {
  const findingsByCheck = groupedBy(findings, ({ check }) => check);
  return [...groupedBy(results, ({ check }) => check.id)].flatMap(([id, [first, ...others]]) => {
    if (first === undefined) return [];
    const { check, pillar, severity } = first;
    const outcomes = [first, ...others].map(({ outcome }) => outcome);
    return [{ check, pillar, severity, outcomes, findings: findingsByCheck.get(id) ?? [] }];
  });
}

/** The worst of all places: unknown in one database is not made good by a pass in another. */
function statusOf({ outcomes, findings }: CheckGroup): ReportedCheck["status"] {
  const has = (status: CheckResult["outcome"]["status"]): boolean => outcomes.some((each) => each.status === status);
  if (findings.some(({ status }) => status === "fail")) return "fail";
  if (has("unknown")) return "unknown";
  if (findings.length > 0) return "waived";
  return has("pass") ? "pass" : "not_applicable";
}

function scoredCheck(group: CheckGroup): ScoredCheck {
  const failed = group.findings.filter(({ status }) => status === "fail");
  return {
    status: statusOf(group),
    severity: group.severity,
    failed: failed.map(({ severity }) => severity),
    waived: group.findings.length - failed.length,
  };
}

function reportedCheck(group: CheckGroup): ReportedCheck {
  const status = statusOf(group);
  const reason = group.outcomes.find((outcome) => outcome.status === status && "reason" in outcome);
  return {
    check: group.check.id,
    title: group.check.title,
    pillar: group.pillar,
    severity: group.severity,
    status,
    findings: group.findings.length,
    reason: reason && "reason" in reason ? reason.reason : undefined,
  };
}

function ownNotes({ isSuperuser, data }: AssemblyParts, unknowns: readonly ReportedUnknown[]): string[] {
  const notes: string[] = [];
  if (isSuperuser) {
    notes.push("audited as a superuser; a role that may only look is safer: pgkeep audit bootstrap");
  }
  if (unknowns.some(({ right }) => right === rightOf("network").name)) {
    notes.push("the server was not probed from outside; settings alone were believed: pgkeep audit --probe");
  }
  if (data.isStale) notes.push(`versions and vulnerabilities are known as of ${data.date} only: update pgkeep`);
  return notes;
}
