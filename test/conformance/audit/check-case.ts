/**
 * What every check has to prove, as data: one case file per check, test/pg/audit/checks/<pillar>/<name>.case.ts.
 *
 * A case names a defect and what must be found of it, what looks alike and must not be found, and who may not know. The
 * suite beside this file (describe-checks.ts) does it on every supported major:
 *   fires      the defect is planted, and exactly `finds` is reported
 *   silent     the look-alike is planted, and nothing is reported
 *   cured      the statements of the findings run (or `cure`), and nothing is reported
 *   unknown    the roles of `blind` get "unknown"; all others find the same as the superuser
 *
 * SQL cases run in one transaction that is rolled back, so they are cheap and cannot harm each other. Cases of settings
 * change the server with ALTER SYSTEM, one after the other. What needs a server, a file or a host of its own has a test
 * file of its own instead (<name>.test.ts).
 */
import type { Check } from "../../../src/audit/check.ts";

/** "auditor": what `audit bootstrap` makes. "plain": a role that may connect and nothing else. */
export type WeakRole = "auditor" | "plain";

/** A value per major where they differ. */
export type PerMajor<Value> = Value | ((major: number) => Value);

interface CommonCase {
  check: Check;
  /** Objects that must be found, in any order. */
  finds: PerMajor<readonly string[]>;
  /** Who gets "unknown" and never "pass". Default: nobody. */
  blind?: readonly WeakRole[] | undefined;
  /** Majors for which the case holds; default: those of the check. */
  majors?: readonly number[] | undefined;
}

/** Defects that are objects of a database or roles. */
export interface SqlCase extends CommonCase {
  /** Statements that plant the defect. */
  defect: PerMajor<string>;
  /** Statements that plant what looks alike and is fine: at least one object that a careless query would report. */
  lookAlike: PerMajor<string>;
  /** Objects that a fresh server has already and the check reports; they are in every list. Default none. */
  always?: PerMajor<readonly string[]> | undefined;
  /**
   * Statements that cure, when the findings carry none that run in a transaction. Default: the statements of the
   * findings' own fixes, which is what this suite is for.
   */
  cure?: PerMajor<string> | undefined;
  /** Each entry is a finding's severity by object, where it is not the check's own. */
  severities?: PerMajor<Readonly<Record<string, string>>> | undefined;
}

/** Defects that are values of server settings. */
export interface SettingCase extends CommonCase {
  /** Values that are wrong, set with ALTER SYSTEM. */
  wrong: PerMajor<Readonly<Record<string, string>>>;
  /** Values that cure, when the findings carry none; default: the findings' own fixes. */
  cure?: PerMajor<Readonly<Record<string, string>>> | undefined;
  /** Values that are unusual and fine. */
  right: PerMajor<Readonly<Record<string, string>>>;
  /** True when a setting needs a restart. Such cases cost seconds: only where it is so. */
  restarts?: boolean | undefined;
  severities?: PerMajor<Readonly<Record<string, string>>> | undefined;
}

export type CheckCase = SqlCase | SettingCase;

export function defineCase(checkCase: CheckCase): CheckCase {
  return checkCase;
}

/** The value for one major. */
export function forMajor<Value>(value: PerMajor<Value>, major: number): Value {
  return typeof value === "function" ? (value as (major: number) => Value)(major) : value;
}

export function isSettingCase(checkCase: CheckCase): checkCase is SettingCase {
  return "wrong" in checkCase;
}
