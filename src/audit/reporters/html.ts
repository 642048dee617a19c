/**
 * One page that needs nothing else: scores with a chart, every finding with its evidence and its fix, what is unknown and the
 * grants that would answer.
 *
 * Complete without its script, which only filters, copies and swaps chart and table. Colour repeats what a word says. The
 * page names no place to ask anything of, and its policy would refuse it (base/html-page.ts).
 */
import { type Html, html, htmlPage } from "../../base/html-page.ts";
import { PILLARS, SEVERITIES } from "../ratings.ts";
import type { AuditDocument } from "../report/document.ts";
import { SCRIPT, STYLE } from "./html-assets.ts";
import { defineAuditReporter } from "./reporter.ts";
import {
  answerText,
  checkedText,
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
  scoreText,
  targetParts,
  waiverText,
} from "./wording.ts";

export default defineAuditReporter({
  summary: "one self-contained page",
  render: (document) =>
    htmlPage({
      title: `Audit of ${document.target?.database ?? "configuration files"}`,
      style: STYLE,
      script: SCRIPT,
      body: body(document),
    }),
  renderFailure: ({ code, message, detail, hint }) =>
    htmlPage({
      title: "Audit not done",
      style: STYLE,
      script: "",
      body: html`<main><h1>The audit was not done</h1><p><strong>${message}</strong> (${code})</p>
<p>${detail ?? ""}</p><p>${hint ?? ""}</p></main>`,
    }),
});

