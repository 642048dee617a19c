/**
 * What would remove a finding: as data where pgkeep knows how to do it, as words where a person has to decide.
 *
 * The kinds differ in who does it. `setting` becomes ALTER SYSTEM and a reload or restart. `revoke` goes through the access
 * planner, which knows grantors and dependants. `sql` is shown, ordered and proved, and run by hand. `file` is lines for
 * a configuration file, and `words` is advice.
 */
import { assert } from "../base/assert.ts";
import { literal } from "../pg/identifiers.ts";
import type { WrittenChanges, WrittenRule } from "./hba/rule-text.ts";

export type Risk = "low" | "medium" | "high";

/** ALTER SYSTEM SET name = value, or RESET for null. */
export interface SettingFix {
  kind: "setting";
  name: string;
  /** As in postgresql.conf without quotes; null: back to the built-in default. */
  value: string | null;
  /** Whether only a restart brings it into force; undefined: not known. */
  needsRestart?: boolean | undefined;
  risk: Risk;
  riskReason?: string | undefined;
}

/** REVOKE of privileges from one grantee on one object. */
export interface RevokeFix {
  kind: "revoke";
  /** Kinds of objects as the access model names them: "schema", "table", "routine", "database". */
  on: string;
  /** As the server writes it in SQL, quoted and qualified: `public`, `"app"."orders"`, `app.f(integer)`. */
  object: string;
  /** "CREATE", "EXECUTE"; empty: all. */
  privileges: readonly string[];
  /** Names of columns, unquoted, when the privileges are on these alone. */
  columns?: readonly string[] | undefined;
  /** Role name, unquoted; PUBLIC is the empty name. */
  from: string;
  /** Only the right to grant on. */
  grantOptionOnly?: boolean | undefined;
  /** The statement as it would be written by hand. */
  sql: string;
  risk: Risk;
  riskReason?: string | undefined;
}

/** Statements for the database of the finding, each without a semicolon, every name quoted. */
export interface SqlFix {
  kind: "sql";
  sql: readonly string[];
  risk: Risk;
  riskReason?: string | undefined;
}

/** What becomes of one rule of pg_hba.conf, so that what several findings ask of it can be put together. */
export type RuleEdit =
  | { kind: "change"; rule: WrittenRule; changes: WrittenChanges }
  | { kind: "move"; rule: WrittenRule; changes?: WrittenChanges | undefined; before: number }
  | { kind: "delete"; rule: WrittenRule };

/** Lines of a configuration file, with what to do with them. */
export interface FileFix {
  kind: "file";
  /** "pg_hba.conf", "pg_ident.conf", "postgresql.conf". */
  file: string;
  /** Lines to write instead of, or before, the one that was found. */
  lines: readonly string[];
  /** How: "replace line 12 by", "put before every other line". */
  how: string;
  /** The same as data; undefined where it is about no single rule. */
  edit?: RuleEdit | undefined;
  risk: Risk;
  riskReason?: string | undefined;
}

/** Commands for a shell on the server's host. */
export interface ShellFix {
  kind: "shell";
  commands: readonly string[];
  risk: Risk;
  riskReason?: string | undefined;
}

/** What no statement can say. */
export interface WordsFix {
  kind: "words";
  text: string;
}

export type Fix = SettingFix | RevokeFix | SqlFix | FileFix | ShellFix | WordsFix;

/** Names of settings: one or, for extensions, two words. Anything else is none of the server's. */
const SETTING_NAME = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i;

/** The statement that makes `fix` the server's value, without a semicolon. */
export function settingStatement({ name, value }: SettingFix): string {
  assert(SETTING_NAME.test(name), "checks name settings that the server has");
  return value === null ? `alter system reset ${name}` : `alter system set ${name} = ${valueSql(name, value)}`;
}

/**
 * Settings whose lists are taken element by element: 'a, b' as one text would be written as the one name "a, b", and a
 * server that preloads such a library does not start any more.
 * Source: GUC_LIST_QUOTE, which pg_dump repeats in variable_is_guc_list_quote (14 to 18).
 */
const LISTS: ReadonlySet<string> = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

/** Whether the setting is a list of names. */
export function isListSetting(name: string): boolean {
  return LISTS.has(name.toLowerCase());
}

/** The names in a list as postgresql.conf has it. */
export function listElements(value: string): string[] {
  return (value.match(/"(?:[^"]|"")*"|[^\s,][^,]*/g) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.trim(),
  );
}

function valueSql(name: string, value: string): string {
  const elements = isListSetting(name) ? listElements(value) : [];
  return elements.length === 0 ? literal(value) : elements.map((element) => literal(element)).join(", ");
}

/** The same as lines of postgresql.conf. */
export function settingLines({ name, value }: SettingFix): readonly string[] {
  return value === null
    ? [`# remove the line: ${name} = ...`]
    : [`${name} = '${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`];
}
