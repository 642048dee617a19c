/**
 * Releases of PostgreSQL 14 to 18, the end of their support, and the vulnerabilities that each repaired first.
 *
 * Sources:
 *  - numbers and days: the project's release notes, branch by branch; for 14.25 and 16.16 the CVE records of their day.
 *  - vulnerabilities from 2024 to August 2026: the records that the project publishes as CVE Numbering Authority, each compared
 *    with the notes. Where they differ the record counts, since the notes of August 2026 first named every id in every branch.
 *  - vulnerabilities before 2024: the notes alone.
 *  - November 2026: the notes of 15.20 and 17.12. For 14.25, 16.16 and 18.7 only the ids whose record was read, or quoted alike
 *    by two distributions; these lists are marked incomplete.
 *
 * What was not checked is left out, and is unknown to the checks. A release of pgkeep brings this file up to date together with
 * its date; pgkeep never fetches one.
 */
import type { ReleaseRound, VersionTable } from "./version-table.ts";

/**
 * Numbers of CVE ids, by the majors that they concern and by year. A key names majors: "14-18", "18", or "14-16 18" for all
 * of them but 17.
 */
type Repairs = Readonly<Record<string, Readonly<Record<number, readonly number[]>>>>;

export const VERSION_TABLE: VersionTable = {
  date: "2026-11-21",
  endOfLife: {
    12: "2024-11-21",
    13: "2025-11-13",
    14: "2026-11-12",
    15: "2027-11-11",
    16: "2028-11-09",
    17: "2029-11-08",
    18: "2030-11-14",
  },
  rounds: [
    round("2021-11-11", { 14: 1 }, { "14": { 2021: [23214, 23222] } }),
    round("2022-02-10", { 14: 2 }, {}),
    round("2022-05-12", { 14: 3 }, { "14": { 2022: [1552] } }),
    round("2022-06-16", { 14: 4 }, {}),
    round("2022-08-11", { 14: 5 }, { "14": { 2022: [2625] } }),
    round("2022-11-10", { 14: 6, 15: 1 }, {}),
    round("2023-02-09", { 14: 7, 15: 2 }, { "14-15": { 2022: [41862] } }),
    round("2023-05-11", { 14: 8, 15: 3 }, { "14-15": { 2023: [2454, 2455] } }),
    round("2023-08-10", { 14: 9, 15: 4 }, { "14-15": { 2023: [39417] }, "15": { 2023: [39418] } }),
    round("2023-11-09", { 14: 10, 15: 5, 16: 1 }, { "14-16": { 2023: [5868, 5869, 5870] } }),
    round("2024-02-08", { 14: 11, 15: 6, 16: 2 }, { "14-16": { 2024: [985] } }),
    round("2024-05-09", { 14: 12, 15: 7, 16: 3 }, { "14-16": { 2024: [4317] } }),
    round("2024-08-08", { 14: 13, 15: 8, 16: 4 }, { "14-16": { 2024: [7348] } }),
    round("2024-11-14", { 14: 14, 15: 9, 16: 5, 17: 1 }, { "14-17": { 2024: [10976, 10977, 10978, 10979] } }),
    round("2024-11-21", { 14: 15, 15: 10, 16: 6, 17: 2 }, {}),
    round("2025-02-13", { 14: 16, 15: 11, 16: 7, 17: 3 }, { "14-17": { 2025: [1094] } }),
    round("2025-02-20", { 14: 17, 15: 12, 16: 8, 17: 4 }, {}),
    round("2025-05-08", { 14: 18, 15: 13, 16: 9, 17: 5 }, { "14-17": { 2025: [4207] } }),
    round("2025-08-14", { 14: 19, 15: 14, 16: 10, 17: 6 }, { "14-17": { 2025: [8713, 8714, 8715] } }),
    round("2025-11-13", { 14: 20, 15: 15, 16: 11, 17: 7, 18: 1 }, { "14-18": { 2025: [12817, 12818] } }),
    round(
      "2026-02-12",
      { 14: 21, 15: 16, 16: 12, 17: 8, 18: 2 },
      { "14-18": { 2026: [2003, 2004, 2005, 2006] }, "18": { 2026: [2007] } },
    ),
    round("2026-02-26", { 14: 22, 15: 17, 16: 13, 17: 9, 18: 3 }, {}),
    round(
      "2026-05-14",
      { 14: 23, 15: 18, 16: 14, 17: 10, 18: 4 },
      {
        "14-18": { 2026: [6472, 6473, 6474, 6475, 6477, 6478, 6479, 6637] },
        "16-18": { 2026: [6638] },
        "17-18": { 2026: [6476] },
        "18": { 2026: [6575] },
      },
    ),
    // 18.5 was never released, for a regression found after it was packed; what first named it came with 18.6.
    round(
      "2026-08-13",
      { 14: 24, 15: 19, 16: 15, 17: 11, 18: 6 },
      {
        "14-18": {
          2026: [
            6464, 6469, 6470, 6471, 14662, 14663, 14664, 14666, 14668, 14669, 14670, 14671, 14677, 14678, 14679, 14680,
            15741, 15742, 16239, 16241, 18024, 18408, 19385,
          ],
        },
        // Named in the notes of 17.11, too; its record says that 17 is unaffected.
        "14-16 18": { 2026: [14673] },
        "16-18": { 2026: [14672] },
        "17-18": { 2026: [14681] },
        "18": { 2026: [14676, 16238] },
      },
    ),
    round(
      "2026-11-12",
      { 14: 25, 15: 20, 16: 16, 17: 12, 18: 7 },
      {
        "14-18": { 2026: [6460, 116314, 120146] },
        "15 17": {
          2026: [
            6467, 14661, 16237, 16240, 18447, 116303, 116304, 116306, 116307, 116308, 116309, 116311, 116312, 116315,
            116316, 116317, 116319, 116320, 116321, 116323, 116326, 116327, 116328, 116330, 116331, 116332, 116335,
            116336, 120139, 120141, 120143, 120145, 120147, 120148, 120149, 120150, 120151, 120153, 120154,
          ],
        },
        "17": { 2026: [116310, 116325, 116333, 120142, 120152] },
      },
      ["14", "16", "18"],
    ),
  ],
};

/** The releases of one day; a major that no key of `repairs` names repaired nothing. */
function round(
  date: string,
  minors: ReleaseRound["minors"],
  repairs: Repairs,
  incomplete?: readonly string[],
): ReleaseRound {
  const fixed = Object.fromEntries(Object.keys(minors).map((major) => [major, repaired(repairs, major)]));
  return incomplete === undefined ? { date, minors, fixed } : { date, minors, fixed, incomplete };
}

/** The ids that concern `major`, lowest number first. */
function repaired(repairs: Repairs, major: string): string[] {
  return Object.entries(repairs)
    .flatMap(([majors, years]) => (names(majors, Number(major)) ? Object.entries(years) : []))
    .flatMap(([year, numbers]) => numbers.map((number) => ({ year, number })))
    .sort((one, other) => Number(one.year) - Number(other.year) || one.number - other.number)
    .map(({ year, number }) => `CVE-${year}-${String(number).padStart(4, "0")}`);
}

/** Whether a key such as "14-16 18" names `major`. */
function names(majors: string, major: number): boolean {
  return majors.split(" ").some((span) => {
    const [first = span, last = first] = span.split("-");
    return Number(first) <= major && major <= Number(last);
  });
}
