/**
 * From the findings of an audit to what is done about them: steps in the order of their dependencies.
 *
 * Settings come first, because passwords are stored by them; roles before what they own, owners before privileges, because
 * an owner's grants go with it; files that decide who may log in come after the passwords they will ask for. A step cures
 * every finding that asks for the same thing. What `--apply` may do by itself is narrow on purpose (safe.ts has the rule);
 * every other step says why it is left to a person.
 */
import {
  type FileFix,
  type Fix,
  isListSetting,
  listElements,
  type RevokeFix,
  type Risk,
  type SettingFix,
  settingStatement,
} from "../fix.ts";
import type { Severity } from "../ratings.ts";
import type { AuditReport, ReportedFinding } from "../report/report.ts";
import { mergedRisk, ruleKey } from "../rule-edits.ts";
import { actingStatements } from "./acting.ts";
import { type Consent, weightRefusal } from "./safe.ts";

/** In this order. */
export const GROUPS = [
  "settings",
  "roles",
  "ownership",
  "revokes",
  "statements",
  "files",
  "host",
  "decisions",
] as const;
export type Group = (typeof GROUPS)[number];

/** When the server goes by it. */
export type Effect = "at once" | "after a reload" | "in new sessions, after a reload" | "after a restart";

export interface CuredFinding {
  check: string;
  title: string;
  severity: Severity;
  object: string;
  fingerprint: string;
}

export interface FixStep {
  /** 1-based, in the order of the plan. */
  n: number;
  group: Group;
  /** undefined: the cluster. */
  database: string | undefined;
  /** At least one. */
  cures: readonly CuredFinding[];
  /** Each without a semicolon; none where a person does something else. */
  sql: readonly string[];
  /** Lines of a file, commands, or advice. */
  lines: readonly string[];
  /** The file that the lines are for, and what to do with them. */
  file: { name: string; how: string } | undefined;
  effect: Effect | undefined;
  risk: Risk | undefined;
  riskReason: string | undefined;
  /** Why `--apply` leaves it out; undefined: it does it. */
  byHand: string | undefined;
  /** What `--apply` changes: one of both where byHand is undefined. */
  setting: (SettingFix & { now: string }) | undefined;
  revoke: RevokeFix | undefined;
}

/** One setting as it is before anything is changed. */
export interface SettingState {
  value: string;
  /** pg_settings.context. */
  context: string;
  /** pg_settings.source. */
  source: string;
  /** The built-in default. */
  defaultValue: string;
  /** Written by ALTER SYSTEM, so that a reset of it goes back to what the files say. */
  isAltered: boolean;
  /** This role may ALTER SYSTEM it. */
  isAllowed: boolean;
}

/** What a plan has to know of the server beyond the report. */
export interface FixFacts {
  settings: ReadonlyMap<string, SettingState>;
  /** Why no setting can be changed by us; undefined: nothing is in the way. */
  settingsRefusal: string | undefined;
}

/** Without a server: nothing can be applied. */
export const NO_FACTS: FixFacts = { settings: new Map(), settingsRefusal: "no server was asked" };

/** Names of the settings that `report` wants changed. */
export function settingsOf({ findings }: AuditReport): readonly string[] {
  const names = findings.flatMap(({ status, fix }) =>
    status === "fail" && fix?.kind === "setting" ? [fix.name.toLowerCase()] : [],
  );
  return [...new Set(names)].sort();
}

/** The steps for every finding that fails. Waived ones have been decided about. */
export function fixSteps(report: AuditReport, facts: FixFacts, consent: Consent): readonly FixStep[] {
  const failing = report.findings.filter(({ status }) => status === "fail");
  const drafts = new Map<string, Draft>();
  for (const finding of failing) addFinding(drafts, finding);
  return [...drafts.values()]
    .map((draft) => finished(draft, facts))
    .map((step) => ({ ...step, byHand: step.byHand ?? weightRefusal(step, consent) }))
    .sort(byDependency)
    .map((step, index) => ({ ...step, n: index + 1 }));
}

interface Draft {
  finding: ReportedFinding;
  /** The gravest finding's. */
  fix: Fix;
  cures: CuredFinding[];
  /** Settings: every value that was asked for. */
  values: (string | null)[];
  /** Findings ask for different lines in the same place; the gravest one's stand here. */
  isContested: boolean;
}

