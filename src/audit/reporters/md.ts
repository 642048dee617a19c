/** Markdown: the scores, then one section per check with a table of its objects, then what is unknown. */
import { markdownCell } from "../../base/markdown-text.ts";
import { tameLine } from "../../base/tame.ts";
import type { AuditDocument } from "../report/document.ts";
import { defineAuditReporter } from "./reporter.ts";
import {
  answerText,
  checkedText,
  type DocumentFinding,
  type FindingGroup,
  findingGroups,
  fixCode,
  fixPlace,
  fixRisk,
  namedScores,
  notesOf,
  scoreText,
  targetParts,
  waiverText,
} from "./wording.ts";

export default defineAuditReporter({
  summary: "Markdown, for a wiki or a ticket",
  render: (document) => `${markdownLines(document).join("\n")}\n`,
  renderFailure: ({ code, message, detail, hint }) => {
    const rest = [detail, hint].filter((part) => part !== undefined).map((part) => `${cell(part)}\n`);
    return [`# pgkeep audit: not done\n`, `${cell(message)} (${code})\n`, ...rest].join("\n");
  },
});

/** A foreign text that acts on nobody and is no markup. */
function cell(text: string): string {
  return markdownCell(tameLine(text));
}

function markdownLines(document: AuditDocument): string[] {
  const failed = document.findings.filter(({ status }) => status === "fail");
  const waived = document.findings.filter(({ status }) => status === "waived");
  return [
    "# pgkeep audit",
    "",
    `${targetParts(document).map(cell).join(" · ")} · ${document.observed_at}`,
    "",
    ...scoreTable(document),
    "",
    ...notesOf(document).map((note) => `- ${cell(note)}`),
    "",
    ...findingGroups(failed).flatMap(groupLines),
    ...waivedLines(waived),
    ...unknownLines(document),
  ];
}

function scoreTable(document: AuditDocument): string[] {
  return [
    "| pillar | score | checked | critical | high | medium | low | info | waived | unknown |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ...namedScores(document).map((named) => {
      const { counts, waived, unknown } = named.score;
      const { critical, high, medium, low, info } = counts;
      const numbers = [critical, high, medium, low, info, waived, unknown].join(" | ");
      return `| ${named.name} | ${scoreText(named)} | ${checkedText(named)} | ${numbers} |`;
    }),
  ];
}

function groupLines({ check, title, severity, findings }: FindingGroup): string[] {
  const [first] = findings;
  return [
    `## ${severity.toUpperCase()} ${check} ${cell(title)}`,
    "",
    ...(first === undefined ? [] : [`${cell(first.why)} ${cell(first.remedy)}`, ""]),
    "| object | evidence | fix | id |",
    "|---|---|---|---|",
    ...findings.map(findingRow),
    "",
  ];
}

function findingRow(finding: DocumentFinding): string {
  const { fix, database, object, evidence, fingerprint } = finding;
  const place = database === null ? "" : ` (${cell(database)})`;
  return `| ${cell(object)}${place} | ${cell(evidence)} | ${fix === null ? "" : fixText(fix)} | ${fingerprint} |`;
}

function fixText(fix: NonNullable<DocumentFinding["fix"]>): string {
  const parts = [fixPlace(fix), ...fixCode(fix), fixRisk(fix)];
  return parts.flatMap((part) => (part === undefined || part === "" ? [] : cell(part))).join("<br>");
}

function waivedLines(waived: readonly DocumentFinding[]): string[] {
  if (waived.length === 0) return [];
  return [
    "## Accepted",
    "",
    "| check | object | waiver | id |",
    "|---|---|---|---|",
    ...waived.map((finding) => {
      const text = finding.waiver === null ? "" : cell(waiverText(finding.waiver));
      return `| ${finding.check} ${cell(finding.title)} | ${cell(finding.object)} | ${text} | ${finding.fingerprint} |`;
    }),
    "",
  ];
}

function unknownLines({ unknowns }: AuditDocument): string[] {
  if (unknowns.length === 0) return [];
  return [
    "## Unknown",
    "",
    "| check | database | reason | what would answer |",
    "|---|---|---|---|",
    ...unknowns.map((unknown) => {
      const { check, title, database, reason } = unknown;
      return `| ${check} ${cell(title)} | ${cell(database ?? "")} | ${cell(reason)} | ${cell(answerText(unknown) ?? "")} |`;
    }),
    "",
  ];
}
