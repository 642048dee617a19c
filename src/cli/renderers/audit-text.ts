/**
 * An audit for people: who was looked at, the scores, the findings by check with the worst first, what is unknown and which
 * grant would answer most of it, and in the last line the exit status with its reason.
 */
import { styleText } from "node:util";
import { SEVERITIES, type Severity } from "../../audit/ratings.ts";
import { type AuditDocument, auditExitCode, isAtLeast, type Threshold } from "../../audit/report/document.ts";
import {
  answersOf,
  answerText,
  checkedText,
  closedDatabases,
  type DocumentFinding,
  type DocumentFix,
  type DocumentUnknown,
  type FindingGroup,
  findingGroups,
  fixCode,
  fixPlace,
  fixRisk,
  type NamedScore,
  namedScores,
  notesOf,
  objectText,
  otherUnknowns,
  targetParts,
  waiverText,
} from "../../audit/reporters/wording.ts";
import { tameLine } from "../../base/tame.ts";
import { columns, padded, shortened } from "../generic-text.ts";
import type { View } from "../renderer.ts";

/** 40 lines: what fits beside the scores on one screen. */
const MAX_FINDING_LINES = 40;

/** 4 objects of one check say what is wrong; one sloppy schema must not push everything else off the screen. */
const MAX_OBJECTS = 4;

/** Columns of the severity, and of the id. */
const LABEL_WIDTH = 10;

const COLOURS = { critical: "red", high: "magenta", medium: "yellow", low: "cyan", info: "gray" } as const;

/** A line that is to be pasted is never shortened. */
type Line = string | { whole: string };

export function auditText(document: AuditDocument, view: View): string {
  const lines: Line[] = [
    ...headLines(document, view),
    "",
    ...scoreLines(document),
    "",
    ...findingLines(document, view),
    ...waivedLines(document),
    ...unknownLines(document),
    ...closedLines(document),
    ...notesOf(withoutClosed(document)).map(tameLine),
    endLine(document, view),
  ];
  return `${lines.map((line) => fitted(line, view)).join("\n")}\n`;
}

/** Lines with colour hold a severity, an id and a title of our own: those are short. */
function fitted(line: Line, view: View): string {
  if (typeof line !== "string") return line.whole;
  return view.isFitted && !line.includes("\u001b") ? shortened(line, view.width) : line;
}

/** Who was looked at: as many parts on a line as fit. */
function headLines(document: AuditDocument, view: View): string[] {
  const separator = view.ascii ? " - " : " · ";
  const lines: string[] = [];
  let line = "pgkeep audit";
  for (const part of targetParts(document).map(tameLine)) {
    const longer = `${line}${separator}${part}`;
    if (!view.isFitted || columns(longer) <= view.width) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = `  ${part}`;
  }
  return [...lines, line];
}

function scoreLines(document: AuditDocument): string[] {
  const heads = ["score", "checked", "critical", "high", "medium", "low", "waived", "unknown"];
  const rows = namedScores(document);
  const row = (name: string, cells: readonly string[]): string =>
    `${padded(name, 11)}${cells.map((cell, index) => cell.padStart((heads[index] ?? "").length + 2)).join("")}`;
  return [
    row("pillar", heads),
    ...rows.map((named) => {
      const { counts, waived, unknown } = named.score;
      const { critical, high, medium, low } = counts;
      const numbers = [critical, high, medium, low, waived, unknown].map((count) => count.toLocaleString("en-US"));
      return row(named.name, [scoreMark(named), checkedText(named), ...numbers]);
    }),
    ...(rows.some(({ gap }) => gap === "too little checked") ? ["? too little checked for a score"] : []),
    ...gapLine(rows, "not asked"),
    ...gapLine(rows, "nothing applies"),
  ];
}

function scoreMark({ score: { score }, gap }: NamedScore): string {
  if (gap === undefined) return String(score);
  return gap === "too little checked" ? "?" : "-";
}

function gapLine(rows: readonly NamedScore[], gap: NamedScore["gap"]): string[] {
  const names = rows.filter((row) => row.gap === gap).map(({ name }) => name);
  return names.length === 0 ? [] : [`- ${gap}: ${names.join(", ")}`];
}