function addFinding(drafts: Map<string, Draft>, finding: ReportedFinding): void {
  const { check, title, severity, object, fingerprint } = finding;
  const fix: Fix = finding.fix ?? { kind: "words", text: finding.remedy };
  const cure = { check, title, severity, object, fingerprint };
  const key = keyOf(finding, fix);
  const known = drafts.get(key);
  const value = fix.kind === "setting" ? [fix.value] : [];
  if (known) {
    known.cures.push(cure);
    known.values.push(...value);
    known.isContested ||= linesOf(known.fix) !== linesOf(fix);
    known.fix = withRiskOf(known.fix, fix);
  } else drafts.set(key, { finding, fix, cures: [cure], values: value, isContested: false });
}

function linesOf(fix: Fix): string | undefined {
  return fix.kind === "file" ? JSON.stringify([fix.how, fix.lines]) : undefined;
}

/** A step is as risky as the worst that a check says of it. */
function withRiskOf(fix: Fix, other: Fix): Fix {
  return fix.kind === "words" || other.kind === "words" ? fix : { ...fix, ...mergedRisk([fix, other]) };
}

/** Equal keys are one step. */
function keyOf({ database, check }: ReportedFinding, fix: Fix): string {
  switch (fix.kind) {
    case "setting":
      return JSON.stringify(["setting", fix.name.toLowerCase()]);
    case "revoke":
      return JSON.stringify(["sql", database, [fix.sql]]);
    case "sql":
      return JSON.stringify(["sql", database, fix.sql]);
    case "file":
      // One line can be replaced once.
      if (fix.edit) return JSON.stringify(["rule", ruleKey(fix.edit)]);
      return JSON.stringify(["file", fix.file, fix.how, fix.how.startsWith("replace ") ? [] : fix.lines]);
    case "shell":
      return JSON.stringify(["shell", fix.commands]);
    case "words":
      return JSON.stringify(["words", check, fix.text]);
  }
}

function finished({ finding, fix, cures, values, isContested }: Draft, facts: FixFacts): FixStep {
  const { database } = finding;
  const nothing = { n: 0, database: undefined, cures, sql: [], lines: [], file: undefined, effect: undefined };
  const plain = { ...nothing, risk: undefined, riskReason: undefined, setting: undefined, revoke: undefined };
  switch (fix.kind) {
    case "setting":
      return settingStep({ ...plain, group: "settings", byHand: undefined }, { fix, values, facts });
    case "revoke":
      return {
        ...plain,
        ...risky(fix),
        group: "revokes",
        database,
        sql: actingStatements(fix.sql),
        effect: "at once",
        revoke: fix,
        byHand: undefined,
      };
    case "sql": {
      const statements = fix.sql.flatMap(actingStatements);
      return {
        ...plain,
        ...risky(fix),
        group: groupOf(statements),
        database,
        sql: statements,
        effect: "at once",
        byHand: "statements of a check are run by whoever has read them",
      };
    }
    case "file":
      return { ...plain, ...risky(fix), ...fileStep(fix, isContested) };
    case "shell":
      return {
        ...plain,
        ...risky(fix),
        group: "host",
        lines: fix.commands,
        byHand: "it is done on the server's machine",
      };
    case "words":
      return { ...plain, group: "decisions", database, lines: [fix.text], byHand: "somebody has to decide" };
  }
}

function risky({ risk, riskReason }: Exclude<Fix, { kind: "words" }>): Pick<FixStep, "risk" | "riskReason"> {
  return { risk, riskReason };
}

function fileStep(
  { file, how: place, lines }: FileFix,
  isContested: boolean,
): Pick<FixStep, "group" | "lines" | "file" | "effect" | "byHand"> {
  const byHand = "files of the server are edited by whoever keeps them";
  const how = isContested ? `${place} (for the gravest finding; audit again for the others)` : place;
  return { group: "files", lines, file: { name: file, how }, effect: "after a reload", byHand };
}

interface SettingDraft {
  fix: SettingFix;
  values: readonly (string | null)[];
  facts: FixFacts;
}

