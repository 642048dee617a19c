/** How probes look: failures first, each with what the server said and how to go on, then what is unknown, then counts. */
import { styleText } from "node:util";
import { shellWord } from "../../base/shell.ts";
import { tameLine } from "../../base/tame.ts";
import type { DeployReport, TestOutcome } from "../../deploy/run/report.ts";
import { tableLines } from "../generic-text.ts";
import type { View } from "../renderer.ts";

export interface ProbeText {
  row: number;
  role: string;
  action: string;
  object: string;
  schema?: string | undefined;
  expected: "allowed" | "refused" | "either";
  result: "pass" | "fail" | "unknown" | "computed";
  actual?: "allowed" | "refused" | undefined;
  sqlstate?: string | undefined;
  message?: string | undefined;
  reason?: string | undefined;
}

interface CountsText {
  pass: number;
  fail: number;
  unknown: number;
  computed: number;
}

export interface VerifyText {
  database: string;
  model: string;
  method: string;
  sample?: { size: number; seed: number } | undefined;
  counts: CountsText;
  matrix: readonly (CountsText & { role: string; schema?: string | undefined })[];
  probes: readonly ProbeText[];
  notes: readonly string[];
  strict: boolean;
  state: string;
}

/** 40: more failures than that have few causes, and the JSON has them all. */
const MAX_SHOWN = 40;

export function verifyText(output: VerifyText, view: View): string {
  const failed = output.probes.filter(({ result }) => result === "fail");
  const unknown = output.probes.filter(({ result }) => result === "unknown");
  return `${[
    ...probeLines(failed, view),
    ...probeLines(unknown, view),
    ...matrixLines(output, view),
    ...output.notes.map((note) => `note: ${tameLine(note)}`),
    countsLine(output, view),
    ...nextLines(output, failed, view.place ?? ""),
  ].join("\n")}\n`;
}

/** Failed and unknown probes, bounded. */
export function probeLines(probes: readonly ProbeText[], view: View): string[] {
  if (probes.length === 0) return [];
  const findings = findingsOf(probes);
  const shown = view.verbose ? findings : findings.slice(0, MAX_SHOWN);
  const rest = findings.slice(shown.length).flat().length;
  return [
    ...shown.flatMap((finding) => findingLines(finding, view)),
    ...(rest > 0 ? [`… ${rest} more (--verbose, or --json for all)`] : []),
    "",
  ];
}

/** Neighbours that differ only in what was done are one finding: select, insert, update and delete of one table. */
function findingsOf(probes: readonly ProbeText[]): ProbeText[][] {
  const findings: ProbeText[][] = [];
  for (const probe of probes) {
    const last = findings.at(-1);
    const [first] = last ?? [];
    if (last && first && sameButForTheDeed(first) === sameButForTheDeed(probe)) last.push(probe);
    else findings.push([probe]);
  }
  return findings;
}

const sameButForTheDeed = ({ row: _, action: __, ...rest }: ProbeText): string =>
  JSON.stringify(Object.entries(rest).sort(([one], [other]) => (one < other ? -1 : 1)));

function findingLines(finding: readonly ProbeText[], view: View): string[] {
  const [probe] = finding;
  if (!probe) return [];
  const what = `${roleText(probe.role)}: ${tameLine(deedsOf(finding))}`;
  const code = probe.sqlstate === undefined ? "" : ` (${tameLine(probe.sqlstate)})`;
  return [
    `${sign(probe.result, view)} ${what}   ${judgementText(finding)}`,
    ...(probe.message === undefined ? [] : [`    server: ${tameLine(probe.message)}${code}`]),
    ...reasonLines(probe),
  ];
}

/** What a role does is allowed or refused; what is a fact about it, as "policy own holds", is so or not. */
function judgementText(finding: readonly ProbeText[]): string {
  const [probe] = finding;
  if (!probe) return "";
  const { action, expected, actual = "unknown", result } = probe;
  if (action === "exist" || action.endsWith(" holds")) {
    return result === "fail" ? `must be so, is ${actual === "allowed" ? "so" : "not so"}` : "must be so, unknown";
  }
  const found = result === "fail" ? `${finding.length > 1 ? "are" : "is"} ${actual}` : "unknown";
  return `must be ${expected}, ${found}`;
}

/** The reason of an answer is why nothing was tried; without an answer, why there is none. */
function reasonLines({ result, reason }: ProbeText): string[] {
  if (reason === undefined) return [];
  return [`    ${result === "fail" ? "the catalog says so, nothing was tried: " : ""}${tameLine(reason)}`];
}

function deedsOf(finding: readonly ProbeText[]): string {
  const [first] = finding;
  if (!first) return "";
  if (finding.length === 1) return deedOf(first);
  const actions = finding.map(({ action }) => action).join(", ");
  return first.object === "server" ? actions : `${actions} on ${first.object}`;
}