function body(document: AuditDocument): Html {
  const { target, observed_at, findings, unknowns } = document;
  return html`<a class="skip" href="#findings">Skip to the findings</a>
<header>
<h1>Audit of ${target === null ? "configuration files" : `${target.database} at ${target.host}:${target.port}`}</h1>
<p>${targetParts(document).join(" · ")}</p>
<p>Observed <time datetime="${observed_at}">${observed_at.slice(0, 16).replace("T", " ")} UTC</time>. Vulnerabilities as known on ${document.data.date}.</p>
</header>
<main>
${notes(document)}
${scores(document)}
${filters()}
<section id="findings" aria-labelledby="findings-head"><h2 id="findings-head">Findings</h2>
<p id="count" role="status">${counted(findings.length, "finding")}, ${counted(unknowns.length, "answer")} unknown.</p>
${findings.length === 0 ? html`<p>Nothing was found by the checks that have an answer.</p>` : findingGroups(findings).map(group)}
</section>
${unknown(unknowns)}
${checks(document)}
</main>
<footer><p>Made by pgkeep. Nothing in this page asks anything of a network.</p></footer>`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

function notes(document: AuditDocument): Html {
  const lines = notesOf(document);
  if (lines.length === 0) return html``;
  return html`<section class="notes" aria-labelledby="notes-head"><h2 id="notes-head">Before you read on</h2><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></section>`;
}

function scores(document: AuditDocument): Html {
  const { overall } = document;
  const all = namedScores(document);
  return html`<section aria-labelledby="scores-head"><h2 id="scores-head">Scores</h2>
<p class="overall">${overall.score === null ? "Too little was checked for a score" : html`<strong>${overall.score}</strong> of 100, grade <strong>${overall.grade ?? ""}</strong>`}<span>${overall.checked_percent} % of the checks that apply have an answer.</span></p>
<p><button type="button" id="swap" hidden>Show the table</button></p>
<figure id="chart">${chart(all)}<figcaption>Score per pillar, 0 to 100. One critical finding caps a pillar at 59, one of high severity at 84.</figcaption></figure>
<div id="table" class="wide" role="region" aria-label="Scores as a table" tabindex="0"><table><caption>Scores and counts</caption>
<thead><tr>${["pillar", "score", "checked", ...SEVERITIES, "waived", "unknown"].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${all.map(scoreRow)}</tbody></table></div></section>`;
}

function scoreRow(named: NamedScore): Html {
  const { name, score } = named;
  const cells = [scoreText(named), checkedText(named), ...SEVERITIES.map((one) => score.counts[one])];
  return html`<tr><th scope="row">${name}</th>${[...cells, score.waived, score.unknown].map((cell) => html`<td>${cell}</td>`)}</tr>`;
}

const BAR_HEIGHT = 34;
const BAR_LEFT = 84;
const BAR_WIDTH = 210;

/** One bar per pillar; an outline without filling where there is no score. Everything that it says is in the table too. */
function chart(all: readonly NamedScore[]): Html {
  const height = all.length * BAR_HEIGHT + 20;
  const bars = all.map(({ name, score: { score, grade }, gap }, index) => {
    const y = index * BAR_HEIGHT + 4;
    const width = ((score ?? 0) * BAR_WIDTH) / 100;
    const text = gap ?? `${score} ${grade ?? ""}`;
    const filling =
      score === null
        ? html``
        : html`<rect class="bar grade-${grade ?? "F"}" x="${BAR_LEFT}" y="${y}" width="${width}" height="22"></rect>`;
    return html`<text x="${BAR_LEFT - 8}" y="${y + 16}" text-anchor="end">${name}</text>
<rect class="${score === null ? "frame none" : "frame"}" x="${BAR_LEFT}" y="${y}" width="${BAR_WIDTH}" height="22"></rect>${filling}
<text x="${BAR_LEFT + BAR_WIDTH + 8}" y="${y + 16}">${text}</text>`;
  });
  const marks = [0, 50, 100].map((value) => {
    const x = BAR_LEFT + (value * BAR_WIDTH) / 100;
    return html`<text class="mark" x="${x}" y="${height - 4}" text-anchor="middle">${value}</text>`;
  });
  const summary = all.map((named) => `${named.name} ${scoreText(named)}`).join(", ");
  return html`<svg role="img" aria-label="Scores: ${summary}" viewBox="0 0 440 ${height}" preserveAspectRatio="xMinYMin meet">${bars}${marks}</svg>`;
}

/** Hidden until the script shows it: without it there is nothing to filter by. */
function filters(): Html {
  return html`<form id="filters" hidden aria-label="What to show">
${choices("status", ["fail", "waived"])}
${choices("severity", SEVERITIES)}
${choices("pillar", PILLARS)}
<label class="search">Text <input type="search" id="text" autocomplete="off"></label>
</form>`;
}

function choices(name: string, values: readonly string[]): Html {
  return html`<fieldset><legend>${name}</legend>${values.map((value) => html`<label><input type="checkbox" name="${name}" value="${value}" checked> ${value}</label>`)}</fieldset>`;
}

function group({ check, title, severity, findings }: FindingGroup): Html {
  const [first] = findings;
  if (first === undefined) return html``;
  return html`<section class="check"><h3 id="check-${check}">${badge(severity)} <span class="id">${check}</span> ${title}</h3>
<p>${first.why}</p>
<p><strong>Remedy:</strong> ${first.remedy}</p>
${references(first)}
<ul class="objects">${findings.map(finding)}</ul></section>`;
}

function badge(word: string): Html {
  return html`<span class="badge ${word}">${word}</span>`;
}

function references({ references: { manual, cis, stig, other }, pillar }: DocumentFinding): Html {
  const parts = [
    `pillar ${pillar}`,
    ...(cis ? [`CIS ${cis.join(", ")}`] : []),
    ...(stig ? [`STIG ${stig.join(", ")}`] : []),
    ...(manual ? [`PostgreSQL manual: ${manual.join(", ")}`] : []),
    ...(other ?? []),
  ];
  return html`<p class="sources">${parts.join(" · ")}</p>`;
}

function finding(one: DocumentFinding): Html {
  const { object, database, evidence, severity, status, pillar, place, waiver, known, fingerprint, fix } = one;
  return html`<li class="finding" data-status="${status}" data-severity="${severity}" data-pillar="${pillar}">
<p><strong class="object">${object}</strong>${database === null ? "" : html` <span>in database ${database}</span>`} ${badge(severity)}${status === "waived" ? html` ${badge("waived")}` : ""}</p>
<p class="evidence">${evidence}${place === null ? "" : html` <span class="place">${place.file}:${place.line}</span>`}</p>
${waiver === null ? "" : html`<p class="waiver">${waiverText(waiver)}</p>`}
${fix === null ? "" : fixBlock(fix)}
<p class="id">id ${fingerprint}${known === true ? ", in the baseline" : ""}</p></li>`;
}

function fixBlock(fix: DocumentFix): Html {
  const lines = fixCode(fix);
  const place = fixPlace(fix);
  const risk = fixRisk(fix);
  return html`<div class="fix"><p><strong>Fix</strong>${risk === "" ? "" : `: ${risk}`}${place === undefined ? "" : html`<br>${place}`}</p>${lines.length === 0 ? "" : code(lines)}</div>`;
}

/** Lines to copy. The button is shown by the script. */
function code(lines: readonly string[]): Html {
  return html`<div class="code"><pre><code>${lines.join("\n")}</code></pre><button type="button" class="copy" hidden>Copy</button></div>`;
}

function unknown(unknowns: readonly DocumentUnknown[]): Html {
  if (unknowns.length === 0) return html``;
  return html`<section id="unknown" aria-labelledby="unknown-head"><h2 id="unknown-head">Unknown</h2>
<p>Not good and not bad: these checks have no answer.</p>
<div class="wide" role="region" aria-label="Checks without an answer" tabindex="0"><table><caption>Checks without an answer</caption>
<thead><tr>${["check", "severity", "database", "reason", "what would answer"].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${unknowns.map(unknownRow)}</tbody></table></div></section>`;
}

function unknownRow(one: DocumentUnknown): Html {
  const { check, title, severity, pillar, database, reason } = one;
  return html`<tr data-severity="${severity}" data-pillar="${pillar}"><th scope="row"><span class="id">${check}</span> ${title}</th><td>${severity}</td><td>${database ?? "the cluster"}</td><td>${reason}</td><td>${answerText(one) ?? "nothing that can be granted"}</td></tr>
`;
}

function checks({ checks: all }: AuditDocument): Html {
  return html`<section aria-labelledby="checks-head"><h2 id="checks-head">All checks</h2><details><summary>${counted(all.length, "check")} took part</summary>
<div class="wide" role="region" aria-label="Checks as a table" tabindex="0"><table><caption>Every check of this audit</caption>
<thead><tr>${["check", "pillar", "severity", "status", "findings", "reason"].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${all.map(
    ({ check, title, pillar, severity, status, findings, reason }) =>
      html`<tr><th scope="row"><span class="id">${check}</span> ${title}</th><td>${pillar}</td><td>${severity}</td><td>${status.replace("_", " ")}</td><td>${findings}</td><td>${reason ?? ""}</td></tr>
`,
  )}</tbody></table></div></details></section>`;
}
