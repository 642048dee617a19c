/**
 * JUnit XML: one suite per pillar; one case per finding, one per check without any.
 *
 * A failed finding is a failure, an accepted one is skipped with its waiver, and a check without an answer is skipped with
 * the reason and counted as such, so that nobody reads it as passed.
 * Source: the schema of Jenkins' xUnit plug-in (test/fixtures/schemas), which knows no attribute for why a case is skipped.
 */
import { tameLine } from "../../base/tame.ts";
import { xmlText } from "../../base/xml-text.ts";
import type { AuditDocument } from "../report/document.ts";
import { type AuditFailure, defineAuditReporter } from "./reporter.ts";
import {
  answerText,
  type DocumentFinding,
  type DocumentUnknown,
  fixCode,
  notesOf,
  objectText,
  waiverText,
} from "./wording.ts";

interface Case {
  name: string;
  className: string;
  /** The element inside of the case, made here. */
  body: string;
  result: "passed" | "failed" | "skipped" | "error";
}

export default defineAuditReporter({
  summary: "JUnit XML, one suite per pillar",
  render: (document) =>
    junitText(
      document.pillars.map(({ pillar }, id) =>
        suite({ id, name: pillar, at: document.observed_at, cases: casesOf(document, pillar), document }),
      ),
    ),
  renderFailure: (failure) =>
    junitText([suite({ id: 0, name: "audit", at: undefined, cases: [failedRun(failure)], document: undefined })]),
});

function junitText(suites: readonly string[]): string {
  return ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", ...suites, "</testsuites>", ""].join("\n");
}

interface Suite {
  id: number;
  name: string;
  /** undefined: nothing was observed. */
  at: string | undefined;
  cases: readonly Case[];
  document: AuditDocument | undefined;
}

function suite({ id, name, at = "1970-01-01T00:00:00.000Z", cases, document }: Suite): string {
  const count = (result: Case["result"]): number => cases.filter((one) => one.result === result).length;
  const counts = `tests="${cases.length}" failures="${count("failed")}" errors="${count("error")}" skipped="${count("skipped")}"`;
  const host = document?.target?.host ?? "localhost";
  // Readers know times without a zone only; this one is UTC.
  const head = `<testsuite id="${id}" package="pgkeep.audit" name="${xmlText(name)}" timestamp="${at.slice(0, 19)}" hostname="${xmlText(host)}" ${counts} time="0">`;
  const notes = document && id === 0 ? notesOf(document).join("\n") : "";
  return [
    `  ${head}`,
    ...properties(document),
    ...cases.map(caseText),
    `    <system-out>${xmlText(notes)}</system-out>`,
    "    <system-err></system-err>",
    "  </testsuite>",
  ].join("\n");
}

function properties(document: AuditDocument | undefined): string[] {
  if (document === undefined) return [];
  const { profile, target } = document;
  const pairs = [
    ["profile", profile],
    ["database", target?.database ?? "none"],
    ["server_version", target?.server_version ?? "none"],
  ] as const;
  const lines = pairs.map(([name, value]) => `      <property name="${name}" value="${xmlText(value)}"></property>`);
  return ["    <properties>", ...lines, "    </properties>"];
}

function caseText({ name, className, body }: Case): string {
  const head = `    <testcase name="${xmlText(name)}" classname="${xmlText(className)}" time="0"`;
  return body === "" ? `${head}></testcase>` : `${head}>${body}</testcase>`;
}

function casesOf({ findings, unknowns, checks }: AuditDocument, pillar: DocumentFinding["pillar"]): Case[] {
  const isOwn = (each: { pillar: string }): boolean => each.pillar === pillar;
  return [
    ...findings.filter(isOwn).map(findingCase),
    ...unknowns.filter(isOwn).map(unknownCase),
    ...checks.filter(isOwn).flatMap(quietCase),
  ];
}

const classOf = (pillar: string, check: string): string => `pgkeep.audit.${pillar}.${check}`;

function findingCase(finding: DocumentFinding): Case {
  const { check, title, pillar, waiver, severity } = finding;
  const own = {
    name: `${check} ${title}: ${objectText(finding)} [${finding.fingerprint}]`,
    className: classOf(pillar, check),
  };
  if (waiver !== null) return { ...own, ...skipped(waiverText(waiver)) };
  const message = `${severity}: ${title}: ${objectText(finding)} (${finding.evidence})`;
  const body = `<failure message="${xmlText(tameLine(message))}" type="${severity}">${xmlText(detailText(finding))}</failure>`;
  return { ...own, body, result: "failed" };
}

function detailText({ evidence, why, remedy, fix, check }: DocumentFinding): string {
  const lines = fix === null ? [] : ["fix:", ...fixCode(fix).map((line) => `  ${line}`)];
  return [`evidence: ${evidence}`, `why: ${why}`, `remedy: ${remedy}`, ...lines, `pgkeep explain ${check}`].join("\n");
}

function unknownCase(unknown: DocumentUnknown): Case {
  const { check, title, pillar, database, reason } = unknown;
  const place = database === null ? "" : ` in database ${database}`;
  const answer = answerText(unknown);
  return {
    name: `${check} ${title}${place}`,
    className: classOf(pillar, check),
    ...skipped(`unknown: ${reason}${answer === undefined ? "" : `; ${answer}`}`),
  };
}

/** Checks of which no finding and no unknown place tells already. */
function quietCase({ check, title, pillar, status, reason }: AuditDocument["checks"][number]): Case[] {
  const own = { name: `${check} ${title}`, className: classOf(pillar, check) };
  if (status === "pass") return [{ ...own, body: "", result: "passed" }];
  if (status === "not_applicable") return [{ ...own, ...skipped(`not applicable: ${reason ?? "no reason is known"}`) }];
  return [];
}

function skipped(message: string): Pick<Case, "body" | "result"> {
  return { body: `<skipped>${xmlText(tameLine(message))}</skipped>`, result: "skipped" };
}

function failedRun({ code, message, detail, hint }: AuditFailure): Case {
  const text = [message, detail, hint].filter((part) => part !== undefined).join("\n");
  const body = `<error message="${xmlText(tameLine(message))}" type="${xmlText(code)}">${xmlText(text)}</error>`;
  return { name: "audit", className: "pgkeep.audit", body, result: "error" };
}
