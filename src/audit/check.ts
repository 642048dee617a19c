/**
 * What a check is: one thing that can be wrong with a server, found by evidence.
 *
 * One definition per file of checks/<pillar>/; the file's name is the id in lower case and a few words. A check looks at
 * facts and returns what it found; no finding means pass. What keeps it from an answer it does not decide itself: facts
 * throw Unanswered (answers.ts) when the server does not show them to this role, and the runner makes "unknown" of it.
 * So a check cannot pass on rows that it was not allowed to see.
 *
 * Most checks are made by one of the kinds beside this file: settingCheck (a server setting), queryCheck (a catalog query),
 * ruleCheck (pg_hba.conf). The rest implement `examine` themselves.
 */
import type { Facts } from "./facts/facts.ts";
import type { Fix } from "./fix.ts";
import type { Profile, Severity } from "./ratings.ts";
import type { RightName } from "./rights.ts";

/** Where a reader finds the reason in somebody else's words. */
export interface References {
  /** Title of a section of the PostgreSQL manual. */
  manual?: readonly string[] | undefined;
  /** Numbers of the CIS PostgreSQL Benchmark, editions for 16 to 18. */
  cis?: readonly string[] | undefined;
  /** Topics of the database STIG: "unique identification". */
  stig?: readonly string[] | undefined;
  /** Anything else by name: "CVE-2018-1058", "RFC 7677". */
  other?: readonly string[] | undefined;
}

/** One object in which a check found what it looks for. Holds no secret: only where one is. */
export interface Found {
  /** As people write it, quoted by the server: `"app"."orders"`, a role, a setting, `pg_hba.conf:12`. Stable between runs. */
  object: string;
  /** What is wrong with it, one line; a value may stand here when it is none of a secret. */
  detail: string;
  /** When this object is more or less grave than the check in general. */
  severity?: Severity | undefined;
  fix?: Fix | undefined;
  /** The file on whose line it is, for formats that show places. */
  place?: { file: string; line: number } | undefined;
}

export interface Check {
  /** "ROL-001". Stable; never used again for something else. */
  id: string;
  /** The defect as a headline, lower case, no full stop: "superuser beside the bootstrap role". */
  title: string;
  severity: Severity;
  /** What somebody can do because of it, in two or three sentences. */
  why: string;
  /** What a person does about it, in general; findings carry the exact statements where there are any. */
  remedy: string;
  /** What looks alike and is no finding, and what the check cannot see. */
  limits?: string | undefined;
  references: References;
  /** First and last major version that it concerns. */
  since?: number | undefined;
  until?: number | undefined;
  /**
   * cluster: once per run. database: in every database that can be entered. template: in template1 alone.
   */
  scope: "cluster" | "database" | "template";
  /** Rights without which no answer is trustworthy, all of them; asked for before anything else. */
  needs: readonly RightName[];
  /** Severity under a profile, or "off". A check that only a profile asks for has `default: "off"`. */
  profiles?: Readonly<Partial<Record<Profile, Severity | "off">>> | undefined;
  /** Objects with the defect, each once. Throws Unanswered or NotApplicable (answers.ts). */
  examine(facts: Facts): Promise<readonly Found[]>;
}

/** Keeps a definition to its shape. */
export function defineCheck(check: Check): Check {
  return check;
}
