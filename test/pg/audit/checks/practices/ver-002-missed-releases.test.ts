/** VER-002 against real servers, whose releases are known, and against a moved clock and a table of one's own. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-002-missed-releases.ts";
import type { VersionTable } from "../../../../../src/audit/data/version-table.ts";
import { VERSION_TABLE } from "../../../../../src/audit/data/versions.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, outcomeAt } from "../../../../support/audited.ts";
import { hasMajor, sharedCluster } from "../../../../support/cluster.ts";

const upstream = async () => [{ version: "PostgreSQL 15.2 on x86_64", aurora: "f" }];
const of = (major: number, minor: number, more = {}) =>
  runCheck(
    check,
    madeUpFacts({
      server: { major, version: `${major}.${minor} (Debian)`, versionNumber: major * 10_000 + minor },
      query: upstream,
      ...more,
    }),
  );

/** A table that numbers 16.15 without its repairs, and a later round without a number for 16. */
const UNFINISHED: VersionTable = {
  ...VERSION_TABLE,
  rounds: [
    { date: "2026-05-14", minors: { 16: 14 }, fixed: { 16: ["CVE-2026-6638"] } },
    { date: "2026-08", minors: { 16: 15 }, fixed: {} },
    { date: "2026-11", minors: { 15: 20 }, fixed: { 15: [] } },
  ],
};

describe("VER-002 missed releases", () => {
  it.for(hasMajor(17) ? [17 as const] : [])("fires on a real server of %i that lacks releases", async (major) => {
    expect(await outcomeAt(await sharedCluster(major), check)).toMatchObject({
      status: "fail",
      found: [
        {
          object: expect.stringMatching(/^PostgreSQL 17\.\d+$/),
          detail: expect.stringMatching(
            /^\d+ releases? behind 17\.\d+(?:, \d+ vulnerabilit(?:y|ies) repaired since \(CVE-|; )/,
          ),
        },
      ],
    });
  });

  it("names every vulnerability that was repaired since, each once", async () => {
    expect(await of(15, 13)).toMatchObject({
      found: [
        {
          object: "PostgreSQL 15.13",
          detail: expect.stringContaining("CVE-2025-8713, CVE-2025-8714, CVE-2025-8715, CVE-2025-12817"),
        },
      ],
    });
    const outcome = await of(15, 18);
    const detail = outcome.status === "fail" ? (outcome.found[0]?.detail ?? "") : "";
    expect(detail).toMatch(/^2 releases behind 15\.20, 66 vulnerabilities repaired since \(CVE-[^;()]+\)$/);
    const ids = detail.match(/CVE-\d{4}-\d+/g) ?? [];
    expect(ids).toHaveLength(66);
    expect(new Set(ids).size).toBe(66);
    expect(detail).not.toContain("CVE-2026-6473");
  });

  it("says where the table has no list, instead of counting none", async () => {
    expect(await of(16, 13, { versions: UNFINISHED })).toMatchObject({
      found: [
        {
          severity: "high",
          detail:
            "2 releases behind 16.15, 1 vulnerability repaired since (CVE-2026-6638); repairs of 16.15 are not known; " +
            "releases of 2026-11 are not counted",
        },
      ],
    });
  });

  it("says where a list is not whole, instead of passing it off as all", async () => {
    expect(await of(18, 6)).toMatchObject({
      found: [
        {
          severity: "high",
          detail:
            "1 release behind 18.7, 3 vulnerabilities repaired since (CVE-2026-6460, CVE-2026-116314, CVE-2026-120146); " +
            "not all repairs of 18.7 are known",
        },
      ],
    });
    const empty = [{ date: "2026-11", minors: { 90: 1 }, fixed: { 90: [] }, incomplete: ["90"] }];
    expect(await of(90, 0, { versions: { ...VERSION_TABLE, rounds: empty } })).toMatchObject({
      found: [{ severity: "high", detail: "1 release behind 90.1; not all repairs of 90.1 are known" }],
    });
  });

  it("is silent on the newest release, and less grave where nothing known was repaired", async () => {
    expect(await of(15, 20)).toEqual({ status: "pass" });
    const versions = { ...VERSION_TABLE, rounds: VERSION_TABLE.rounds.filter(({ date }) => date < "2026-03") };
    expect(await of(17, 8, { versions })).toMatchObject({
      found: [{ severity: "medium", detail: "1 release behind 17.9" }],
    });
    expect(await of(17, 9, { versions })).toEqual({ status: "pass" });
  });

  it("is silent after its own remedy: the release that it names", async () => {
    const before = await of(15, 18);
    const text = before.status === "fail" && before.found[0]?.fix?.kind === "words" ? before.found[0].fix.text : "";
    const [, major, minor] = /PostgreSQL (\d+)\.(\d+)/.exec(text) ?? [];
    expect(await of(Number(major), Number(minor))).toEqual({ status: "pass" });
  });

  it("is unknown where later releases were not checked: an unverified number is no pass", async () => {
    expect(await of(16, 15, { versions: UNFINISHED })).toMatchObject({
      status: "unknown",
      reason: "the table has no number of PostgreSQL 16 for the releases of 2026-11",
    });
  });

  it("is unknown for majors and minors that the table does not have", async () => {
    expect(await of(19, 1)).toMatchObject({
      status: "unknown",
      reason: "the table of 2026-11-21 has no releases of PostgreSQL 19",
    });
    expect(await of(13, 22)).toMatchObject({ status: "unknown" });
    expect(await of(15, 21)).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("knows 15.20 and not 15.21"),
    });
  });

  it("[U-10] is unknown when the table is older than 200 days", async () => {
    expect(await of(15, 18, { now: new Date("2027-06-09T12:00:00Z") })).toMatchObject({ status: "fail" });
    expect(await of(15, 20, { now: new Date("2027-06-10T12:00:00Z") })).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("200 days"),
    });
  });

  it("does not judge Aurora", async () => {
    const query = async () => [{ version: "PostgreSQL 15.4 on x86_64", aurora: "t" }];
    expect(await of(15, 4, { query })).toMatchObject({ status: "not_applicable" });
  });
});