/** "drop table" and "table app.orders" as people say it: "drop table app.orders"; of the server only what is done. */
function deedOf({ action, object }: ProbeText): string {
  if (object === "server") return action;
  const [kind = "", ...name] = object.split(" ");
  return name.length > 0 && action.endsWith(` ${kind}`) ? `${action} ${name.join(" ")}` : `${action} ${object}`;
}

function matrixLines({ matrix }: VerifyText, view: View): string[] {
  const rows = matrix.map(({ role, schema, pass, computed, fail, unknown }) => ({
    role: roleText(role),
    schema: schema === undefined ? "(server)" : tameLine(schema),
    pass,
    computed,
    fail,
    unknown,
  }));
  return rows.length === 0 ? [] : [...tableLines(rows, view), ""];
}

function countsLine({ database, counts, sample, state }: VerifyText, view: View): string {
  const { pass, fail, unknown, computed } = counts;
  const chosen = sample ? `; sample of ${sample.size} per schema and kind, --seed ${sample.seed}` : "";
  const text = `${tameLine(database)}: ${pass} passed, ${computed} computed from the catalog, ${fail} failed, ${unknown} unknown${chosen}; ${state}`;
  return `${sign(fail > 0 ? "fail" : unknown > 0 ? "unknown" : "pass", view)} ${text}`;
}

/** The plan knows the statements; verification only says that they are needed. */
function nextLines(
  { database, model, strict, counts }: VerifyText,
  failed: readonly ProbeText[],
  place: string,
): string[] {
  if (failed.length > 0) {
    const plan = `pgkeep access plan ${shellWord(model)}${place}`;
    // The model names the database, which a question without one has to.
    const where = place.includes(" -d ") ? place : `${place} -d ${shellWord(database)}`;
    return [`next: ${plan}        shows the statements that make it so`, ...whyLines(failed, where)];
  }
  if (strict && counts.unknown > 0)
    return ["next: verify as a superuser, or as a role that may become the roles of the model"];
  return [];
}

/** Privileges whose names are those of the probes, so that the question can be asked again with the paths as answer. */
const EXPLAINABLE = new Set(["select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"]);
const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/;

/** What is allowed although it must not be can come from where no plan reaches: superusers, memberships of others. */
function whyLines(failed: readonly ProbeText[], where: string): string[] {
  for (const { actual, action, role, object } of failed) {
    const [kind, name = "", ...more] = object.split(" ");
    const isPlain = [role || "public", ...name.split(".")].every((part) => PLAIN_NAME.test(part));
    if (actual !== "allowed" || kind !== "table" || more.length > 0 || !EXPLAINABLE.has(action) || !isPlain) continue;
    return [`      pgkeep access explain ${role || "public"} ${action} ${name}${where}        says why it is allowed`];
  }
  return [];
}

const SIGNS = {
  pass: ["✓", "ok", "green"],
  computed: ["✓", "ok", "green"],
  fail: ["✗", "FAILED", "red"],
  unknown: ["?", "?", "yellow"],
} as const;

function sign(result: ProbeText["result"], view: View): string {
  const [mark, word, colour] = SIGNS[result];
  if (view.ascii) return word;
  return view.colour ? styleText(colour, mark, { validateStream: false }) : mark;
}

const roleText = (role: string): string => (role === "" ? "PUBLIC" : tameLine(role));

/** Probes as test cases, for the report formats: one directory per role and schema. */
export function reportOfProbes(output: VerifyText): DeployReport {
  const { fail, unknown } = output.counts;
  const isFailed = fail > 0 || (output.strict && unknown > 0);
  return {
    status: isFailed ? "failed" : "success",
    exitCode: fail > 0 ? 20 : isFailed ? 21 : 0,
    database: output.database,
    script: output.model,
    tests: output.probes.map(testOf),
    state: output.state,
    ...(isFailed ? { error: `${fail} probes failed, ${unknown} are unknown` } : {}),
  };
}

const RESULTS = { pass: "passed", computed: "passed", fail: "failed", unknown: "skipped" } as const;

function testOf(probe: ProbeText): TestOutcome {
  const expected = probe.expected === "either" ? "" : `: ${probe.expected}`;
  const name = `${deedOf(probe)}${expected}`;
  const parts = [probe.role === "" ? "PUBLIC" : probe.role, probe.schema ?? "(server)", name];
  const message = [
    ...(probe.result === "fail" ? [`must be ${probe.expected}, is ${probe.actual ?? "unknown"}`] : []),
    ...(probe.message === undefined ? [] : [`${probe.message}${probe.sqlstate ? ` (${probe.sqlstate})` : ""}`]),
    ...(probe.reason === undefined ? [] : [probe.reason]),
  ].join("; ");
  return {
    path: `./${parts.map((part) => part.replaceAll("/", "%2F")).join("/")}`,
    name,
    result: RESULTS[probe.result],
    ...(message === "" || probe.result === "pass" ? {} : { message }),
  };
}
