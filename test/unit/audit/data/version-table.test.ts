/** The shipped table of versions, and tables that stand in for it. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readVersionTable } from "../../../../src/audit/data/read-version-table.ts";
import { isStale, patchesSince, supportDaysLeft, type VersionTable } from "../../../../src/audit/data/version-table.ts";
import { VERSION_TABLE } from "../../../../src/audit/data/versions.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

const NOW = new Date("2026-11-21T12:00:00Z");

describe("the shipped table", () => {
  const { rounds, endOfLife } = VERSION_TABLE;
  const majors = ["14", "15", "16", "17", "18"];
  const later = (values: readonly (number | string)[]) =>
    values.every((value, index) => index === 0 || (values[index - 1] ?? value) < value);

  it("has rounds whose days are known and grow, none of them after the table's own", () => {
    const dates = rounds.map(({ date }) => date);
    expect(dates.filter((date) => !/^\d{4}-\d{2}-\d{2}$/.test(date))).toEqual([]);
    expect(later(dates)).toBe(true);
    expect(dates.at(-1)?.localeCompare(VERSION_TABLE.date)).toBeLessThanOrEqual(0);
  });

  it.each(majors)("has every minor of %s from the first on, to its end of support", (major) => {
    const minors = rounds.flatMap(({ minors: all }) => all[major] ?? []);
    // PostgreSQL 18.5 was never released.
    const numbers = Array.from({ length: minors.at(-1) ?? 0 }, (_, index) => index + 1);
    expect(minors).toEqual(numbers.filter((minor) => !(major === "18" && minor === 5)));
    expect(endOfLife[major]).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    const from = rounds.findIndex(({ minors: all }) => all[major] === 1);
    expect(rounds.slice(from).filter(({ minors: all }) => all[major] === undefined)).toEqual([]);
  });

  it.each(majors)("names every vulnerability of %s once, well-formed, and not before its year", (major) => {
    const named = rounds.flatMap(({ date, fixed }) => (fixed[major] ?? []).map((id) => ({ id, date })));
    const ids = named.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^CVE-\d{4}-(?:\d{4}|[1-9]\d{4,6})$/.test(id))).toEqual([]);
    expect(named.filter(({ id, date }) => id.slice(4, 8) > date.slice(0, 4))).toEqual([]);
  });

  it("lists the repairs of every release that it numbers, and of no other", () => {
    for (const { minors, fixed, incomplete = [] } of rounds) {
      expect(Object.keys(fixed)).toEqual(Object.keys(minors));
      for (const major of incomplete) expect(fixed).toHaveProperty(major);
    }
  });

  it("repairs a vulnerability in all its branches on one day", () => {
    const days = new Map<string, Set<string>>();
    for (const { date, fixed } of rounds) {
      for (const id of Object.values(fixed).flat()) days.set(id, (days.get(id) ?? new Set()).add(date));
    }
    expect([...days].filter(([, dates]) => dates.size > 1)).toEqual([]);
  });

  it.each<[id: string, source: string, day: string, releases: readonly string[]]>([
    ["CVE-2023-39418", "release notes of 15.4", "2023-08-10", ["15.4"]],
    ["CVE-2024-0985", "CVE record", "2024-02-08", ["14.11", "15.6", "16.2"]],
    ["CVE-2026-2007", "CVE record: 18.1 and 18.0 are affected", "2026-02-12", ["18.2"]],
    ["CVE-2026-6476", "CVE record: versions before 17 are unaffected", "2026-05-14", ["17.10", "18.4"]],
    ["CVE-2026-6638", "CVE record: versions before 16 are unaffected", "2026-05-14", ["16.14", "17.10", "18.4"]],
    ["CVE-2026-6575", "CVE record: versions before 18 are unaffected", "2026-05-14", ["18.4"]],
    ["CVE-2026-14663", "release notes of 18.6", "2026-08-13", ["14.24", "15.19", "16.15", "17.11", "18.6"]],
    ["CVE-2026-14672", "CVE record: versions before 16 are unaffected", "2026-08-13", ["16.15", "17.11", "18.6"]],
    ["CVE-2026-14673", "CVE record: 17 is unaffected", "2026-08-13", ["14.24", "15.19", "16.15", "18.6"]],
    ["CVE-2026-14676", "CVE record: versions before 18 are unaffected", "2026-08-13", ["18.6"]],
    ["CVE-2026-14681", "CVE record: versions before 17 are unaffected", "2026-08-13", ["17.11", "18.6"]],
    ["CVE-2026-16238", "CVE record: versions before 18 are unaffected", "2026-08-13", ["18.6"]],
    ["CVE-2026-6460", "CVE record", "2026-11-12", ["14.25", "15.20", "16.16", "17.12", "18.7"]],
    ["CVE-2026-116310", "release notes of 17.12, absent from those of 15.20", "2026-11-12", ["17.12"]],
  ])("says of %s what its source says (%s)", (id, _source, day, releases) => {
    const repaired = rounds.flatMap(({ date, minors, fixed }) =>
      Object.keys(fixed).flatMap((major) => (fixed[major]?.includes(id) ? [`${date} ${major}.${minors[major]}`] : [])),
    );
    expect(repaired).toEqual(releases.map((release) => `${day} ${release}`));
  });

  it("counts as many as the records of August 2026 say, branch by branch, and knows that November is not whole", () => {
    const [august, november] = rounds.slice(-2);
    expect(majors.map((major) => august?.fixed[major]?.length)).toEqual([24, 24, 25, 25, 28]);
    expect(august?.incomplete).toBeUndefined();
    // The release notes of 15.20 and of 17.12 name 42 and 47.
    expect(majors.map((major) => november?.fixed[major]?.length)).toEqual([3, 42, 3, 47, 3]);
    expect(november?.incomplete).toEqual(["14", "16", "18"]);
  });

  it("could be read from a file: what is shipped is what is accepted", async () => {
    using directory = temporaryDirectory({ "versions.json": JSON.stringify(VERSION_TABLE) });
    expect(await readVersionTable(directory.at("versions.json"), NOW)).toEqual(VERSION_TABLE);
  });

  it("[U-10] is stale after 200 days and not on the last of them", () => {
    expect(isStale(VERSION_TABLE, new Date("2027-06-09T23:59:59Z"))).toBe(false);
    expect(isStale(VERSION_TABLE, new Date("2027-06-10T00:00:00Z"))).toBe(true);
  });
});

describe("what a table tells", () => {
  const table: VersionTable = {
    date: "2026-01-01",
    endOfLife: { 90: "2026-03-15" },
    rounds: [
      { date: "2026-01-01", minors: { 90: 1 }, fixed: { 90: ["CVE-2026-0001"] } },
      { date: "2026-02", minors: { 90: 2 }, fixed: {} },
      { date: "2026-02-20", minors: { 90: 3 }, fixed: { 90: ["CVE-2026-0002"] }, incomplete: ["90"] },
      { date: "2026-03", minors: {}, fixed: {} },
      { date: "2026-04", minors: {}, fixed: {} },
    ],
  };

  it("keeps apart what was repaired, what nobody listed, what nobody finished and what nobody checked", () => {
    expect(patchesSince(table, 90, 0)).toEqual({
      newest: 3,
      missed: 3,
      fixed: ["CVE-2026-0001", "CVE-2026-0002"],
      unlisted: [2],
      partlyListed: [3],
      // April came after the branch's end.
      unchecked: ["2026-03"],
    });
    expect(patchesSince(table, 90, 3)).toMatchObject({ missed: 0, unlisted: [], partlyListed: [] });
    expect(patchesSince(table, 91, 0)).toMatchObject({ newest: undefined, missed: 0 });
  });

  it("counts days of support, and knows nothing of majors that it does not have", () => {
    expect(supportDaysLeft(table, 90, new Date("2026-03-14T12:00:00Z"))).toBe(1);
    expect(supportDaysLeft(table, 90, new Date("2026-03-16T00:00:00Z"))).toBe(-1);
    expect(supportDaysLeft(table, 91, NOW)).toBeUndefined();
  });
});

describe("[U-10] a table in a file", () => {
  const whole = {
    date: "2026-11-01",
    endOfLife: { 17: "2029-11-08" },
    rounds: [{ date: "2026-11", minors: { 17: 12 }, fixed: { 17: [] } }],
  };
  it.each<[string, unknown, RegExp]>([
    ["of the future, which would never be stale", { ...whole, date: "2027-01-01" }, /still to come/],
    ["without a date", { ...whole, date: undefined }, /no "date"/],
    ["with other keys", { ...whole, url: "https://x" }, /keys beside/],
    ["with an end that is no day", { ...whole, endOfLife: { 17: "soon" } }, /"endOfLife"/],
    ["with a minor that is none", { ...whole, rounds: [{ ...whole.rounds[0], minors: { 17: "12" } }] }, /"rounds"/],
    ["with ids that are none", { ...whole, rounds: [{ ...whole.rounds[0], fixed: { 17: ["x"] } }] }, /"rounds"/],
    [
      "with incomplete majors that are none",
      { ...whole, rounds: [{ ...whole.rounds[0], incomplete: [17] }] },
      /"rounds"/,
    ],
    ["with rounds that say more", { ...whole, rounds: [{ ...whole.rounds[0], partial: ["17"] }] }, /"rounds"/],
    ["out of order", { ...whole, rounds: [...whole.rounds, { ...whole.rounds[0], date: "2026-08" }] }, /order/],
    ["that is a list", [], /not a JSON object/],
  ])("%s is refused", async (_, document, message) => {
    using directory = temporaryDirectory({ "v.json": JSON.stringify(document) });
    const error = await failureOf(() => readVersionTable(directory.at("v.json"), NOW));
    expect(error).toMatchObject({ code: "CONFIG_FILE_INVALID" });
    expect(error.message).toMatch(message);
  });

  it("is refused when it is missing or no JSON, without its text", async () => {
    using directory = temporaryDirectory();
    expect((await failureOf(() => readVersionTable(directory.at("none"), NOW))).message).toContain("does not exist");
    writeFileSync(directory.at("v.json"), "canary {");
    expect((await failureOf(() => readVersionTable(directory.at("v.json"), NOW))).message).not.toContain("canary");
  });

  it("is taken when it is whole", async () => {
    using directory = temporaryDirectory({ "v.json": JSON.stringify(whole) });
    expect(patchesSince(await readVersionTable(directory.at("v.json"), NOW), 17, 10)).toMatchObject({
      newest: 12,
      missed: 1,
    });
  });
});
