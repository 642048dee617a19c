/**
 * Waivers: findings that somebody accepted, with a reason, in their own name, until a day.
 *
 * A waiver names a check and a pattern over objects. It never hides: the finding stays in every format with the reason
 * beside it. When its day is over the finding fails again and the report says whose waiver ended.
 */
import { globPieces, matchesGlob } from "../../base/glob.ts";
import type { CheckResult } from "../run/result.ts";

/** 365 days: who still accepts it then has to say so again. */
export const MAX_WAIVER_DAYS = 365;

/** 30 days before the end of a waiver the report begins to say so. */
const ENDING_SOON_DAYS = 30;

export const DAY_MS = 86_400_000;

export interface Waiver {
  /** Id of a check. */
  check: string;
  /** Pattern over the finding's object. */
  object: string;
  /** Name of the database; undefined: any, and the cluster. */
  database: string | undefined;
  reason: string;
  owner: string;
  /** ISO date, UTC; the waiver holds through that day. */
  expires: string;
  /** Of the file, 1-based. */
  line: number;
}

/** Days until the waiver ends; 0 on its last day, negative when it has ended. */
export function daysLeft(expires: string, now: Date): number {
  const today = Date.parse(now.toISOString().slice(0, 10));
  return Math.round((Date.parse(expires) - today) / DAY_MS);
}

/** What a waiver is matched against. */
export interface FindingPlace {
  check: string;
  /** undefined: the cluster. */
  database: string | undefined;
  object: string;
}

/** The waivers of one run: who accepted what, and which of them did nothing. */
export class WaiverBook {
  readonly #entries: readonly { waiver: Waiver; matches: (object: string) => boolean }[];
  readonly #now: Date;
  readonly #used = new Set<Waiver>();

  constructor(waivers: readonly Waiver[], now: Date) {
    this.#now = now;
    this.#entries = waivers.map((waiver) => {
      const pieces = globPieces(waiver.object);
      return { waiver, matches: (object) => matchesGlob(pieces, object) };
    });
  }

  /** The waiver that holds for a finding. Every waiver that means it counts as used, also one that has ended. */
  find({ check, database, object }: FindingPlace): Waiver | undefined {
    const meant = this.#entries.filter(
      ({ waiver, matches }) =>
        waiver.check === check && (waiver.database === undefined || waiver.database === database) && matches(object),
    );
    for (const { waiver } of meant) this.#used.add(waiver);
    return meant.find(({ waiver }) => daysLeft(waiver.expires, this.#now) >= 0)?.waiver;
  }

  /** What a reader must know about the waivers after all findings were asked for. `results` says what was looked at. */
  notes(results: readonly CheckResult[]): string[] {
    return this.#entries.flatMap(({ waiver }) => this.#note(waiver, results) ?? []);
  }

  #note(waiver: Waiver, results: readonly CheckResult[]): string | undefined {
    const left = daysLeft(waiver.expires, this.#now);
    const name = `waiver of ${waiver.check} on ${waiver.object} by ${waiver.owner} (line ${waiver.line})`;
    const isUsed = this.#used.has(waiver);
    if (isUsed && left < 0) return `${name} ended on ${waiver.expires}: what it accepted fails again`;
    if (isUsed && left <= ENDING_SOON_DAYS) return `${name} ${endText(left)}`;
    if (!isUsed && wasAnswered(waiver, results)) return `${name} matches nothing: remove it`;
    return undefined;
  }
}

function endText(left: number): string {
  if (left === 0) return "ends today";
  return left === 1 ? "ends tomorrow" : `ends in ${left} days`;
}

/** Whether the check has answers, so that a waiver without a match is one too many. Unknown places may still match. */
function wasAnswered({ check, database }: Waiver, results: readonly CheckResult[]): boolean {
  const own = results.filter((result) => result.check.id === check && (!database || result.database === database));
  return own.length > 0 && own.every(({ outcome }) => outcome.status !== "unknown");
}

/** Whether one waiver holds for a finding. */
export function waivedBy(waiver: Waiver, now: Date): (finding: FindingPlace) => boolean {
  const book = new WaiverBook([waiver], now);
  return (finding) => book.find(finding) !== undefined;
}
