/**
 * The result of one audit: what all formats, the gate, baselines, history and fixes are made from.
 *
 * Field names are those of the JSON document. Nothing in it is a secret; every string that is not ours is exact, so each
 * format escapes it for its own syntax (human formats by base/tame.ts).
 */
import type { References } from "../check.ts";
import type { Fix } from "../fix.ts";
import type { Pillar, Profile, Severity } from "../ratings.ts";
import type { UnreachableDatabase } from "../run/result.ts";

export const REPORT_VERSION = 1;

/** A finding that somebody accepted until a date. */
export interface AppliedWaiver {
  reason: string;
  owner: string;
  /** ISO date; the waiver holds through that day. */
  expires: string;
}

export interface ReportedFinding {
  check: string;
  severity: Severity;
  pillar: Pillar;
  status: "fail" | "waived";
  /** undefined: the cluster. */
  database: string | undefined;
  object: string;
  /** The check's title. */
  title: string;
  /** The detail of this object, one line. */
  evidence: string;
  why: string;
  remedy: string;
  fix: Fix | undefined;
  place: { file: string; line: number } | undefined;
  references: References;
  /** 16 hex digits of a hash over check, database and object: the same finding in every run. */
  fingerprint: string;
  waiver: AppliedWaiver | undefined;
  /** Whether the baseline has it already; undefined without a baseline. */
  isKnown: boolean | undefined;
}

/** A check that has no answer in one place. */
export interface ReportedUnknown {
  check: string;
  severity: Severity;
  pillar: Pillar;
  title: string;
  database: string | undefined;
  reason: string;
  /** Name of the right that would answer; undefined: none would. */
  right: string | undefined;
  /** Statements that give the role of the run that right. */
  grant: readonly string[];
  /** What to do instead of granting. */
  instead: string | undefined;
}

export interface ReportedCheck {
  check: string;
  title: string;
  pillar: Pillar;
  severity: Severity;
  /** The worst of all places: fail, unknown, waived, pass, not_applicable, in this order. */
  status: "fail" | "unknown" | "waived" | "pass" | "not_applicable";
  findings: number;
  /** Why it is not applicable or unknown, for the first such place. */
  reason: string | undefined;
}

export type Grade = "A" | "B" | "C" | "D" | "F";

export interface Score {
  /** 0 to 100; undefined where too little was checked (below 60 % of what applies). */
  score: number | undefined;
  grade: Grade | undefined;
  /** Share of the applicable checks that have an answer, 0 to 100. */
  checkedPercent: number;
  /** Failed findings by severity. */
  counts: Readonly<Record<Severity, number>>;
  waived: number;
  unknown: number;
}

export interface AuditedTarget {
  host: string;
  port: number;
  database: string;
  user: string;
  serverVersion: string;
  /** undefined: not encrypted, or a socket. */
  tls: string | undefined;
  isStandby: boolean;
  provider: string | undefined;
}

export interface AuditReport {
  version: typeof REPORT_VERSION;
  observedAt: Date;
  durationMs: number;
  /** undefined: files alone were looked at. */
  target: AuditedTarget | undefined;
  profile: Profile;
  /** Databases in which checks ran, and those that could not be entered with the reason. */
  databases: readonly string[];
  unreachable: readonly UnreachableDatabase[];
  overall: Score;
  pillars: readonly (Score & { pillar: Pillar })[];
  /** Worst first; then by check and object. */
  findings: readonly ReportedFinding[];
  unknowns: readonly ReportedUnknown[];
  checks: readonly ReportedCheck[];
  /** Waivers that ended, or end within 30 days, or match nothing. */
  waiverNotes: readonly string[];
  /** Date of the table of versions and vulnerabilities, and whether it is too old to rely on. */
  data: { date: string; isStale: boolean };
  /** What a reader must know about this run: a superuser audits, no probes were made. */
  notes: readonly string[];
}
