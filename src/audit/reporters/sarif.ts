/**
 * SARIF 2.1.0: one run, one rule per check with findings, one result per finding.
 *
 * Accepted findings stay in it, suppressed. What is unknown is told as notifications of the tool, because a result would read
 * as a finding. Code scanning shows only results with a file, so those without one point at the configuration.
 * Source: OASIS, Static Analysis Results Interchange Format 2.1.0; GitHub Docs, "SARIF support for code scanning".
 */
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { tameJson } from "../../base/tame.ts";
import type { Severity } from "../ratings.ts";
import type { AuditDocument } from "../report/document.ts";
import { type AuditFailure, defineAuditReporter } from "./reporter.ts";
import {
  checkPage,
  type DocumentFinding,
  type DocumentUnknown,
  fixCode,
  notesOf,
  objectText,
  waiverText,
} from "./wording.ts";

/** 5,000 results: GitHub takes no more of one run. */
const MAX_RESULTS = 5_000;

/** 10 tags: GitHub takes no more of one rule. */
const MAX_TAGS = 10;

const LEVELS: Readonly<Record<Severity, string>> = {
  critical: "error",
  high: "error",
  medium: "warning",
  low: "note",
  info: "note",
};

const SECURITY_SEVERITY: Readonly<Partial<Record<Severity, string>>> = {
  critical: "9.5",
  high: "8.0",
  medium: "5.5",
  low: "3.0",
};

/** Where a finding is that no file caused: the file that says which server is audited. */
const NO_FILE = "pgkeep.yaml";

export default defineAuditReporter({
  summary: "SARIF 2.1.0, for code scanning",
  render: (document) => {
    const findings = document.findings.slice(0, MAX_RESULTS);
    const rules = rulesOf(findings);
    const ruleIndexes = new Map(rules.map(({ id }, index) => [id, index]));
    return sarifText({
      tool: { driver: { name: "pgkeep", rules } },
      automationDetails: { id: `pgkeep/audit/${document.profile}` },
      columnKind: "unicodeCodePoints",
      invocations: [invocation(document)],
      results: findings.map((finding) => resultOf(finding, ruleIndexes.get(finding.check) ?? 0)),
    });
  },
  renderFailure: (failure) =>
    sarifText({
      tool: { driver: { name: "pgkeep", rules: [] } },
      columnKind: "unicodeCodePoints",
      invocations: [
        {
          executionSuccessful: false,
          exitCode: failure.exitCode,
          toolExecutionNotifications: [notification("error", failureText(failure))],
        },
      ],
      results: [],
    }),
});

function sarifText(run: Record<string, unknown>): string {
  const log = { $schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
  return `${tameJson(JSON.stringify(log, null, 2))}\n`;
}

function failureText({ code, message, detail, hint }: AuditFailure): string {
  return [`${code}: ${message}`, detail, hint].filter((part) => part !== undefined).join("\n");
}

function rulesOf(findings: readonly DocumentFinding[]) {
  const firsts = new Map(findings.toReversed().map((finding) => [finding.check, finding]));
  return [...firsts.values()].toReversed().map(ruleOf);
}

/** The rule is as grave as its gravest finding, which comes first. */
function ruleOf({ check, title, why, remedy, severity, pillar, references }: DocumentFinding) {
  const score = SECURITY_SEVERITY[severity];
  const benchmarks = [
    ...(references.cis ?? []).map((number) => `cis-${number}`),
    ...(references.stig ?? []).map((topic) => `stig: ${topic}`),
  ];
  return {
    id: check,
    name: check,
    shortDescription: { text: braced(title) },
    fullDescription: { text: braced(why) },
    help: {
      text: `${why}\n\n${remedy}`,
      markdown: `${why}\n\n**Remedy.** ${remedy}\n\n\`pgkeep explain ${check}\` or ${checkPage(check)}`,
    },
    helpUri: manualUri(references.manual?.[0]),
    defaultConfiguration: { level: LEVELS[severity] },
    properties: {
      ...(score === undefined ? {} : { "security-severity": score }),
      tags: ["security", "postgresql", pillar, ...benchmarks].slice(0, MAX_TAGS),
      precision: "very-high",
    },
  };
}

/** The schema wants an absolute address; the manual has one, and finds a section by its title. */
function manualUri(title: string | undefined): string {
  if (title === undefined) return "https://www.postgresql.org/docs/current/";
  return `https://www.postgresql.org/search/?u=%2Fdocs%2Fcurrent%2F&q=${encodeURIComponent(title)}`;
}

function resultOf(finding: DocumentFinding, ruleIndex: number) {
  const { check, severity, title, evidence, fingerprint, waiver, known, fix } = finding;
  return {
    ruleId: check,
    ruleIndex,
    level: LEVELS[severity],
    kind: "fail",
    message: { text: plainMessage(`${title}: ${objectText(finding)} (${evidence})`) },
    locations: [locationOf(finding)],
    partialFingerprints: { "pgkeep/v1": fingerprint },
    ...(waiver === null
      ? {}
      : { suppressions: [{ kind: "external", status: "accepted", justification: waiverText(waiver) }] }),
    ...(known === null ? {} : { baselineState: known ? "unchanged" : "new" }),
    properties: {
      severity,
      object: finding.object,
      database: finding.database,
      evidence,
      ...(fix === null ? {} : { fix: fixCode(fix), risk: fix.risk, restart: fix.restart }),
    },
  };
}

function locationOf({ place, object, database, pillar }: DocumentFinding) {
  const file = place?.file ?? NO_FILE;
  return {
    physicalLocation: {
      artifactLocation: { uri: fileUri(file) },
      region: { startLine: Math.max(1, place?.line ?? 1) },
    },
    logicalLocations: [
      {
        name: object,
        fullyQualifiedName: database === null ? object : `${database}/${object}`,
        kind: pillar === "database" && database !== null ? "object" : "resource",
      },
    ],
  };
}

/** An absolute path as a URL; a relative one escaped part by part, so that it stays relative. */
function fileUri(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href;
  return path.split("/").map(encodeURIComponent).join("/");
}

function invocation(document: AuditDocument) {
  const { observed_at, duration_ms, unknowns, findings } = document;
  const cut = findings.length - MAX_RESULTS;
  const told = [
    ...(cut > 0 ? [`${cut} more findings, less grave than these, are not in this file`] : []),
    ...notesOf(document),
  ];
  return {
    executionSuccessful: true,
    startTimeUtc: new Date(Date.parse(observed_at) - duration_ms).toISOString(),
    endTimeUtc: observed_at,
    toolExecutionNotifications: [
      ...unknowns.map(unknownNotification),
      ...told.map((text) => notification("note", text)),
    ],
  };
}

function unknownNotification({ check, title, database, reason }: DocumentUnknown) {
  const place = database === null ? "" : ` in database ${database}`;
  return { ...notification("warning", `unknown: ${check} ${title}${place}: ${reason}`), descriptor: { id: check } };
}

function notification(level: string, text: string) {
  return { level, message: { text: plainMessage(text) } };
}

/** Braces are placeholders in messages and are doubled to mean themselves. */
function braced(text: string): string {
  return text.replace(/[{}]/g, "$&$&");
}

/** In a plain message `[text](target)` is a link; a backslash before the brackets takes that meaning away. */
function plainMessage(text: string): string {
  return braced(text).replace(/[\\[\]]/g, "\\$&");
}
