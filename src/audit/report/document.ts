/**
 * The JSON of an audit: the report in snake_case, with what the gate made of it. `audit report`, `audit diff` and the history
 * read it back, so everything that a format needs is in it.
 */
import type { z as Zod } from "zod";
import { EXIT } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import type { References } from "../check.ts";
import { type Fix, settingLines, settingStatement } from "../fix.ts";
import { PILLARS, PROFILES, SEVERITIES, type Severity } from "../ratings.ts";
import type { AuditReport, Grade, ReportedCheck, ReportedFinding, ReportedUnknown, Score } from "./report.ts";

const GRADES = ["A", "B", "C", "D", "F"] as const satisfies readonly Grade[];
const STATUSES = ["fail", "unknown", "waived", "pass", "not_applicable"] as const;
const THRESHOLDS = [...SEVERITIES, "none"] as const;
export type Threshold = (typeof THRESHOLDS)[number];

/** The choices of --fail-on and --min-severity. */
export function thresholds(z: ZodNamespace) {
  return z.enum(THRESHOLDS);
}

/** How the report is to be judged and shown; part of the document, because exit code and look follow from it. */
export interface Gate {
  failOn: Threshold;
  isStrict: boolean;
  exitZero: boolean;
}

function scoreSchema(z: ZodNamespace) {
  return {
    score: z.number().nullable().meta({ description: "0 to 100; null when nothing was asked, or too little checked" }),
    grade: z.enum(GRADES).nullable(),
    checked_percent: z.number().meta({ description: "Share of the applicable checks that have an answer" }),
    counts: z.strictObject({
      critical: z.int(),
      high: z.int(),
      medium: z.int(),
      low: z.int(),
      info: z.int(),
    }),
    waived: z.int(),
    unknown: z.int(),
  };
}

function fixSchema(z: ZodNamespace) {
  return z
    .strictObject({
      kind: z.enum(["setting", "revoke", "sql", "file", "shell", "words"]),
      sql: z.array(z.string()).meta({ description: "Statements for the finding's database" }),
      conf: z.array(z.string()).meta({ description: "Lines of a configuration file" }),
      file: z.string().nullable(),
      commands: z.array(z.string()),
      text: z.string().nullable(),
      risk: z.enum(["low", "medium", "high"]).nullable(),
      risk_reason: z.string().nullable(),
      restart: z.boolean().nullable().meta({ description: "Whether it needs a restart; null when not known" }),
    })
    .nullable();
}

function targetSchema(z: ZodNamespace) {
  return z
    .strictObject({
      host: z.string(),
      port: z.int(),
      database: z.string(),
      user: z.string(),
      server_version: z.string(),
      tls: z.string().nullable(),
      standby: z.boolean(),
      provider: z.string().nullable(),
    })
    .nullable();
}

/** Which check it is, in all that is said of one. */
function checkFields(z: ZodNamespace) {
  return { pillar: z.enum(PILLARS), severity: z.enum(SEVERITIES), check: z.string(), title: z.string() };
}

function findingSchema(z: ZodNamespace) {
  const list = z.array(z.string()).optional();
  return z.strictObject({
    ...checkFields(z),
    status: z.enum(["fail", "waived"]),
    database: z.string().nullable(),
    object: z.string(),
    evidence: z.string(),
    why: z.string(),
    remedy: z.string(),
    fix: fixSchema(z),
    place: z.strictObject({ file: z.string(), line: z.int() }).nullable(),
    references: z.strictObject({ manual: list, cis: list, stig: list, other: list }),
    fingerprint: z.string(),
    waiver: z.strictObject({ reason: z.string(), owner: z.string(), expires: z.string() }).nullable(),
    known: z.boolean().nullable().meta({ description: "Whether the baseline has it; null without one" }),
  });
}

function unknownSchema(z: ZodNamespace) {
  return z.strictObject({
    ...checkFields(z),
    database: z.string().nullable(),
    reason: z.string(),
    right: z.string().nullable(),
    grant: z.array(z.string()),
    instead: z.string().nullable(),
  });
}

function checkSchema(z: ZodNamespace) {
  const status = z.enum(STATUSES);
  return z.strictObject({ ...checkFields(z), status, findings: z.int(), reason: z.string().nullable() });
}

function gateSchema(z: ZodNamespace) {
  return z.strictObject({
    fail_on: thresholds(z),
    strict: z.boolean(),
    exit_zero: z.boolean(),
    at_or_above: z.int().meta({ description: "Findings that count against the threshold" }),
    unknown_at_or_above: z.int(),
  });
}

/** The document's shape. */
export function auditSchema(z: ZodNamespace) {
  return z.strictObject({
    observed_at: z.string(),
    duration_ms: z.int(),
    target: targetSchema(z),
    profile: z.enum(PROFILES),
    databases: z.array(z.string()),
    unreachable: z.array(
      z.strictObject({
        database: z.string(),
        reason: z.string(),
        grant: z.string().optional().meta({ description: "The statement that opens it, where one does" }),
      }),
    ),
    overall: z.strictObject(scoreSchema(z)),
    pillars: z.array(z.strictObject({ pillar: z.enum(PILLARS), ...scoreSchema(z) })),
    findings: z.array(findingSchema(z)),
    unknowns: z.array(unknownSchema(z)),
    checks: z.array(checkSchema(z)),
    waiver_notes: z.array(z.string()),
    data: z.strictObject({ date: z.string(), stale: z.boolean() }),
    notes: z.array(z.string()),
    gate: gateSchema(z),
    display: z
      .strictObject({ min_severity: z.enum(SEVERITIES), list_unknown: z.boolean(), full: z.boolean() })
      .meta({ description: "What the human text shows; the document itself is always whole" }),
  });
}

