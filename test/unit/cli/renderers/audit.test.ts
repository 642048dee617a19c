/** How audits look to people. */
import { describe, expect, it } from "vitest";
import type { AuditDocument } from "../../../../src/audit/report/document.ts";
import baseline from "../../../../src/cli/renderers/audit.baseline.ts";
import history from "../../../../src/cli/renderers/audit.history.ts";
import auditRun from "../../../../src/cli/renderers/audit.run.ts";
import { EVERYTHING } from "../../../support/audit/formats.ts";
import { everyKind, found, PASS, SAMPLE_WAIVER, sampleDocument, sampleResult } from "../../../support/audit/sample.ts";
import { viewOf } from "../../../support/view.ts";

const text = (document: AuditDocument, view: Parameters<typeof viewOf>[0] = {}): string =>
  auditRun.result?.(document, viewOf(view)) ?? "";
const UNKNOWN = { status: "unknown", reason: "why", right: undefined } as const;
const lastLine = (document: AuditDocument): string => text(document).trimEnd().split("\n").at(-1) ?? "";

describe("an audit as text", () => {
  it("says who was looked at, then the scores, the findings, what is unknown and how it ends", () => {
    const document = sampleDocument(everyKind(), { parts: { waivers: [SAMPLE_WAIVER] } });
    expect(text(document)).toContain(`\
pgkeep audit · shop at 10.0.0.5:5432 · PostgreSQL 17.6 · TLS 1.3 · as pgkeep_auditor · profile default

pillar       score  checked  critical  high  medium  low  waived  unknown
network          0     100%         0     1       0    0       0        0
transport        0     100%         0     0       1    0       0        0
database        21      66%         1     1       0    1       1        2
practices        0     100%         0     0       0    1       0        0
all             16      80%         1     2       1    2       1        2

CRITICAL  ROL-003`);
    expect(text(document)).toContain(`
CRITICAL  ROL-003  what ROL-003 looks for
          "app": app -> ops (INHERIT) -> postgres (SET)
          fix   revoke "ops" from "app";      risk low, no restart
          why   pgkeep explain ROL-003
`);
    expect(text(document)).toContain(`
          fix   pg_hba.conf: replace line 12 by      risk medium (clients from elsewhere are refused), no restart
                host all all 10.0.0.0/8 scram-sha-256
`);
    expect(text(document)).toContain(`
1 waived
          ROL-001  break_glass: accepted by dba@example.org until 2027-01-31: break-glass account, its password is sealed
2 unknown: `);
  });

  it("names for what is unknown the grant that answers most of it first", () => {
    const unknown = (id: string, right: "pg_read_all_settings" | "pg_authid" | "network" | undefined) =>
      sampleResult({ id, outcome: { status: "unknown", reason: "why", right } });
    const document = sampleDocument([
      unknown("AUD-001", "pg_read_all_settings"),
      unknown("AUD-002", "pg_read_all_settings"),
      unknown("ROL-006", "pg_authid"),
      unknown("TLS-020", "network"),
      unknown("HST-001", undefined),
    ]);
    expect(text(document)).toContain(
      "5 unknown: grant pg_monitor to pgkeep_auditor answers 2, superuser answers 1, pgkeep audit --probe answers 1, " +
        "no right answers 1   (pgkeep audit --list-unknown)",
    );
    const listed = text({ ...document, display: { ...document.display, list_unknown: true } });
    expect(listed).toContain('grant pg_read_all_settings to "pgkeep_auditor";');
    expect(listed).toContain("ROL-006  what ROL-006 looks for: why (run the audit once as a superuser)");
  });

  it("shows at most 40 lines of findings and 4 objects of a check, and all with --full", () => {
    const names = Array.from({ length: 30 }, (_, n) => `object${n}`);
    const results = Array.from({ length: 20 }, (_, n) =>
      sampleResult({ id: `PRV-${100 + n}`, outcome: found(...names) }),
    );
    const short = text(sampleDocument(results));
    expect(short).toContain("… 26 more of this (--full)");
    expect(short).toMatch(/… \d{3} more \(--full\)/);
    expect(short.split("\n").length).toBeLessThan(60);
    const full = text(sampleDocument(results, { display: { full: true } }));
    expect(full.match(/ object29: /g)).toHaveLength(20);
  });

  it("shows only what --min-severity asks for, and counts everything", () => {
    const document = sampleDocument(everyKind(), { display: { minSeverity: "critical" }, gate: { failOn: "low" } });
    expect(text(document)).not.toContain("NET-012");
    expect(lastLine(document)).toMatch(/^7 findings at or above "low" → exit 20/);
  });

  it("keeps to ASCII signs where asked, and to the width of a terminal", () => {
    expect(text(sampleDocument([sampleResult({ id: "ROL-008", outcome: PASS })]), { ascii: true })).not.toMatch(
      /[^\x20-\x7e\n]/,
    );
    const narrow = text(EVERYTHING, { isFitted: true, width: 60 });
    const wide = narrow.split("\n").filter((line) => [...line].length > 60);
    // What is to be pasted stays whole.
    expect(wide).toEqual(["          fix   alter system set ssl_min_protocol_version = 'TLSv1.2';"]);
  });

  it("has a question mark for a score when too little was checked, and says so", () => {
    const unknown = sampleResult({ id: "AUD-001", outcome: { status: "unknown", reason: "why", right: undefined } });
    expect(text(sampleDocument([unknown]))).toContain("? too little checked for a score");
  });
});

