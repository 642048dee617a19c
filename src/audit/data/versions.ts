/**
 * Releases of PostgreSQL, the end of their support, and the vulnerabilities that each repaired first.
 *
 * Sources: the project's release announcements and its page of known vulnerabilities; for 15.19 and 15.20 the change log
 * of Debian's package. What was not checked is left out, and is unknown to the checks. A release of the project brings this
 * file up to date together with its date; pgkeep never fetches one.
 */
import type { VersionTable } from "./version-table.ts";

const NONE: readonly string[] = [];

/** The same list for several majors. */
function each(majors: readonly number[], ids: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(majors.map((major) => [String(major), ids.map((id) => `CVE-${id}`)]));
}

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
    { date: "2021-11-11", minors: { 14: 1 }, fixed: each([14], ["2021-23214", "2021-23222"]) },
    { date: "2022-02-10", minors: { 14: 2 }, fixed: each([14], NONE) },
    { date: "2022-05-12", minors: { 14: 3 }, fixed: each([14], ["2022-1552"]) },
    { date: "2022-06-16", minors: { 14: 4 }, fixed: each([14], NONE) },
    { date: "2022-08-11", minors: { 14: 5 }, fixed: each([14], ["2022-2625"]) },
    { date: "2022-11-10", minors: { 14: 6, 15: 1 }, fixed: each([14, 15], NONE) },
    { date: "2023-02-09", minors: { 14: 7, 15: 2 }, fixed: each([14, 15], ["2022-41862"]) },
    { date: "2023-05-11", minors: { 14: 8, 15: 3 }, fixed: each([14, 15], ["2023-2454", "2023-2455"]) },
    {
      date: "2023-08-10",
      minors: { 14: 9, 15: 4 },
      fixed: { ...each([14], ["2023-39417"]), ...each([15], ["2023-39417", "2023-39418"]) },
    },
    {
      date: "2023-11-09",
      minors: { 14: 10, 15: 5, 16: 1 },
      fixed: each([14, 15, 16], ["2023-5868", "2023-5869", "2023-5870"]),
    },
    { date: "2024-02-08", minors: { 14: 11, 15: 6, 16: 2 }, fixed: each([14, 15, 16], ["2024-0985"]) },
    { date: "2024-05-09", minors: { 14: 12, 15: 7, 16: 3 }, fixed: each([14, 15, 16], ["2024-4317"]) },
    { date: "2024-08-08", minors: { 14: 13, 15: 8, 16: 4 }, fixed: each([14, 15, 16], ["2024-7348"]) },
    {
      date: "2024-11-14",
      minors: { 14: 14, 15: 9, 16: 5, 17: 1 },
      fixed: each([14, 15, 16, 17], ["2024-10976", "2024-10977", "2024-10978", "2024-10979"]),
    },
    { date: "2024-11-21", minors: { 14: 15, 15: 10, 16: 6, 17: 2 }, fixed: each([14, 15, 16, 17], NONE) },
    { date: "2025-02-13", minors: { 14: 16, 15: 11, 16: 7, 17: 3 }, fixed: each([14, 15, 16, 17], ["2025-1094"]) },
    { date: "2025-02-20", minors: { 14: 17, 15: 12, 16: 8, 17: 4 }, fixed: each([14, 15, 16, 17], NONE) },
    { date: "2025-05-08", minors: { 14: 18, 15: 13, 16: 9, 17: 5 }, fixed: each([14, 15, 16, 17], ["2025-4207"]) },
    {
      date: "2025-08-14",
      minors: { 14: 19, 15: 14, 16: 10, 17: 6 },
      fixed: each([14, 15, 16, 17], ["2025-8713", "2025-8714", "2025-8715"]),
    },
    {
      date: "2025-11-13",
      minors: { 14: 20, 15: 15, 16: 11, 17: 7, 18: 1 },
      fixed: each([14, 15, 16, 17, 18], ["2025-12817", "2025-12818"]),
    },
    {
      date: "2026-02-12",
      minors: { 14: 21, 15: 16, 16: 12, 17: 8, 18: 2 },
      fixed: each([14, 15, 16, 17, 18], ["2026-2003", "2026-2004", "2026-2005", "2026-2006"]),
    },
    {
      date: "2026-02-26",
      minors: { 14: 22, 15: 17, 16: 13, 17: 9, 18: 3 },
      fixed: each([14, 15, 16, 17, 18], NONE),
    },
    {
      date: "2026-05-14",
      minors: { 14: 23, 15: 18, 16: 14, 17: 10, 18: 4 },
      fixed: {
        ...each([14, 15], inMay2026()),
        ...each([16], [...inMay2026(), "2026-6638"]),
        ...each([17, 18], [...inMay2026(), "2026-6476", "2026-6638"]),
      },
    },
    {
      date: "2026-08",
      minors: { 15: 19, 16: 15, 17: 11, 18: 6 },
      fixed: each([15], inAugust2026()),
    },
    { date: "2026-11", minors: { 15: 20 }, fixed: each([15], inNovember2026()) },
  ],
};

/** Repaired in every branch of 14 to 18. */
function inMay2026(): readonly string[] {
  return ids("2026", "6472 6473 6474 6475 6477 6478 6479 6637");
}

function inAugust2026(): readonly string[] {
  return ids(
    "2026",
    "6464 6469 6470 6471 14662 14663 14664 14666 14668 14669 14670 14671 14672 14673 14676 14677 14678 14679 14680 14681",
    "15741 15742 16238 16239 16241 18024 18408 19385",
  );
}

function inNovember2026(): readonly string[] {
  return ids(
    "2026",
    "6460 6467 14661 16237 16240 18447 116303 116304 116306 116307 116308 116309 116311 116312 116314 116315 116316 116317",
    "116319 116320 116321 116323 116326 116327 116328 116330 116331 116332 116335 116336 120139 120141 120143 120145 120146",
    "120147 120148 120149 120150 120151 120153 120154",
  );
}

function ids(year: string, ...numbers: readonly string[]): string[] {
  return numbers.flatMap((line) => line.split(" ")).map((number) => `${year}-${number}`);
}