function settingStep(step: FixStep, { fix, values, facts }: SettingDraft): FixStep {
  const name = fix.name.toLowerCase();
  const state = facts.settings.get(name);
  const wanted = wantedValue(name, values);
  const byHand = settingByHand({ ...fix, name }, { wanted, state, facts });
  const value = resetOrDefault(wanted ?? fix.value, state);
  const setting = { ...fix, name, value };
  const { needsRestart } = fix;
  return {
    ...step,
    ...risky(fix),
    sql: [settingStatement(setting)],
    effect: effectOf(state?.context ?? (needsRestart ? "postmaster" : undefined)),
    byHand,
    setting: { ...setting, now: state?.value ?? "" },
  };
}

/** The one value that all checks agree on; lists of libraries are put together. undefined: they do not agree. */
function wantedValue(name: string, values: readonly (string | null)[]): string | null | undefined {
  const [first, ...others] = new Set(values);
  if (others.length === 0) return first;
  if (!isListSetting(name) || values.includes(null)) return undefined;
  return [...new Set(values.flatMap((value) => listElements(value ?? "")))].join(", ");
}

/** RESET only takes back what ALTER SYSTEM set: a value of another file has to be overruled by the default itself. */
function resetOrDefault(value: string | null, state: SettingState | undefined): string | null {
  return value === null && state !== undefined && !state.isAltered ? state.defaultValue : value;
}

/** What stands in the way of applying it, most telling first. */
function settingByHand(
  { name }: SettingFix,
  { wanted, state, facts }: { wanted: string | null | undefined; state: SettingState | undefined; facts: FixFacts },
): string | undefined {
  if (facts.settingsRefusal !== undefined) return facts.settingsRefusal;
  if (state === undefined) return "the server does not show this setting to this role, or does not have it";
  if (wanted === undefined) return "checks ask for different values";
  if (state.source === "command line" || state.source === "environment variable") {
    return `it is given on the server's ${state.source === "command line" ? "command line" : "environment"}, which wins`;
  }
  if (state.context === "internal") return "it is decided when the cluster or the server is built";
  if (state.context === "postmaster") return "it takes a restart";
  if (MAY_HOLD_SECRETS.test(name)) return "its present value may hold a secret, which an undo script would show";
  return state.isAllowed ? undefined : "it takes a superuser, or a role with ALTER SYSTEM on it";
}

/** Commands and connection strings. */
const MAY_HOLD_SECRETS = /_command$|conninfo|passphrase|password_file|secret/;

function effectOf(context: string | undefined): Effect | undefined {
  switch (context) {
    case undefined:
    case "internal":
      return undefined;
    case "postmaster":
      return "after a restart";
    case "backend":
    case "superuser-backend":
      return "in new sessions, after a reload";
    default:
      return "after a reload";
  }
}

/** Which part of the order statements belong to, by how the first of them begins that is no change of role. */
function groupOf(sql: readonly string[]): Group {
  const start = (sql.find((each) => !each.startsWith("set role ")) ?? "").toLowerCase();
  if (/^\s*(?:create|alter|drop)\s+(?:role|user|group)\b/.test(start)) return "roles";
  // Memberships have no ON.
  if (/^\s*(?:grant|revoke)\b/.test(start) && !/\son\s/.test(withoutNames(start))) return "roles";
  if (/\sowner\s+to\s/.test(withoutNames(start))) return "ownership";
  return /^\s*revoke\b/.test(start) ? "revokes" : "statements";
}

/** Names in quotes may hold any word. */
function withoutNames(sql: string): string {
  return sql.replace(/"(?:[^"]|"")*"/g, '""');
}

const RANKS: readonly Severity[] = ["critical", "high", "medium", "low", "info"];

function byDependency(one: FixStep, other: FixStep): number {
  return (
    GROUPS.indexOf(one.group) - GROUPS.indexOf(other.group) ||
    lastOfSettings(one) - lastOfSettings(other) ||
    gravity(one) - gravity(other) ||
    compare(one.cures[0]?.check, other.cures[0]?.check) ||
    compare(one.database, other.database) ||
    compare(one.cures[0]?.object, other.cures[0]?.object)
  );
}

/** TLS is switched on when its files and bounds are in place. */
function lastOfSettings({ setting }: FixStep): number {
  return Number(setting?.name === "ssl");
}

function gravity({ cures }: FixStep): number {
  return Math.min(...cures.map(({ severity }) => RANKS.indexOf(severity)));
}

function compare(one = "", other = ""): number {
  return one < other ? -1 : Number(one > other);
}
