/**
 * A fix plan as a script that psql runs as it stands, and its settings as lines of postgresql.conf.
 *
 * The script goes from database to database by itself. Names come from catalogs, and whoever runs the script may be a
 * superuser: they stand in quotes or are built from escapes, never in a comment as they are, never where psql would take
 * them for a command. What is not SQL stands in comments at the end.
 */
import { tameLine } from "../../base/tame.ts";
import { ident, literal } from "../../pg/identifiers.ts";
import type { FixStep } from "./plan.ts";

/** What a script shows of a step. */
export interface ScriptStep
  extends Pick<FixStep, "group" | "database" | "cures" | "sql" | "lines" | "file" | "effect" | "risk" | "riskReason"> {
  /** A setting as lines of postgresql.conf. */
  conf: readonly string[];
}

/** For every session, whatever is stored for its role or its database. */
const HEAD = [
  "\\set ON_ERROR_STOP on",
  "set role none;",
  "set search_path = pg_catalog;",
  "set standard_conforming_strings = on;",
  "set lock_timeout = '3s';",
  "set statement_timeout = 0;",
];

/** A stored default may be a read-only one. */
const BEGIN = "begin read write;";

/** Who ran the script in a session of their own has its settings again. */
const TAIL = [
  "reset role;",
  "reset search_path;",
  "reset standard_conforming_strings;",
  "reset lock_timeout;",
  "reset statement_timeout;",
];

/** Every step of `steps` as a script. `database` is where it begins; undefined when no server was asked. */
export function fixScript(steps: readonly ScriptStep[], database: string | undefined): string {
  const settings = steps.filter(({ group, sql }) => group === "settings" && sql.length > 0);
  const statements = steps.filter(({ group, sql }) => group !== "settings" && sql.length > 0);
  const others = steps.filter(({ sql }) => sql.length === 0);
  const databases = databasesOf(statements, database);
  const lines = [
    comment("pgkeep audit fix: read it before it is run. Each database is a transaction of its own."),
    ...connect(database),
    ...HEAD,
    ...settingsPart(settings),
    ...databases.flatMap(({ name, steps: some }) => databasePart(name, some)),
    "",
    ...(databases.every(({ name }) => name === database) ? [] : connect(database)),
    ...TAIL,
    ...(others.length > 0 ? ["", comment("Not for psql:")] : []),
    ...others.flatMap((step) => otherLines(step).map(comment)),
  ];
  return `${lines.join("\n")}\n`;
}

/** The settings of `steps` as lines for postgresql.conf, and what goes into other files as comments. */
export function confSnippet(steps: readonly ScriptStep[]): string {
  const settings = steps.filter(({ conf }) => conf.length > 0);
  const others = steps.filter(({ file }) => file !== undefined);
  const lines = [
    confComment("pgkeep audit fix: for postgresql.conf"),
    ...settings.flatMap(({ conf, effect, ...step }) => [confComment(titleOf(step, effect)), ...conf]),
    ...others.flatMap((step) => otherLines(step).map(confComment)),
  ];
  return `${lines.join("\n")}\n`;
}

/** Statements that undo what was done, last first; each database's own, in its own transaction. */
export function undoScript(parts: readonly UndoPart[], database: string | undefined): string {
  const settings = parts.filter((part) => part.isSetting).flatMap(({ sql }) => sql);
  const statements = parts.filter((part) => !part.isSetting).reverse();
  const lines = [
    comment("pgkeep audit fix: undoes what was applied"),
    ...connect(database),
    ...HEAD,
    ...statements.flatMap(({ database: name, sql }) => [
      ...(name === undefined || name === database ? [] : [...connect(name), ...HEAD]),
      BEGIN,
      ...[...sql].reverse().map(terminated),
      "commit;",
      ...(name === undefined || name === database ? [] : [...connect(database), ...HEAD]),
    ]),
    ...settings.map(terminated),
    ...(settings.length > 0 ? ["select pg_catalog.pg_reload_conf();"] : []),
    ...TAIL,
  ];
  return `${lines.join("\n")}\n`;
}

export interface UndoPart {
  database: string | undefined;
  sql: readonly string[];
  isSetting: boolean;
}