describe("a pillar without a score", () => {
  const gaps = (results: Parameters<typeof sampleDocument>[0]): string[] =>
    text(sampleDocument(results))
      .split("\n")
      .filter((line) => /^(?:network|transport|practices) |^[-?] /.test(line));

  it("was not asked when no check of it took part, and is not said to be too little checked", () => {
    const unknown = sampleResult({ id: "TLS-001", pillar: "transport", outcome: UNKNOWN });
    const absent = sampleResult({
      id: "REP-001",
      pillar: "practices",
      outcome: { status: "not_applicable", reason: "no standby" },
    });
    expect(gaps([sampleResult({ id: "ROL-008", outcome: PASS }), unknown, absent])).toEqual([
      "network          -        -         0     0       0    0       0        0",
      "transport        ?       0%         0     0       0    0       0        1",
      "practices        -        -         0     0       0    0       0        0",
      "? too little checked for a score",
      "- not asked: network",
      "- nothing applies: practices",
    ]);
  });

  it("is said in the other formats too", async () => {
    const document = sampleDocument([sampleResult({ id: "ROL-008", outcome: PASS })]);
    for (const format of ["md", "html"]) {
      const shown = (await auditRun.formats?.[format]?.(document, undefined)) ?? "";
      expect([format, shown.includes("not asked"), shown.includes("too little checked")]).toEqual([
        format,
        true,
        false,
      ]);
    }
  });
});

describe("databases that the role may not connect to", () => {
  const closed = (database: string) => ({
    database,
    reason: "this role may not connect to it",
    grant: `grant connect on database "${database}" to "pgkeep_auditor"`,
  });
  const inside = (id: string, database: string) =>
    sampleResult({
      id,
      database,
      outcome: {
        status: "unknown",
        reason: "this role may not connect to it",
        right: undefined,
        opening: { right: `connect on database "${database}"`, grant: [closed(database).grant] },
      },
    });
  const names = ["a", "b", "c", "d", "e"];
  const document = (display = {}) =>
    sampleDocument(
      [
        sampleResult({ id: "HST-001", pillar: "practices", outcome: UNKNOWN }),
        ...names.flatMap((name) => [inside("PRV-001", name), inside("PRV-002", name)]),
      ],
      { parts: { unreachable: names.map(closed) }, display },
    );

  it("are a thing of their own, with the grants that open them, and no gap that nothing answers", () => {
    expect(text(document())).toContain(
      [
        "1 unknown: no right answers 1   (pgkeep audit --list-unknown)",
        "5 databases are closed to pgkeep_auditor, so 2 more checks are unknown:",
        '          a: grant connect on database "a" to "pgkeep_auditor";',
        '          b: grant connect on database "b" to "pgkeep_auditor";',
        '          c: grant connect on database "c" to "pgkeep_auditor";',
        '          d: grant connect on database "d" to "pgkeep_auditor";',
        "          … 1 more (--list-unknown)",
        "nothing could be checked",
      ].join("\n"),
    );
  });

  it("are listed once each, and not once for every check", () => {
    const listed = text(document({ listUnknown: true }));
    expect(listed).toContain('          e: grant connect on database "e" to "pgkeep_auditor";');
    expect(listed).not.toContain("PRV-001");
    expect(listed).not.toContain("was not audited");
  });

  it("are said with their grant in formats for machines and pages", async () => {
    const shown = (await auditRun.formats?.md?.(document(), undefined)) ?? "";
    expect(shown).toContain("this opens it: grant connect on database");
    expect(document().unknowns.filter(({ right }) => right === 'connect on database "a"')).toHaveLength(2);
  });
});

