/**
 * A plan as a script that psql runs as it stands, and the script that undoes one.
 *
 * Comments hold tamed text only, and names with line breaks are written with escapes, so nothing from a catalog can
 * begin a line. The script connects nowhere: what belongs to another database stands in a section of its own, commented out.
 */
import { tameLine } from "../../base/tame.ts";
import type { AccessPlan, PlannedStatement } from "./plan.ts";

const SETTINGS = [
  "set local search_path = pg_catalog;",
  "set local standard_conforming_strings = on;",
  "set local lock_timeout = '3s';",
];

/** The plan as SQL. A password is left to the reader, because the plan does not know it. */
export function planScript(plan: AccessPlan): string {
  const main = plan.statements.filter(({ stage }) => stage === "main");
  const lines = [
    ...heading(plan, `${plan.statements.length} statements, made for PostgreSQL ${versionText(plan.serverVersion)}`),
    ...elsewhere("Before, in another database than this one, each statement by itself:", plan, "before"),
    ...transaction(main.map(statementLines)),
    ...elsewhere("After, in the databases named, which only who connects there can run:", plan, "after"),
    ...blockedLines(plan),
  ];
  return `${lines.join("\n")}\n`;
}

/** What undoes the plan, last statement first. Statements that nothing undoes are named. */
export function undoScript(plan: AccessPlan): string {
  const main = [...plan.statements].reverse().filter(({ stage, kind }) => stage === "main" && kind !== "temporary");
  const lines = [
    ...heading(plan, "undoes the plan that was applied"),
    ...transaction(
      main.map((statement) =>
        statement.inverse === undefined
          ? [comment(`${statement.n}. nothing undoes: ${withoutBreaks(statement.sql)}`)]
          : [comment(`${statement.n}. ${statement.object}`), `${statement.inverse};`],
      ),
    ),
    ...plan.statements
      .filter(({ stage }) => stage !== "main")
      .map(({ n, sql }) => comment(`${n}. not undone here: ${withoutBreaks(sql)}`)),
  ];
  return `${lines.join("\n")}\n`;
}

function heading({ database, stateHash }: AccessPlan, what: string): string[] {
  return [
    comment(`pgkeep access: database "${database}", ${what}`),
    comment(`state ${stateHash}`),
    "\\set ON_ERROR_STOP on",
    "",
  ];
}

function transaction(statements: readonly (readonly string[])[]): string[] {
  return statements.length === 0 ? [] : ["begin;", ...SETTINGS, ...statements.flat(), "commit;"];
}

function statementLines({ n, sql, reason, risk, riskReason, passwordOf }: PlannedStatement): string[] {
  const warning = riskReason === undefined ? "" : ` [${risk} risk: ${riskReason}]`;
  const head = comment(`${n}. ${reason}${warning}`);
  if (passwordOf === undefined) return [head, `${sql};`];
  return [head, comment(`set it by hand: \\password, for role ${passwordOf}`)];
}

function elsewhere(title: string, { statements }: AccessPlan, stage: PlannedStatement["stage"]): string[] {
  const some = statements.filter((statement) => statement.stage === stage);
  if (some.length === 0) return [];
  const lines = some.map(({ database, sql }) => comment(`in database "${database}": ${withoutBreaks(sql)};`));
  return ["", comment(title), ...lines];
}

function blockedLines({ blocked }: AccessPlan): string[] {
  if (blocked.length === 0) return [];
  const lines = blocked.map(({ sql, needs }) => comment(`needs ${needs}: ${withoutBreaks(sql)};`));
  return ["", comment("Left out, each for want of what it needs:"), ...lines];
}

function comment(text: string): string {
  return `-- ${tameLine(text)}`;
}

function withoutBreaks(sql: string): string {
  return sql.replace(/\s*\n\s*/g, " ");
}

/** 180004 -> "18.4". */
function versionText(version: number): string {
  return `${Math.trunc(version / 10_000)}.${version % 10_000}`;
}
