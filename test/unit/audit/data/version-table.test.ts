/** The shipped table of versions, and tables that stand in for it. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readVersionTable } from "../../../../src/audit/data/read-version-table.ts";
import { isStale, patchesSince, supportDaysLeft, type VersionTable } from "../../../../src/audit/data/version-table.ts";
import { VERSION_TABLE } from "../../../../src/audit/data/versions.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

const NOW = new Date("2026-11-21T12:00:00Z");

describe("the shipped table", () => {
  it("has rounds in order, each minor of a branch one above the last known or skipped, and every id once a branch", () => {
    const { rounds, endOfLife } = VERSION_TABLE;
    expect(rounds.map(({ date }) => date)).toEqual(rounds.map(({ date }) => date).sort());
    for (const major of ["14", "15", "16", "17", "18"]) {
      const minors = rounds.flatMap(({ minors: all }) => all[major] ?? []);
      expect(minors).toEqual([...new Set(minors)].sort((one, other) => one - other));
      expect(endOfLife[major]).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      const ids = rounds.flatMap(({ fixed }) => fixed[major] ?? []);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.every((id) => /^CVE-\d{4}-\d{4,7}$/.test(id))).toBe(true);
    }
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
      { date: "2026-03", minors: {}, fixed: {} },
      { date: "2026-04", minors: {}, fixed: {} },
    ],
  };

  it("keeps apart what was repaired, what nobody listed and what nobody checked", () => {
    expect(patchesSince(table, 90, 0)).toEqual({
      newest: 2,
      missed: 2,
      fixed: ["CVE-2026-0001"],
      unlisted: [2],
      // April came after the branch's end.
      unchecked: ["2026-03"],
    });
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
