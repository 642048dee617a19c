/**
 * GitHub Actions annotations, and the page for the step's summary.
 *
 * At most ten annotations per level are written, because GitHub shows no more of one step; the summary holds all.
 */
import { githubData, githubProperty } from "../../base/github-command.ts";
import { tameLine } from "../../base/tame.ts";
import type { Severity } from "../ratings.ts";
import type { AuditDocument } from "../report/document.ts";
import md from "./md.ts";
import { defineAuditReporter } from "./reporter.ts";
import { type DocumentFinding, fixCode, objectText, waiverText } from "./wording.ts";

/** 10: what GitHub shows per level and step; more are dropped there without a word. */
const MAX_ANNOTATIONS = 10;

/** 1 MiB less what other steps may have written. */
const MAX_SUMMARY_BYTES = 900_000;

/** 3 bytes: what one unit of a JavaScript string takes at most. */
const MAX_UTF8_BYTES = 3;

type Level = "error" | "warning" | "notice";

const LEVELS: Readonly<Record<Severity, Level>> = {
  critical: "error",
  high: "error",
  medium: "warning",
  low: "notice",
  info: "notice",
};

export default defineAuditReporter({
  summary: "GitHub Actions annotations",
  render: (document) => {
    const lines = (["error", "warning", "notice"] as const).flatMap((level) => levelLines(document, level));
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  },
  renderFailure: ({ code, message, detail, hint }) => {
    const text = [message, detail, hint].filter((part) => part !== undefined).join("\n");
    return `::error title=${githubProperty(code)}::${githubData(text)}\n`;
  },
});

function levelLines({ findings, unknowns }: AuditDocument, level: Level): string[] {
  const own = findings.filter((finding) => levelOf(finding) === level).map((one) => annotation(one, level));
  const unknown =
    level === "notice" && unknowns.length > 0
      ? [`::notice title=pgkeep audit::${githubData(`${unknowns.length} unknown: pgkeep audit --list-unknown`)}`]
      : [];
  const all = [...unknown, ...own];
  const more = all.length - MAX_ANNOTATIONS;
  return more > 0 ? [...all.slice(0, MAX_ANNOTATIONS), `${more} more ${level}s in the summary`] : all;
}

/** An accepted finding is told, and fails nobody's build. */
function levelOf({ severity, status }: DocumentFinding): Level {
  return status === "waived" ? "notice" : LEVELS[severity];
}

function annotation(finding: DocumentFinding, level: Level): string {
  const { check, title, evidence, place, fix, waiver, fingerprint } = finding;
  const properties = [
    ...(place === null ? [] : [`file=${githubProperty(place.file)}`, `line=${place.line}`]),
    `title=${githubProperty(check)}`,
  ];
  const parts = [
    tameLine(`${title}: ${objectText(finding)} (${evidence})`),
    ...(waiver === null ? [] : [tameLine(waiverText(waiver))]),
    ...(fix === null ? [] : fixCode(fix).map(tameLine)),
    `id ${fingerprint}`,
  ];
  return `::${level} ${properties.join(",")}::${githubData(parts.join("\n"))}`;
}

/** The Markdown for `$GITHUB_STEP_SUMMARY`, at most as much as GitHub takes. */
export function auditStepSummary(document: AuditDocument): string {
  const text = md.render(document);
  if (Buffer.byteLength(text) <= MAX_SUMMARY_BYTES) return text;
  const end = text.lastIndexOf("\n", MAX_SUMMARY_BYTES / MAX_UTF8_BYTES);
  return `${text.slice(0, end)}\n\nThe rest: -o md=FILE\n`;
}
