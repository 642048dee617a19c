/**
 * What every check of pg_hba.conf and pg_ident.conf has to prove, as data: test/pg/audit/checks/network/<name>.rules.ts.
 *
 * Lines cannot be planted in a transaction, so these cases have a suite of their own (describe-rule-checks.ts). It judges
 * each of them twice: as files alone, without a server, and as files of a real server of each major, seen by a superuser,
 * by the auditor and by a plain role.
 *   fires      `hba` with `ident` is found, exactly
 *   cured      the lines that the findings propose are written (or `cure`), and nothing is found
 *   silent     `lookAlike` with `lookAlikeIdent` is judged, and nothing is found
 *   honest     the auditor finds the same or does not know; the plain role does not know
 */
import type { Check } from "../../../src/audit/check.ts";
import type { PerMajor } from "./check-case.ts";

export interface RuleCase {
  check: Check;
  /** What this case is about, where a check has several. */
  title?: string | undefined;
  /** Lines of pg_hba.conf with the defect. */
  hba: readonly string[];
  ident?: readonly string[] | undefined;
  /** Objects that must be found. */
  finds: PerMajor<readonly string[]>;
  /** Severity by object, where it is not the check's own. */
  severities?: Readonly<Record<string, string>> | undefined;
  /** Lines that look alike and are fine. */
  lookAlike: readonly string[];
  lookAlikeIdent?: readonly string[] | undefined;
  /** Lines without the defect, where no finding can propose them. `cureIdent` likewise. */
  cure?: readonly string[] | undefined;
  cureIdent?: readonly string[] | undefined;
  /** Roles and settings that the case is about, for the server. Run in the case's transaction. */
  sql?: string | undefined;
  /** What files alone tell: the same (default), or nothing, because roles or settings of the server decide. */
  offline?: "same" | "unknown" | undefined;
  /** What the auditor learns from the view: the same (default), or nothing, because quotes decide. */
  auditor?: "same" | "unknown" | undefined;
  /** Majors whose servers can hold such a file; default: those of the check. Empty: files alone. */
  majors?: readonly number[] | undefined;
}

export function defineRuleCase(ruleCase: RuleCase): RuleCase {
  return ruleCase;
}
