/** What several formats say in the same words. Texts are exact: each format escapes them for its own syntax. */
import { groupedBy } from "../../base/group.ts";
import { SEVERITIES, type Severity } from "../ratings.ts";
import type { AuditDocument } from "../report/document.ts";

export type DocumentFinding = AuditDocument["findings"][number];
export type DocumentUnknown = AuditDocument["unknowns"][number];
export type DocumentFix = NonNullable<DocumentFinding["fix"]>;
export type DocumentScore = AuditDocument["overall"];

/** Findings of one check, the gravest check first. */
export interface FindingGroup {
  check: string;
  title: string;
  severity: Severity;
  findings: readonly DocumentFinding[];
}

export function findingGroups(findings: readonly DocumentFinding[]): FindingGroup[] {
  const groups = [...groupedBy(findings, ({ check }) => check)].flatMap(([check, own]) => {
    const [first] = own;
    if (first === undefined) return [];
    const severity = SEVERITIES.find((each) => own.some((finding) => finding.severity === each)) ?? first.severity;
    return [{ check, title: first.title, severity, findings: own }];
  });
  return groups.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

/** `"app"."orders"`, with the database where the check looked into several. */
export function objectText({ object, database }: Pick<DocumentFinding, "object" | "database">): string {
  return database === null ? object : `${object} in database ${database}`;
}

/** Who looked at what, and how. */
export function targetParts({ target, profile }: AuditDocument): string[] {
  if (target === null) return ["files, without a server", `profile ${profile}`];
  const { host, port, database, server_version, tls, user } = target;
  const line = tls ?? (host.startsWith("/") ? "socket" : "no TLS");
  return [
    `${database} at ${host}:${port}`,
    `PostgreSQL ${server_version}`,
    line,
    `as ${user}`,
    ...(target.standby ? ["standby"] : []),
    ...(target.provider === null ? [] : [target.provider]),
    `profile ${profile}`,
  ];
}

/** A pillar's score, or that of all. */
export interface NamedScore {
  name: string;
  score: DocumentScore;
  /** Why there is none; undefined: there is one. */
  gap: "not asked" | "nothing applies" | "too little checked" | undefined;
}

/** The pillars in their order, then all of them together. */
export function namedScores({ pillars, overall, checks }: AuditDocument): NamedScore[] {
  const named = (name: string, score: DocumentScore, own: AuditDocument["checks"]): NamedScore => {
    if (score.score !== null) return { name, score, gap: undefined };
    if (own.length === 0) return { name, score, gap: "not asked" };
    const isApplicable = own.some(({ status }) => status !== "not_applicable");
    return { name, score, gap: isApplicable ? "too little checked" : "nothing applies" };
  };
  return [
    ...pillars.map(({ pillar, ...score }) =>
      named(
        pillar,
        score,
        checks.filter((check) => check.pillar === pillar),
      ),
    ),
    named("all", overall, checks),
  ];
}

/** "92 (A)", or why there is none. */
export function scoreText({ score: { score, grade }, gap }: NamedScore): string {
  return gap ?? `${score} (${grade ?? ""})`;
}

/** "75%", or nothing where no check applied. */
export function checkedText({ score: { checked_percent }, gap }: NamedScore): string {
  return gap === undefined || gap === "too little checked" ? `${checked_percent}%` : "-";
}

/** The lines that somebody pastes: statements with semicolons, lines of a file, commands. Empty where only words help. */
export function fixCode(fix: DocumentFix): string[] {
  // A setting can be changed by a statement or in the file; the statement is the one that needs no login on the host.
  if (fix.sql.length > 0) return fix.sql.map((statement) => `${statement};`);
  return [...fix.conf, ...fix.commands];
}

/** Where the lines belong, when that is no SQL session. */
export function fixPlace({ sql, file, commands, text }: DocumentFix): string | undefined {
  if (sql.length > 0) return undefined;
  if (file !== null) return text === null ? file : `${file}: ${text}`;
  return commands.length > 0 ? "on the server's host" : (text ?? undefined);
}

/** "risk medium (what the role did stops working), restart needed"; empty for advice. */
export function fixRisk({ risk, risk_reason, restart }: DocumentFix): string {
  if (risk === null) return "";
  const reason = risk_reason === null ? "" : ` (${risk_reason})`;
  return `risk ${risk}${reason}${restart === null ? "" : restart ? ", restart needed" : ", no restart"}`;
}

/** "accepted by dba until 2027-01-31: sealed password" */
export function waiverText({ owner, expires, reason }: NonNullable<DocumentFinding["waiver"]>): string {
  return `accepted by ${owner} until ${expires}: ${reason}`;
}

/** What would answer an unknown: the grants, else what to do instead. */
export function answerText({ grant, instead }: DocumentUnknown): string | undefined {
  return grant.length > 0 ? grant.map((statement) => `${statement};`).join(" ") : (instead ?? undefined);
}

/** Page of a check, from the package's root. */
export function checkPage(id: string): string {
  return `docs/reference/checks/${id.toLowerCase()}.md`;
}

/** Everything that a report has to say beside findings, in whole lines. */
export function notesOf(document: AuditDocument): string[] {
  return [...document.unreachable.map(unreachableText), ...document.waiver_notes, ...document.notes];
}

function unreachableText({ database, reason, grant }: AuditDocument["unreachable"][number]): string {
  const opening = grant ? `; this opens it: ${grant};` : "";
  return `database ${database} was not audited: ${reason}${opening}`;
}

/** A database that the role of the run may not connect to. */
export interface ClosedDatabase {
  database: string;
  grant: string;
}

/** Databases that a grant would open. Whatever is unknown in one of them has this one reason. */
export function closedDatabases({ unreachable }: AuditDocument): ClosedDatabase[] {
  return unreachable.flatMap(({ database, grant }) => (grant ? [{ database, grant }] : []));
}

/** What is unknown for another reason than that its database is closed. */
export function otherUnknowns(document: AuditDocument): DocumentUnknown[] {
  const closed = new Set<string | null>(closedDatabases(document).map(({ database }) => database));
  return document.unknowns.filter(({ database }) => !closed.has(database));
}

/** What would answer how many of the checks that are unknown in what could be entered, most first. */
export function answersOf(document: AuditDocument): { text: string; count: number }[] {
  const answers = new Map<string, Set<string>>();
  for (const unknown of otherUnknowns(document)) {
    const text = answerName(unknown, document.target?.user ?? "");
    answers.set(text, (answers.get(text) ?? new Set()).add(unknown.check));
  }
  const counts = [...answers].map(([text, checks]) => ({ text, count: checks.size }));
  return counts.sort((a, b) => Number(a.text === NOTHING) - Number(b.text === NOTHING) || b.count - a.count);
}

/** What stands for an answer where there is none. */
const NOTHING = "no right";

/** Rights that one thing gives together are one answer. */
function answerName({ right, grant, instead }: DocumentUnknown, user: string): string {
  if (right === null) return NOTHING;
  if (right.startsWith("member of pg_read_all_")) return `grant pg_monitor to ${user}`;
  if (grant.length > 0) return "pgkeep audit bootstrap";
  if (right === "superuser" || right === "select on pg_authid") return "superuser";
  return instead?.replace(/^run /, "") ?? right;
}