describe("the last line of an audit", () => {
  const high = sampleResult({ id: "ROL-001", severity: "high", outcome: found("a", "b") });
  const unknown = sampleResult({
    id: "ROL-006",
    severity: "high",
    outcome: { status: "unknown", reason: "why", right: undefined },
  });
  const pass = sampleResult({ id: "ROL-008", outcome: PASS });

  it.each([
    ["findings", [high], {}, '2 findings at or above "high" → exit 20      (--fail-on critical: 0)'],
    ["nothing", [pass], {}, 'no findings at or above "high" → exit 0      (--fail-on medium: 0)'],
    ["--fail-on none", [high], { failOn: "none" }, "2 findings, none of which counts (--fail-on none) → exit 0"],
    [
      "--exit-zero",
      [high],
      { exitZero: true },
      '2 findings at or above "high" → exit 0 (--exit-zero)      (--fail-on critical: 0)',
    ],
    [
      "--strict",
      [pass, unknown],
      { isStrict: true },
      '1 unknown at or above "high" (--strict) → exit 21      (--fail-on medium: 0)',
    ],
    [
      "unknown without --strict",
      [pass, unknown],
      {},
      'no findings at or above "high" → exit 0      (--fail-on medium: 0)',
    ],
    ["nothing but unknown", [unknown], {}, "nothing could be checked → exit 21      (--fail-on medium: 0)"],
  ] as const)("says the exit status and why: %s", (_, results, gate, line) => {
    expect(lastLine(sampleDocument(results, { gate }))).toBe(line);
  });

  it("counts what the baseline has apart", () => {
    const { findings } = sampleDocument([high]);
    const document = sampleDocument([high], { parts: { baseline: new Set([findings[0]?.fingerprint ?? ""]) } });
    expect(lastLine(document)).toMatch(/^1 finding at or above "high", 1 in the baseline → exit 20/);
  });
});

describe("the trend of audits", () => {
  const audit = (score: number | null, target = "a:5432/x") => ({
    id: "20261121T120000000Z-000000",
    observed_at: "2026-11-21T12:00:00.000Z",
    target,
    profile: "default",
    score,
    grade: null,
    network: score,
    transport: score,
    database: score,
    practices: score,
    critical: 0,
    high: 0,
    medium: 0,
    low: 0,
    info: 0,
    waived: 0,
    unknown: 0,
  });
  const drawn = (audits: ReturnType<typeof audit>[], ascii = false): string =>
    history.result?.({ audits, total: audits.length, unreadable: 0 }, viewOf({ ascii })) ?? "";

  it("is drawn from the oldest to the newest, with a question mark where there was no score", () => {
    expect(drawn([audit(100), audit(null), audit(50), audit(0)])).toContain("  all        ▁▅?█  0 → 100\n");
    expect(drawn([audit(100), audit(0)], true)).toContain("  all        .@  0 -> 100\n");
  });

  it("is drawn per target, and not for one audit alone", () => {
    const lines = drawn([audit(1, "a"), audit(2, "b"), audit(3, "b")]);
    expect(lines).toContain("trend of b, oldest first");
    expect(lines).not.toContain("trend of a");
  });

  it("says so when there is none", () => {
    expect(history.result?.({ audits: [], total: 0, unreadable: 0 }, viewOf())).toBe(
      "no audit has left a record yet\n",
    );
  });
});

it("names the baseline in the next command as a shell takes it", () => {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };
  const shown = baseline.result?.(
    { file: "our base; rm x.json", written: true, findings: 0, counts, waived: 0 },
    viewOf(),
  );
  expect(shown).toContain("next: pgkeep audit --baseline 'our base; rm x.json'\n");
});