/** ALTER SYSTEM stands in no transaction. */
function settingsPart(steps: readonly ScriptStep[]): string[] {
  if (steps.length === 0) return [];
  return [
    "",
    comment("Settings of the server"),
    ...steps.flatMap(({ sql, effect, ...step }) => [comment(titleOf(step, effect)), ...sql.map(terminated)]),
    "select pg_catalog.pg_reload_conf();",
  ];
}

interface DatabaseSteps {
  name: string | undefined;
  steps: ScriptStep[];
}

/** What concerns the cluster is done where the script begins. */
function databasesOf(steps: readonly ScriptStep[], database: string | undefined): readonly DatabaseSteps[] {
  const groups = new Map<string | undefined, ScriptStep[]>();
  for (const step of steps) {
    const name = step.database ?? database;
    const some = groups.get(name) ?? [];
    groups.set(name, some);
    some.push(step);
  }
  return [...groups].map(([name, some]) => ({ name, steps: some }));
}

function databasePart(name: string | undefined, steps: readonly ScriptStep[]): string[] {
  const isInside = ({ sql }: ScriptStep): boolean => !sql.some(isAlone);
  const lines = (some: readonly ScriptStep[]): string[] =>
    some.flatMap(({ sql, effect, ...step }) => [comment(titleOf(step, effect)), ...sql.map(terminated)]);
  const [inside, outside] = [steps.filter(isInside), steps.filter((step) => !isInside(step))];
  return [
    "",
    ...connect(name),
    ...HEAD,
    ...(inside.length > 0 ? [BEGIN, ...lines(inside), "commit;"] : []),
    ...lines(outside),
  ];
}

/** What the server refuses inside a transaction. */
function isAlone(sql: string): boolean {
  return /^\s*(?:vacuum|(?:create|drop|alter)\s+(?:database|tablespace|subscription|system)|reindex\s+(?:database|system)|(?:create|drop)\s+(?:unique\s+)?index\s+concurrently)\b/i.test(
    sql,
  );
}

/** What the statements after it are for, and what they can do to somebody. */
function titleOf(
  { cures, risk, riskReason }: Pick<ScriptStep, "cures" | "risk" | "riskReason">,
  effect?: string,
): string {
  const [first] = cures;
  const more = cures.length > 1 ? ` and ${cures.length - 1} more` : "";
  const danger = risk === undefined ? "" : `; risk ${risk}${riskReason === undefined ? "" : `: ${riskReason}`}`;
  const when = effect === undefined || effect === "at once" ? "" : `; ${effect}`;
  return `${first?.check} ${first?.object}${more}: ${first?.title}${danger}${when}`;
}

function otherLines({ lines, file, ...step }: ScriptStep): string[] {
  const where = file === undefined ? [] : [`  ${file.name}: ${file.how}`];
  return [titleOf(step), ...where, ...lines.map((line) => `  ${line}`)];
}

function terminated(sql: string): string {
  return `${sql};`;
}

function comment(text: string): string {
  return `-- ${tameLine(text)}`;
}

function confComment(text: string): string {
  return `# ${tameLine(text)}`;
}

/**
 * Enters a database by psql, whatever its name. A plain name stands in quotes as a connection string, because psql would
 * take a bare one with "=" in it for settings of a connection; a name that holds what acts on a reader is made by the server
 * from its escapes and never stands in the script.
 */
function connect(name: string | undefined): string[] {
  if (name === undefined) return [];
  if (!ident(name).startsWith("U&")) {
    const value = name.replace(/[\\']/g, "\\$&");
    return [`\\connect -reuse-previous=on "dbname='${value.replaceAll('"', '""')}'"`];
  }
  const codes = [...name].map((character) => character.codePointAt(0) ?? 0);
  const text = `array_to_string(array(select chr(code) from unnest(array[${codes.join(", ")}]) with ordinality as c (code, place) order by place), '')`;
  return [
    `select 'dbname=' || chr(39) || replace(replace(${text}, ${literal("\\").trim()}, ${literal("\\\\").trim()}), chr(39), ${literal("\\").trim()} || chr(39)) || chr(39) as pgkeep_database \\gset`,
    "\\connect -reuse-previous=on :pgkeep_database",
  ];
}
