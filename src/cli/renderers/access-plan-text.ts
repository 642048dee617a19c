/** How plans of access look: signs for what is added, changed and taken away, then what it needs and what to do next. */
import { styleText } from "node:util";
import { tameLine } from "../../base/tame.ts";
import type { View } from "../renderer.ts";

/** What the text needs of a plan's document. */
export interface PlanText {
  database: string;
  summary: {
    add: number;
    change: number;
    revoke: number;
    blocked: number;
    unchanged: number;
    locks: readonly string[];
    requires: readonly string[];
    is_reversible: boolean;
  };
  statements: readonly StatementText[];
  blocked: readonly { sql: string; needs: string; reason: string }[];
  warnings: readonly string[];
}

export interface StatementText {
  sql: string;
  kind: string;
  object: string;
  role: string | null;
  reason: string;
  risk: string;
  risk_reason: string | null;
}

/** 200 lines: what a person scrolls through; the rest is in the JSON and the script. */
const MAX_LINES = 200;

/** The first line: `plan: 3 to add, 1 to change, 2 to revoke, 0 blocked          read-only so far`. */
export function planHeading({ summary }: PlanText): string {
  const { add, change, revoke, blocked } = summary;
  return `plan: ${count(add)} to add, ${count(change)} to change, ${count(revoke)} to revoke, ${count(blocked)} blocked          read-only so far`;
}

export function planLines(plan: PlanText, view: View, effectOf: (statement: StatementText) => string): string[] {
  const shown = plan.statements.filter(({ kind }) => kind !== "temporary");
  const lines = shown
    .slice(0, MAX_LINES)
    .flatMap((statement, index) => [
      ...statementLines(statement, view, effectOf(statement)),
      ...riskLines(shown.slice(0, MAX_LINES), index),
    ]);
  if (shown.length > MAX_LINES)
    lines.push(`    … ${count(shown.length - MAX_LINES)} more (--json or -o sql=FILE has all)`);
  for (const { sql, needs, reason } of plan.blocked)
    lines.push(`  ! ${tameLine(sql)}`, `      blocked: needs ${tameLine(needs)}; ${tameLine(reason)}`);
  if (plan.summary.unchanged > 0) lines.push(`    ${count(plan.summary.unchanged)} unchanged`);
  return lines;
}

const SIGNS: Readonly<Record<string, { sign: string; colour: "green" | "yellow" | "red" }>> = {
  add: { sign: "+", colour: "green" },
  change: { sign: "~", colour: "yellow" },
  revoke: { sign: "-", colour: "red" },
};

function statementLines(statement: StatementText, view: View, effect: string): string[] {
  const { sign = " ", colour = "yellow" } = SIGNS[effect] ?? {};
  const mark = view.colour ? styleText(colour, sign, { validateStream: false }) : sign;
  const lines = [`  ${mark} ${statementText(statement)}`];
  if (view.verbose) lines.push(`      ${tameLine(statement.reason)}`);
  return lines;
}

/** The risk of a statement; of neighbours with the same one it is said once, below the last. */
function riskLines(statements: readonly StatementText[], index: number): string[] {
  const riskOf = ({ risk, risk_reason, reason }: StatementText): string =>
    risk === "low" ? "" : `${risk} risk: ${tameLine(risk_reason ?? reason)}`;
  const [statement, next] = [statements[index], statements[index + 1]];
  const risk = statement ? riskOf(statement) : "";
  if (risk === "" || (next && riskOf(next) === risk)) return [];
  let first = index;
  for (let before = statements[first - 1]; before && riskOf(before) === risk; before = statements[first - 1]) first--;
  const count = index - first + 1;
  return [`      ${risk}${count > 1 ? ` (all ${count})` : ""}`];
}

/** A block of code says nothing at a glance; what it is about and what for does. The script and the JSON have it. */
function statementText({ sql, object, reason }: StatementText): string {
  return /^do\b/i.test(sql) ? `${tameLine(object)}: ${tameLine(reason)}` : tameLine(sql);
}

/** `needs: …   locks: none   reversible: all (--save-undo)`; nothing for a plan without statements. */
export function planFooting({ statements, summary }: PlanText): string[] {
  if (statements.length === 0) return [];
  const { requires, locks, is_reversible } = summary;
  return [
    `needs: ${needsText(requires)}`,
    `locks: ${locks.length === 0 ? "none" : locks.join(", ")}   reversible: ${is_reversible ? "all" : "not all"} (--save-undo)`,
  ];
}

/** 3 of each way: the first line of a plan's foot is for the kinds of rights; each statement has its own in the JSON. */
const MAX_NEEDS = 3;
const HOW_IT_IS_HAD = /^(.*) (\([^()]*\))$/s;

/** Rights by how this role has them: `CREATEDB (you have it); CREATEROLE, ADMIN on role "a" (you are a superuser)`. */
function needsText(requires: readonly string[]): string {
  const byWay = new Map<string, string[]>();
  for (const right of requires) {
    const [, what = right, way = ""] = HOW_IT_IS_HAD.exec(right) ?? [];
    byWay.set(way, [...(byWay.get(way) ?? []), what]);
  }
  const groups = [...byWay].map(([way, rights]) => {
    const shown = rights.slice(0, MAX_NEEDS).map(tameLine).join(", ");
    const more = rights.length > MAX_NEEDS ? ` and ${rights.length - MAX_NEEDS} more` : "";
    return `${shown}${more}${way === "" ? "" : ` ${tameLine(way)}`}`;
  });
  return groups.join("; ");
}

export const warningLines = (warnings: readonly string[]): string[] =>
  warnings.map((warning) => `warning: ${tameLine(warning)}`);

const count = (value: number): string => value.toLocaleString("en-US");
