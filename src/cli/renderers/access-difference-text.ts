/** Lists of differences as text: what the model has, what the database has. */
import { shellWord } from "../../base/shell.ts";
import { tameLine } from "../../base/tame.ts";
import type { View } from "../renderer.ts";
import { warningLines } from "./access-plan-text.ts";

interface Entry {
  what: string;
  object: string;
  role: string | null;
  wanted: string | null;
  found: string | null;
}

interface DifferenceText {
  database: string;
  model: { file: string };
  missing: readonly Entry[];
  extra: readonly Entry[];
  different: readonly Entry[];
  warnings: readonly string[];
  since?: { file: string; new: readonly Entry[]; gone: readonly Entry[] } | null;
}

const MAX_LINES = 200;

/** What diff and drift show, and what to do next. */
export const differenceRenderer = {
  result: (output: DifferenceText) => `${differenceLines(output).join("\n")}\n`,
  summary: ({ model, missing, extra, different }: DifferenceText, { place = "" }: View) =>
    missing.length + extra.length + different.length === 0
      ? undefined
      : `next: pgkeep access plan ${shellWord(model.file)}${place}        shows the statements that end it`,
};

function differenceLines({ database, missing, extra, different, warnings, since }: DifferenceText): string[] {
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
  const lines = entries.slice(0, MAX_LINES).map((entry) => `  ${sign} ${entryText(entry)}`);
  const more = entries.length - MAX_LINES;
  return more > 0 ? [...lines, `    … ${more.toLocaleString("en-US")} more (--json has all)`] : lines;
}

/** `privilege of "app_rw" on table "app"."orders": select`, with both sides where both have one. */
function entryText({ what, object, role, wanted, found }: Entry): string {
  const values = wanted !== null && found !== null ? `${found} -> ${wanted}` : (wanted ?? found ?? "");
  // Of a role itself there is no other object to speak of.
  if (what === "role") return tameLine(`${object}${values === "" ? "" : `: ${values}`}`);
  const whose = role === null ? "" : ` of ${role === "" ? "PUBLIC" : `"${tameLine(role)}"`}`;
  return tameLine(`${what}${whose}: ${object}${values === "" ? "" : `: ${values}`}`);
}

function sinceLines(since: NonNullable<DifferenceText["since"]>): string[] {
  return [
    `since "${tameLine(since.file)}": ${since.new.length} new, ${since.gone.length} gone`,
    ...section("new ", since.new),
    ...section("gone", since.gone),
  ];
}
