/**
 * Reads a table of versions that stands in for the shipped one: for hosts where pgkeep is older than the releases.
 *
 * Believed only when it is whole: whoever could make the checks say "pass" by a table must at least have written one. A
 * date in the future would never grow stale, so it is refused.
 */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import type { ReleaseRound, VersionTable } from "./version-table.ts";

/** 1 MiB: the shipped table is a hundredth of it. */
const MAX_BYTES = 1024 * 1024;

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DAY_OR_MONTH = /^\d{4}-\d{2}(-\d{2})?$/;
const MAJOR = /^\d{2}$/;
const CVE = /^CVE-\d{4}-\d{4,7}$/;

/** The table in the JSON file at `path`. Throws CONFIG_FILE_INVALID. */
export async function readVersionTable(path: string, now: Date): Promise<VersionTable> {
  const document = parsed(await textOf(path), path);
  const problem = problemOf(document, now);
  if (problem !== undefined) throw invalid(path, problem);
  return document as unknown as VersionTable;
}

async function textOf(path: string): Promise<string> {
  try {
    return (await readRegularFile(path, { maxBytes: MAX_BYTES })).toString("utf8");
  } catch (error) {
    throw invalid(path, error instanceof FileRefusal ? error.message : "cannot be read");
  }
}

function parsed(text: string, path: string): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(text);
    if (isRecord(document)) return document;
  } catch {
    // Said below, without repeating the text.
  }
  throw invalid(path, "is not a JSON object");
}

/** What is wrong with `document`, as the end of a sentence about the file. */
function problemOf({ date, endOfLife, rounds, ...others }: Record<string, unknown>, now: Date): string | undefined {
  if (Object.keys(others).length > 0) return 'has keys beside "date", "endOfLife" and "rounds"';
  if (typeof date !== "string" || !isDate(date, DAY)) return 'has no "date" such as "2026-11-21"';
  if (Date.parse(`${date}T00:00:00Z`) > now.getTime() + 24 * 60 * 60 * 1_000) return "has a date that is still to come";
  if (!isByMajor(endOfLife, (end) => typeof end === "string" && isDate(end, DAY))) {
    return 'must give "endOfLife" as days by major version';
  }
  if (!Array.isArray(rounds) || !rounds.every(isRound)) {
    return 'must give "rounds" as a list of {date, minors, fixed}, both by major version';
  }
  const dates = rounds.map((round) => round.date.slice(0, 7));
  return dates.every((month, index) => index === 0 || (dates[index - 1] ?? "") <= month)
    ? undefined
    : 'has "rounds" that are not in the order of their dates';
}

function isRound(round: unknown): round is ReleaseRound {
  if (!isRecord(round)) return false;
  const { date, minors, fixed, incomplete = [], ...others } = round;
  return (
    Object.keys(others).length === 0 &&
    typeof date === "string" &&
    isDate(date, DAY_OR_MONTH) &&
    isByMajor(minors, (minor) => Number.isInteger(minor) && Number(minor) > 0) &&
    isByMajor(fixed, (ids) => Array.isArray(ids) && ids.every((id) => typeof id === "string" && CVE.test(id))) &&
    isMajors(incomplete)
  );
}

function isByMajor(value: unknown, isValue: (each: unknown) => boolean): boolean {
  return isRecord(value) && Object.entries(value).every(([major, each]) => MAJOR.test(major) && isValue(each));
}

function isMajors(value: unknown): boolean {
  return Array.isArray(value) && value.every((major) => typeof major === "string" && MAJOR.test(major));
}

function isDate(text: string, form: RegExp): boolean {
  return form.test(text) && !Number.isNaN(Date.parse(text));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(path: string, reason: string): PgkeepError {
  return new PgkeepError("CONFIG_FILE_INVALID", `the table of versions "${tameLine(path)}" ${reason}`, {
    hint: "Correct the file, or leave it away to use the table that pgkeep ships.",
    state: "nothing was started",
  });
}