/** The document as it is written and read back. */
export type AuditDocument = Zod.output<ReturnType<typeof auditSchema>>;

export interface Display {
  minSeverity: Severity;
  listUnknown: boolean;
  full: boolean;
}

/** The document of `report`. With a baseline only findings that it does not have count against the threshold. */
export function auditDocument(report: AuditReport, gate: Gate, display: Display): AuditDocument {
  const findings = report.findings.map(findingDocument);
  const unknowns = report.unknowns.map(unknownDocument);
  return {
    observed_at: report.observedAt.toISOString(),
    duration_ms: report.durationMs,
    target: targetOf(report),
    profile: report.profile,
    databases: [...report.databases],
    unreachable: report.unreachable.map(({ database, reason, grant }) => ({
      database,
      reason,
      ...(grant === undefined ? {} : { grant }),
    })),
    overall: scoreDocument(report.overall),
    pillars: report.pillars.map(({ pillar, ...score }) => ({ pillar, ...scoreDocument(score) })),
    findings,
    unknowns,
    checks: report.checks.map(checkDocument),
    waiver_notes: [...report.waiverNotes],
    data: { date: report.data.date, stale: report.data.isStale },
    notes: [...report.notes],
    gate: judged({ findings, unknowns }, gate),
    display: { min_severity: display.minSeverity, list_unknown: display.listUnknown, full: display.full },
  };
}

/** What a gate makes of what was found. */
export function judged({ findings, unknowns }: Judged, { failOn, isStrict, exitZero }: Gate): AuditDocument["gate"] {
  const counted = findings.filter(({ status, known }) => status === "fail" && known !== true);
  return {
    fail_on: failOn,
    strict: isStrict,
    exit_zero: exitZero,
    at_or_above: counted.filter(({ severity }) => isAtLeast(severity, failOn)).length,
    unknown_at_or_above: unknowns.filter(({ severity }) => isAtLeast(severity, failOn)).length,
  };
}

type Judged = Pick<AuditDocument, "findings" | "unknowns">;

/** What the command ends with. */
export function auditExitCode({ gate, checks }: Pick<AuditDocument, "gate" | "checks">): number {
  if (gate.exit_zero) return EXIT.ok;
  const isAnswered = checks.some(({ status }) => status !== "unknown" && status !== "not_applicable");
  // Nothing could be checked: no answer is not a good one.
  if (!isAnswered) return EXIT.unknown;
  if (gate.strict && gate.unknown_at_or_above > 0) return EXIT.unknown;
  return gate.at_or_above > 0 ? EXIT.findings : EXIT.ok;
}

/** Whether `severity` is `threshold` or worse; nothing reaches "none". */
export function isAtLeast(severity: Severity, threshold: Threshold): boolean {
  return threshold !== "none" && SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(threshold);
}

function targetOf({ target }: AuditReport) {
  if (target === undefined) return null;
  const { host, port, database, user, serverVersion, tls, isStandby, provider } = target;
  return {
    host,
    port,
    database,
    user,
    server_version: serverVersion,
    tls: tls ?? null,
    standby: isStandby,
    provider: provider ?? null,
  };
}

function scoreDocument({ score, grade, checkedPercent, counts: numbers, waived, unknown }: Score) {
  return {
    score: score ?? null,
    grade: grade ?? null,
    checked_percent: checkedPercent,
    counts: { ...numbers },
    waived,
    unknown,
  };
}

function findingDocument(finding: ReportedFinding) {
  const { check, severity, status, pillar, object, title, evidence, why, remedy, fingerprint } = finding;
  return {
    check,
    severity,
    status,
    pillar,
    database: finding.database ?? null,
    object,
    title,
    evidence,
    why,
    remedy,
    fix: finding.fix === undefined ? null : fixDocument(finding.fix),
    place: finding.place ?? null,
    references: referencesDocument(finding.references),
    fingerprint,
    waiver: finding.waiver ?? null,
    known: finding.isKnown ?? null,
  };
}

function referencesDocument(references: References) {
  const { manual, cis, stig, other } = references;
  const list = (name: string, values: readonly string[] | undefined) => (values ? { [name]: [...values] } : {});
  return { ...list("manual", manual), ...list("cis", cis), ...list("stig", stig), ...list("other", other) };
}

function fixDocument(fix: Fix) {
  const none = {
    sql: [],
    conf: [],
    file: null,
    commands: [],
    text: null,
    risk: null,
    risk_reason: null,
    restart: null,
  };
  if (fix.kind === "words") return { ...none, kind: fix.kind, text: fix.text };
  const risk = { risk: fix.risk, risk_reason: fix.riskReason ?? null };
  const base = { ...none, ...risk, kind: fix.kind };
  switch (fix.kind) {
    case "setting":
      return {
        ...base,
        sql: [settingStatement(fix)],
        conf: [...settingLines(fix)],
        file: "postgresql.conf",
        restart: fix.needsRestart ?? null,
      };
    case "revoke":
      return { ...base, sql: [fix.sql], restart: false };
    case "sql":
      return { ...base, sql: [...fix.sql], restart: false };
    case "file":
      return { ...base, conf: [...fix.lines], file: fix.file, text: fix.how, restart: false };
    case "shell":
      return { ...base, commands: [...fix.commands] };
  }
}

function unknownDocument(unknown: ReportedUnknown) {
  const { check, severity, pillar, title, reason, grant } = unknown;
  return {
    check,
    severity,
    pillar,
    title,
    database: unknown.database ?? null,
    reason,
    right: unknown.right ?? null,
    grant: [...grant],
    instead: unknown.instead ?? null,
  };
}

function checkDocument({ check, title, pillar, severity, status, findings, reason }: ReportedCheck) {
  return { check, title, pillar, severity, status, findings, reason: reason ?? null };
}
