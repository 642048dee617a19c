/** The report of a run: what counts, what is accepted, what is unknown, in which order. */
import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../../../../src/audit/report/fingerprint.ts";
import { found, PASS, SAMPLE_WAIVER, sampleReport, sampleResult } from "../../../support/audit/sample.ts";

describe("findings of a report", () => {
  it("stand in one order: worst first, then by check, database and object", () => {
    const results = [
      sampleResult({ id: "ROL-002", severity: "low", outcome: found("z", "a") }),
      sampleResult({ id: "PRV-001", severity: "high", database: "b", outcome: found("x") }),
      sampleResult({ id: "PRV-001", severity: "high", database: "a", outcome: found("x") }),
      sampleResult({ id: "NET-001", severity: "critical", outcome: found("x") }),
    ];
    const order = (given: typeof results) =>
      sampleReport(given).findings.map(({ check, database, object }) => `${check} ${database ?? ""} ${object}`);
    expect(order(results)).toEqual(["NET-001  x", "PRV-001 a x", "PRV-001 b x", "ROL-002  a", "ROL-002  z"]);
    expect(order(results.toReversed())).toEqual(order(results));
  });

  it("have a fingerprint of check, database and object, which nothing else changes", () => {
    const [one] = sampleReport([sampleResult({ id: "ROL-001", outcome: found("x") })]).findings;
    const [again] = sampleReport([
      sampleResult({ id: "ROL-001", severity: "high", outcome: found({ object: "x", detail: "other words" }) }),
    ]).findings;
    expect(one?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(again?.fingerprint).toBe(one?.fingerprint);
    const others = [
      { check: "ROL-002", database: undefined, object: "x" },
      { check: "ROL-001", database: "x", object: "x" },
      { check: "ROL-001", database: "", object: "x" },
      { check: "ROL-001", database: undefined, object: "y" },
    ].map(fingerprintOf);
    expect(new Set([one?.fingerprint, ...others]).size).toBe(5);
  });

  it("are one per object, with the worse severity and both details", () => {
    const outcome = found({ object: "x", detail: "first" }, { object: "x", detail: "second", severity: "high" });
    const { findings } = sampleReport([sampleResult({ id: "NET-014", outcome })]);
    expect(findings).toMatchObject([{ object: "x", severity: "high", evidence: "first; second" }]);
  });

  it("are no graver than a mild profile says, and no milder than a strict one", () => {
    const severityUnder = (profile: "low" | "medium" | "critical", own: "high" | "info") => {
      const outcome = found({ object: "x", detail: "d", severity: own });
      const result = sampleResult({ id: "VER-002", severity: "medium", outcome });
      return sampleReport([{ ...result, severity: profile }]).findings[0]?.severity;
    };
    expect(severityUnder("low", "high")).toBe("low");
    expect(severityUnder("low", "info")).toBe("info");
    expect(severityUnder("critical", "info")).toBe("critical");
    expect(severityUnder("medium", "high")).toBe("high");
    expect(severityUnder("medium", "info")).toBe("info");
  });

  it("are known when the baseline has them, and of unknown age without one", () => {
    const results = [sampleResult({ id: "ROL-001", outcome: found("old", "new") })];
    const fingerprint = fingerprintOf({ check: "ROL-001", database: undefined, object: "old" });
    const { findings } = sampleReport(results, { baseline: new Set([fingerprint]) });
    expect(findings.map(({ object, isKnown }) => [object, isKnown])).toEqual([
      ["new", false],
      ["old", true],
    ]);
    expect(sampleReport(results).findings[0]?.isKnown).toBeUndefined();
  });
});

describe("a check in several places", () => {
  const statusOf = (...outcomes: Parameters<typeof sampleResult>[0]["outcome"][]) =>
    sampleReport(outcomes.map((outcome, index) => sampleResult({ id: "PRV-001", database: `db${index}`, outcome })))
      .checks[0];

  const UNKNOWN = { status: "unknown", reason: "no right", right: undefined } as const;
  const ABSENT = { status: "not_applicable", reason: "too old" } as const;

  it.each([
    ["fail", [PASS, UNKNOWN, found("x")]],
    ["unknown", [PASS, UNKNOWN, ABSENT]],
    ["pass", [ABSENT, PASS]],
    ["not_applicable", [ABSENT, ABSENT]],
  ] as const)("is %s when that is the worst of them", (status, outcomes) => {
    expect(statusOf(...outcomes)?.status).toBe(status);
  });

  it("says why it is unknown", () => {
    expect(statusOf(PASS, UNKNOWN)).toMatchObject({ status: "unknown", reason: "no right" });
  });
});

describe("an accepted finding", () => {
  const results = [sampleResult({ id: "ROL-001", severity: "high", outcome: found("break_glass", "ops") })];

  it("stays in the report with its waiver and counts as waived", () => {
    const report = sampleReport(results, { waivers: [SAMPLE_WAIVER] });
    expect(report.findings.map(({ object, status, waiver }) => [object, status, waiver?.owner])).toEqual([
      ["break_glass", "waived", "dba@example.org"],
      ["ops", "fail", undefined],
    ]);
    expect(report.overall).toMatchObject({ waived: 1, counts: { high: 1 } });
  });

  it("makes its check waived when nothing else failed, which costs no points", () => {
    const report = sampleReport([...results, sampleResult({ id: "ROL-008", outcome: PASS })], {
      waivers: [{ ...SAMPLE_WAIVER, object: "*" }],
    });
    expect(report.checks[0]?.status).toBe("waived");
    expect(report.overall).toMatchObject({ score: 100, unknown: 0 });
  });

  it("[U-08] fails again the day after its waiver ended, and the report says whose it was", () => {
    const on = (day: string) => sampleReport(results, { waivers: [SAMPLE_WAIVER], observedAt: new Date(day) });
    expect(on("2027-01-31T23:59:59Z").findings[0]?.status).toBe("waived");
    const after = on("2027-02-01T00:00:00Z");
    expect(after.findings[0]?.status).toBe("fail");
    expect(after.waiverNotes).toEqual([
      "waiver of ROL-001 on break* by dba@example.org (line 2) ended on 2027-01-31: what it accepted fails again",
    ]);
  });

  it("is announced from 30 days before its waiver ends", () => {
    const notesOn = (day: string) =>
      sampleReport(results, { waivers: [SAMPLE_WAIVER], observedAt: new Date(day) }).waiverNotes;
    expect(notesOn("2026-12-31T12:00:00Z")).toEqual([]);
    expect(notesOn("2027-01-01T12:00:00Z")[0]).toContain("ends in 30 days");
    expect(notesOn("2027-01-30T12:00:00Z")[0]).toContain("ends tomorrow");
    expect(notesOn("2027-01-31T12:00:00Z")[0]).toContain("ends today");
  });

  it("does not accept another object, another check or another database", () => {
    const waivers = [
      { ...SAMPLE_WAIVER, object: "OPS" },
      { ...SAMPLE_WAIVER, check: "ROL-002", object: "*" },
      { ...SAMPLE_WAIVER, database: "shop", object: "*" },
    ];
    expect(sampleReport(results, { waivers }).overall.waived).toBe(0);
  });
});

describe("a waiver that matches nothing", () => {
  const note = "waiver of ROL-001 on break* by dba@example.org (line 2) matches nothing: remove it";

  it("is said when its check had an answer", () => {
    const results = [sampleResult({ id: "ROL-001", outcome: PASS })];
    expect(sampleReport(results, { waivers: [SAMPLE_WAIVER] }).waiverNotes).toEqual([note]);
  });

  it("is not said when nobody knows: the check is unknown, or took no part", () => {
    const unknown = sampleResult({ id: "ROL-001", outcome: { status: "unknown", reason: "no", right: undefined } });
    expect(sampleReport([unknown], { waivers: [SAMPLE_WAIVER] }).waiverNotes).toEqual([]);
    expect(sampleReport([], { waivers: [SAMPLE_WAIVER] }).waiverNotes).toEqual([]);
  });
});

describe("what is unknown", () => {
  const unknown = (right: "hba" | "superuser" | "ident" | "network" | undefined) =>
    sampleResult({ id: "NET-001", outcome: { status: "unknown", reason: "it may not be read", right } });

  it("comes with the statements that give the role of the run the right", () => {
    const { unknowns } = sampleReport([unknown("hba")]);
    expect(unknowns[0]).toMatchObject({ right: "select on pg_hba_file_rules", instead: undefined });
    expect(unknowns[0]?.grant).toEqual([
      'grant select on pg_catalog.pg_hba_file_rules to "pgkeep_auditor"',
      'grant execute on function pg_catalog.pg_hba_file_rules() to "pgkeep_auditor"',
    ]);
  });

  it("says what to do instead where no grant helps", () => {
    expect(sampleReport([unknown("superuser")]).unknowns[0]).toMatchObject({
      grant: [],
      instead: "run the audit once as a superuser",
    });
    expect(sampleReport([unknown(undefined)]).unknowns[0]).toMatchObject({ right: undefined, grant: [] });
  });

  it("has no grant on a version that cannot give the right, nor without a server", () => {
    const { target } = sampleReport([]);
    const old = target && { ...target, serverVersion: "14.23" };
    expect(sampleReport([unknown("ident")], { target: old }).unknowns[0]?.grant).toEqual([]);
    expect(sampleReport([unknown("ident")]).unknowns[0]?.grant).toHaveLength(2);
    expect(sampleReport([unknown("hba")], { target: undefined }).unknowns[0]?.grant).toEqual([]);
  });
});

describe("notes of a report", () => {
  it("tell that a superuser audited, that nothing was probed, that the data is old", () => {
    const results = [
      sampleResult({ id: "TLS-020", outcome: { status: "unknown", reason: "not probed", right: "network" } }),
    ];
    const { notes } = sampleReport(results, { isSuperuser: true, data: { date: "2026-01-01", isStale: true } });
    expect(notes.join("\n")).toMatch(/superuser.*pgkeep audit bootstrap.*--probe.*2026-01-01 only/s);
    expect(sampleReport([]).notes).toEqual([]);
  });
});
