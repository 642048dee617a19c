/** Lists of differences as text, each with the statement that would end it. */
import { tameLine } from "../../base/tame.ts";
import { warningLines } from "./access-plan-text.ts";

interface Entry {
  sql: string;
  is_blocked: boolean;
}

interface DifferenceText {
  database: string;
  missing: readonly Entry[];
  extra: readonly Entry[];
  different: readonly Entry[];
  warnings: readonly string[];
  since?: { file: string; new: readonly Entry[]; gone: readonly string[] } | null;
}

const MAX_LINES = 200;

export function differenceLines({ database, missing, extra, different, warnings, since }: DifferenceText): string[] {
  const name = tameLine(database);
  const total = missing.length + extra.length + different.length;
  const heading =
    total === 0
      ? `${name}: as the model says`
      : `${name}: ${missing.length} missing, ${extra.length} too much, ${different.length} different`;
  return [
    heading,
    ...section("+", missing),
    ...section("-", extra),
    ...section("~", different),
    ...(since ? sinceLines(since) : []),
    ...warningLines(warnings),
  ];
}

function section(sign: string, entries: readonly Entry[]): string[] {
  const lines = entries
    .slice(0, MAX_LINES)
    .map(({ sql, is_blocked }) => `  ${sign} ${tameLine(sql)}${is_blocked ? "   (blocked)" : ""}`);
  const more = entries.length - MAX_LINES;
  return more > 0 ? [...lines, `    … ${more.toLocaleString("en-US")} more (--json has all)`] : lines;
}

function sinceLines(since: NonNullable<DifferenceText["since"]>): string[] {
  return [
    `since "${tameLine(since.file)}": ${since.new.length} new, ${since.gone.length} gone`,
    ...since.new.slice(0, MAX_LINES).map(({ sql }) => `  new   ${tameLine(sql)}`),
    ...since.gone.slice(0, MAX_LINES).map((sql) => `  gone  ${tameLine(sql)}`),
  ];
}
