/** Audits without a server: results of made-up checks, assembled as a real run is. */
import { type Check, defineCheck, type Found } from "../../../src/audit/check.ts";
import type { Pillar, Severity } from "../../../src/audit/ratings.ts";
import { type AssemblyParts, assembleReport } from "../../../src/audit/report/assemble.ts";
import { type AuditDocument, auditDocument, type Display, type Gate } from "../../../src/audit/report/document.ts";
import type { CheckOutcome, CheckResult } from "../../../src/audit/run/result.ts";
import { ident } from "../../../src/pg/identifiers.ts";
import { HOSTILE_NAMES } from "../hostile-names.ts";

export const SAMPLE_DAY = new Date("2026-11-21T12:00:00.000Z");

/** A check that finds nothing; `parts` win. */
export function sampleCheck(id: string, parts: Partial<Check> = {}): Check {
  return defineCheck({
    id,
    title: `what ${id} looks for`,
    severity: "medium",
    why: "Because of it somebody can do something.",
    remedy: "Take it away.",
    references: { cis: ["4.3"], manual: ["Role Attributes"] },
    scope: "cluster",
    needs: [],
    examine: async () => [],
    ...parts,
  });
}

export interface SampleResult {
  id: string;
  outcome: CheckOutcome;
  severity?: Severity;
  pillar?: Pillar;
  database?: string;
  check?: Partial<Check>;
}

export function sampleResult({
  id,
  outcome,
  severity = "medium",
  pillar = "database",
  database,
  check,
}: SampleResult): CheckResult {
  return { check: sampleCheck(id, { severity, ...check }), pillar, severity, database, outcome };
}

export const PASS: CheckOutcome = { status: "pass" };

/** A failed outcome; texts become objects with a detail. */
export function found(...objects: (string | Found)[]): CheckOutcome {
  return {
    status: "fail",
    found: objects.map((one) => (typeof one === "string" ? { object: one, detail: "is wrong" } : one)),
  };
}

export const TARGET = {
  host: "10.0.0.5",
  port: 5432,
  database: "shop",
  user: "pgkeep_auditor",
  serverVersion: "17.6",
  tls: "TLS 1.3",
  isStandby: false,
  provider: undefined,
};

/** The report of `results`, as of SAMPLE_DAY. */
export function sampleReport(results: readonly CheckResult[], parts: Partial<AssemblyParts> = {}) {
  return assembleReport({
    results,
    target: TARGET,
    profile: "default",
    observedAt: SAMPLE_DAY,
    durationMs: 812.4,
    isSuperuser: false,
    databases: ["shop"],
    unreachable: [],
    data: { date: "2026-11-21", isStale: false },
    ...parts,
  });
}

export interface SampleOptions {
  parts?: Partial<AssemblyParts>;
  gate?: Partial<Gate>;
  display?: Partial<Display>;
}

export function sampleDocument(
  results: readonly CheckResult[],
  { parts = {}, gate = {}, display = {} }: SampleOptions = {},
): AuditDocument {
  return auditDocument(
    sampleReport(results, parts),
    { failOn: "high", isStrict: false, exitZero: false, ...gate },
    { minSeverity: "info", listUnknown: false, full: false, ...display },
  );
}

/** One of everything: each severity, fixes of each kind, waivers, places, unknown, a check that does not apply. */
export function everyKind(): CheckResult[] {
  return [
    sampleResult({
      id: "ROL-003",
      severity: "critical",
      outcome: found({
        object: '"app"',
        detail: "app -> ops (INHERIT) -> postgres (SET)",
        fix: {
          kind: "revoke",
          on: "role",
          object: '"ops"',
          privileges: [],
          from: "app",
          sql: 'revoke "ops" from "app"',
          risk: "low",
        },
      }),
    }),
    sampleResult({
      id: "NET-012",
      severity: "high",
      pillar: "network",
      outcome: found({
        object: "host all all 0.0.0.0/0 trust",
        detail: "anybody comes in",
        place: { file: "/etc/postgresql/17/main/pg_hba.conf", line: 12 },
        fix: {
          kind: "file",
          file: "pg_hba.conf",
          lines: ["host all all 10.0.0.0/8 scram-sha-256"],
          how: "replace line 12 by",
          risk: "medium",
          riskReason: "clients from elsewhere are refused",
        },
      }),
    }),
    sampleResult({
      id: "TLS-002",
      severity: "medium",
      pillar: "transport",
      outcome: found({
        object: "ssl_min_protocol_version",
        detail: "TLSv1",
        fix: { kind: "setting", name: "ssl_min_protocol_version", value: "TLSv1.2", needsRestart: false, risk: "low" },
      }),
    }),
    sampleResult({
      id: "PRV-005",
      severity: "low",
      database: "shop",
      outcome: found({
        object: '"app"."orders"',
        detail: "PUBLIC may read it",
        fix: { kind: "sql", sql: ['revoke select on "app"."orders" from public'], risk: "low" },
      }),
    }),
    sampleResult({
      id: "HST-001",
      severity: "info",
      pillar: "practices",
      outcome: found({
        object: "/backup/dump.sql",
        detail: "mode 0644",
        fix: { kind: "shell", commands: ["chmod 600 /backup/dump.sql"], risk: "low" },
      }),
    }),
    sampleResult({
      id: "PRC-001",
      severity: "low",
      pillar: "practices",
      outcome: found({
        object: "backups",
        detail: "nobody told",
        fix: { kind: "words", text: "Say how they are made." },
      }),
    }),
    sampleResult({ id: "ROL-001", severity: "high", outcome: found("ops", "break_glass") }),
    sampleResult({ id: "ROL-008", severity: "high", outcome: PASS }),
    sampleResult({
      id: "ROL-006",
      severity: "high",
      outcome: { status: "unknown", reason: "it needs select on pg_authid", right: "pg_authid" },
    }),
    sampleResult({
      id: "AUD-001",
      outcome: { status: "unknown", reason: "the server does not show it", right: "pg_read_all_settings" },
    }),
    sampleResult({ id: "REP-001", outcome: { status: "not_applicable", reason: "the server is no standby" } }),
  ];
}

export const SAMPLE_WAIVER = {
  check: "ROL-001",
  object: "break*",
  database: undefined,
  reason: "break-glass account, its password is sealed",
  owner: "dba@example.org",
  expires: "2027-01-31",
  line: 2,
};

/** Findings about objects whose names break tools, in every text of a report that a stranger can write. */
export function hostileResults(): CheckResult[] {
  return [
    sampleResult({
      id: "ROL-001",
      severity: "high",
      database: "two\nlines::error::x",
      outcome: found(
        ...HOSTILE_NAMES.map(
          (name): Found => ({
            object: name,
            detail: `member of ${name}`,
            place: { file: name, line: 3 },
            fix: { kind: "sql", sql: [`alter role ${ident(name)} nosuperuser`], risk: "low", riskReason: name },
          }),
        ),
      ),
    }),
    ...HOSTILE_NAMES.map((name, index) =>
      sampleResult({
        id: `AUD-${String(index + 1).padStart(3, "0")}`,
        outcome: { status: "unknown", reason: `database "${name}" cannot be entered`, right: undefined },
        database: name,
      }),
    ),
  ];
}