/** Whole groups, each with its first objects, until the screen is full. */
function findingLines({ findings, display }: AuditDocument, view: View): Line[] {
  const failed = findings.filter(
    ({ status, severity }) => status === "fail" && isAtLeast(severity, display.min_severity),
  );
  const lines: Line[] = [];
  let shown = 0;
  for (const group of findingGroups(failed)) {
    const own = display.full ? group.findings : group.findings.slice(0, MAX_OBJECTS);
    const next = groupLines(group, own, view);
    if (!display.full && lines.length > 0 && lines.length + next.length > MAX_FINDING_LINES) break;
    lines.push(...next);
    shown += own.length;
  }
  const rest = failed.length - shown;
  return rest > 0 ? [...lines, `… ${rest.toLocaleString("en-US")} more (--full)`, ""] : lines;
}

function groupLines(group: FindingGroup, own: readonly DocumentFinding[], view: View): Line[] {
  const { check, title, severity, findings } = group;
  const rest = findings.length - own.length;
  return [
    `${label(severity, view)}${padded(check, LABEL_WIDTH - 1)}${tameLine(title)}`,
    ...own.flatMap((finding) => objectLines(finding, view)),
    ...(rest > 0 ? [detail(`… ${rest.toLocaleString("en-US")} more of this (--full)`)] : []),
    detail(`why   pgkeep explain ${check}`),
    "",
  ];
}

function label(severity: Severity, view: View): string {
  const text = padded(severity.toUpperCase(), LABEL_WIDTH);
  return view.colour ? styleText(COLOURS[severity], text, { validateStream: false }) : text;
}

const detail = (text: string): string => `${" ".repeat(LABEL_WIDTH)}${text}`;

function objectLines(finding: DocumentFinding, view: View): Line[] {
  const { evidence, fix, fingerprint, known } = finding;
  const mark = known === true ? " (in the baseline)" : "";
  const id = view.verbose ? `  id ${fingerprint}` : "";
  return [
    detail(`${tameLine(objectText(finding))}: ${tameLine(evidence)}${mark}${id}`),
    ...(fix === null ? [] : fixLines(fix, view)),
  ];
}

/** What to paste, and after its first line the risk, where there is room; else below. */
function fixLines(fix: DocumentFix, view: View): Line[] {
  const code = fixCode(fix).map((line) => tameLine(line));
  const place = fixPlace(fix);
  const risk = tameLine(fixRisk(fix));
  const [first = "", ...others] = [...(place === undefined ? [] : [tameLine(place)]), ...code];
  const head = detail(`fix   ${first}`);
  const withRisk = risk === "" ? head : `${head}      ${risk}`;
  const hasRoom = !view.isFitted || columns(withRisk) <= view.width;
  return [
    { whole: hasRoom ? withRisk : head },
    ...others.map((line) => ({ whole: detail(`      ${line}`) })),
    ...(hasRoom ? [] : [detail(`      ${risk}`)]),
  ];
}

function waivedLines({ findings, display }: AuditDocument): string[] {
  const waived = findings.filter(({ status }) => status === "waived");
  if (waived.length === 0) return [];
  const shown = display.full ? waived : waived.slice(0, MAX_OBJECTS);
  const rest = waived.length - shown.length;
  return [
    `${waived.length} waived`,
    ...shown.map((finding) => {
      const why = finding.waiver === null ? "" : tameLine(waiverText(finding.waiver));
      return detail(`${finding.check}  ${tameLine(objectText(finding))}: ${why}`);
    }),
    ...(rest > 0 ? [detail(`… ${rest} more (--full)`)] : []),
  ];
}

