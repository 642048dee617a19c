/**
 * What a table of versions tells about one server: how long its major is supported, how far its minor is behind, and what
 * was repaired since.
 *
 * A table ages: after STALE_DAYS several rounds of releases are missing from it, and what it says is no longer believed. What it
 * does not say (a number nobody checked, a list nobody made or finished) stays unknown and is never read as "nothing".
 */

/** Releases of one day for all branches. */
export interface ReleaseRound {
  /** "2026-05-14", or the month alone where the day was not checked. */
  date: string;
  /** Minor number by major; a branch that is missing here was not checked. */
  minors: Readonly<Record<string, number>>;
  /** Vulnerabilities first repaired in that release, by major; a missing list was not made. */
  fixed: Readonly<Record<string, readonly string[]>>;
  /** Majors whose list is known to lack some; none when left away. */
  incomplete?: readonly string[];
}

export interface VersionTable {
  /** Day on which it was last brought up to date, "2026-11-21". */
  date: string;
  /** Last day of support by major. */
  endOfLife: Readonly<Record<string, string>>;
  /** Oldest first. */
  rounds: readonly ReleaseRound[];
}

/** 200 days: two rounds of quarterly releases, and a little. */
export const STALE_DAYS = 200;

const DAY_MS = 24 * 60 * 60 * 1_000;

export function isStale(table: VersionTable, now: Date): boolean {
  return daysBetween(table.date, now) > STALE_DAYS;
}

/** Whole days until the major's support ends, negative afterwards; undefined: the table does not know the major. */
export function supportDaysLeft(table: VersionTable, major: number, now: Date): number | undefined {
  const end = table.endOfLife[String(major)];
  return end === undefined ? undefined : -daysBetween(end, now);
}

export interface Patches {
  /** The newest minor that the table knows; undefined: it knows none of this major. */
  newest: number | undefined;
  /** Releases of this major after the server's. */
  missed: number;
  /** Vulnerabilities that those repaired, oldest first. */
  fixed: readonly string[];
  /** Minors among them whose vulnerabilities the table does not list. */
  unlisted: readonly number[];
  /** Minors among them of whose vulnerabilities the table lists some. */
  partlyListed: readonly number[];
  /** Rounds after the newest known minor whose number for this major was not checked. */
  unchecked: readonly string[];
}

/** What separates `major`.`minor` from the newest release that the table knows. */
export function patchesSince(table: VersionTable, major: number, minor: number): Patches {
  const key = String(major);
  const own = table.rounds.filter(({ minors }) => minors[key] !== undefined);
  const later = own.filter(({ minors }) => (minors[key] ?? 0) > minor);
  const last = own.at(-1);
  return {
    newest: last?.minors[key],
    missed: later.length,
    fixed: [...new Set(later.flatMap(({ fixed }) => fixed[key] ?? []))],
    unlisted: later.flatMap(({ minors, fixed }) => (fixed[key] === undefined ? [minors[key] ?? 0] : [])),
    partlyListed: later.flatMap(({ minors, fixed, incomplete = [] }) =>
      fixed[key] !== undefined && incomplete.includes(key) ? [minors[key] ?? 0] : [],
    ),
    unchecked: last === undefined ? [] : roundsAfter(table, last, key),
  };
}

/** Rounds that a supported branch takes part in, after the last one whose number is known. */
function roundsAfter(table: VersionTable, last: ReleaseRound, key: string): string[] {
  const end = table.endOfLife[key];
  return table.rounds.slice(table.rounds.indexOf(last) + 1).flatMap(({ date }) => {
    const isOver = end !== undefined && date.slice(0, 7) > end.slice(0, 7);
    return isOver ? [] : [date];
  });
}

/** Days from midnight UTC of `date` to `now`. */
function daysBetween(date: string, now: Date): number {
  return Math.floor((now.getTime() - Date.parse(`${date}T00:00:00Z`)) / DAY_MS);
}