function unknownLines(document: AuditDocument): string[] {
  const { display } = document;
  const unknowns = otherUnknowns(document);
  if (unknowns.length === 0) return [];
  const answers = answersOf(document).map(({ text, count }) => `${text} answers ${count}`);
  const more = display.list_unknown ? "" : "   (pgkeep audit --list-unknown)";
  const head = `${countUnknown(document, unknowns)} unknown: ${answers.map(tameLine).join(", ")}${more}`;
  if (!display.list_unknown) return [head];
  const grants = [...new Set(unknowns.flatMap(({ grant }) => grant))];
  return [
    head,
    ...unknowns.map((unknown) => {
      const { check, title, database, reason, grant } = unknown;
      const place = database === null ? "" : ` in database ${tameLine(database)}`;
      const instead = grant.length > 0 ? "" : answerText(unknown);
      return detail(
        `${check}  ${tameLine(title)}${place}: ${tameLine(reason)}${instead ? ` (${tameLine(instead)})` : ""}`,
      );
    }),
    ...(grants.length > 0 ? ["grants that answer:", ...grants.map((grant) => detail(`${tameLine(grant)};`))] : []),
  ];
}

/** Checks without an answer, but for those whose only gap is a closed database. */
function countUnknown({ checks }: AuditDocument, unknowns: readonly DocumentUnknown[]): number {
  const own = new Set(unknowns.map(({ check }) => check));
  return checks.filter(({ check, status }) => status === "unknown" && own.has(check)).length;
}

/** Databases that nobody let the role into: not a gap of single checks, and one statement each opens them. */
function closedLines(document: AuditDocument): Line[] {
  const closed = closedDatabases(document);
  if (closed.length === 0) return [];
  const { display, target } = document;
  const shown = display.full || display.list_unknown ? closed : closed.slice(0, MAX_OBJECTS);
  const rest = closed.length - shown.length;
  const what = closed.length === 1 ? "1 database is" : `${closed.length.toLocaleString("en-US")} databases are`;
  const more = document.overall.unknown - countUnknown(document, otherUnknowns(document));
  const checks =
    more > 0 ? `, so ${more} more ${more === 1 ? "check is" : "checks are"} unknown` : " and not looked into";
  return [
    `${what} closed to ${tameLine(target?.user ?? "this role")}${checks}:`,
    ...shown.map(({ database, grant }) => ({ whole: detail(`${tameLine(database)}: ${tameLine(grant)};`) })),
    ...(rest > 0 ? [detail(`… ${rest.toLocaleString("en-US")} more (--list-unknown)`)] : []),
  ];
}

function withoutClosed(document: AuditDocument): AuditDocument {
  return { ...document, unreachable: document.unreachable.filter(({ grant }) => !grant) };
}

/** The exit status, why, and what another threshold would mean. */
function endLine(document: AuditDocument, view: View): string {
  const { gate } = document;
  const code = auditExitCode(document);
  const arrow = view.ascii ? "->" : "→";
  const reason = reasonOf(document, code);
  const other = otherThreshold(document);
  return `${reason} ${arrow} exit ${code}${gate.exit_zero ? " (--exit-zero)" : ""}${other === "" ? "" : `      (${other})`}`;
}

function reasonOf({ gate, checks, findings }: AuditDocument, code: number): string {
  if (code === 21 || (gate.exit_zero && checks.every(({ status }) => status === "unknown"))) {
    return gate.strict && gate.unknown_at_or_above > 0
      ? `${gate.unknown_at_or_above} unknown at or above "${gate.fail_on}" (--strict)`
      : "nothing could be checked";
  }
  if (gate.fail_on === "none") return `${counted(findings.length)}, none of which counts (--fail-on none)`;
  const known = findings.filter(({ known, status }) => known === true && status === "fail").length;
  const without = known > 0 ? `, ${known} in the baseline` : "";
  return `${counted(gate.at_or_above)} at or above "${gate.fail_on}"${without}`;
}

const counted = (count: number): string =>
  `${count === 0 ? "no" : count.toLocaleString("en-US")} finding${count === 1 ? "" : "s"}`;

/** One step stricter or, where something failed, one step milder. */
function otherThreshold({ gate, findings }: AuditDocument): string {
  if (gate.fail_on === "none") return "";
  const at = SEVERITIES.indexOf(gate.fail_on);
  const other: Threshold | undefined = gate.at_or_above > 0 ? SEVERITIES[at - 1] : SEVERITIES[at + 1];
  if (other === undefined) return "";
  const count = findings.filter(
    ({ status, known, severity }) => status === "fail" && known !== true && isAtLeast(severity, other),
  ).length;
  return `--fail-on ${other}: ${count}`;
}
