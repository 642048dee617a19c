/**
 * How a deploy looks: the reference's lines, in its order, and between them our own where a person reads along.
 *
 * Pipelines compare the reference's lines, so those never change. Ours (time per file, tests, what to do next) appear
 * on a terminal or with --verbose, and never under the name "pgmi".
 */
import { styleText } from "node:util";
import type { PgkeepError } from "../../base/errors.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import type { DeployReport } from "../../deploy/run/report.ts";
import { defineRenderer, type View } from "../renderer.ts";
import { reportFormats } from "./deploy-formats.ts";

export default defineRenderer<DeployReport>({
  result: () => "",
  progress: (event, view) => deployProgress(event, view),
  summary: (report, view) => summaryLine(report, view),
  failureSummary: (error, view) => failureLine(error, view),
  formats: reportFormats((report: DeployReport) => report),
});

/** The line of one progress event of a deploy or a test run. */
export function deployProgress(event: ProgressEvent, view: View): string | undefined {
  if (view.quiet && event.type !== "deploy.interrupted") return undefined;
  const database = `"${tameLine(String(event.database))}"`;
  switch (event.type) {
    case "connect.retrying":
      return retryLine(event, view);
    case "database.creating":
      return `Database ${database} does not exist; creating`;
    case "database.overwrite_forced":
      return `${event.banner ? "WARNING: everything in the database is lost\n" : ""}--force: dropping and recreating ${database}`;
    case "database.recreated":
      return `Recreated database ${database}`;
    case "deploy.preparing":
      return "Preparing session: scanning files, loading parameters";
    case "deploy.files_loaded":
      return `Loaded ${event.count} files`;
    case "deploy.parameters_loaded":
      return `Loaded ${event.count} parameters`;
    case "deploy.executing":
      return "Executing deploy.sql";
    case "deploy.notice":
      return noticeText(event, view);
    case "deploy.interrupted":
      return "interrupted, cancelling deployment...";
    case "database.overwrite_warning":
      return `WARNING: --overwrite drops database ${database} and everything in it`;
    case "database.overwrite_countdown":
      return `dropping ${database} in ${event.seconds_left} s, Ctrl-C keeps it`;
    case "deploy.verbose":
      return view.verbose ? `[VERBOSE] ${tameLine(String(event.message))}` : undefined;
    case "deploy.file_done":
      return isChatty(view) ? fileLine(event) : undefined;
    case "deploy.tests_done":
      return isChatty(view) ? testsLine(event) : undefined;
    case "deploy.access_held":
      return isChatty(view) ? accessLine(event) : undefined;
    default:
      return undefined;
  }
}

/** A wait for a server that does not answer is long, so it is always told; quick refusals only with --verbose. */
function retryLine({ code, message, attempt }: ProgressEvent, view: View): string | undefined {
  const text = `${tameLine(String(message))}; trying again (${attempt})`;
  if (view.verbose) return `[VERBOSE] ${text}`;
  return view.program !== "pgmi" && code === "CONNECT_TIMEOUT" ? text : undefined;
}

/** Our own lines are for people: on a terminal, or asked for. */
function isChatty(view: View): boolean {
  return view.program !== "pgmi" && (view.isTerminal || view.verbose);
}

/** Message, DETAIL and HINT as the reference prints them; foreign text never looks like a line of ours. */
function noticeText(event: ProgressEvent, view: View): string {
  const clock = view.verbose ? `[${seconds(view.elapsedMs)}s] ` : "";
  const lines = [`${clock}${noticeLines(event.message)}`];
  if (event.detail) lines.push(`DETAIL: ${noticeLines(event.detail)}`);
  if (event.hint) lines.push(`HINT: ${noticeLines(event.hint)}`);
  return lines.join("\n");
}

/** A notice of several lines keeps them, each tamed. */
function noticeLines(text: unknown): string {
  return String(text)
    .split(/\r\n|\n/)
    .map((line) => tameLine(line))
    .join("\n");
}

/** 32: wide enough for most paths, so that the times stand in one column. */
const NAME_COLUMNS = 32;

function fileLine({ path, ms }: ProgressEvent): string {
  return `  ${tameLine(String(path).replace(/^\.\//, "")).padEnd(NAME_COLUMNS)} ${thousands(ms)} ms`;
}

function testsLine({ passed, failed, ms }: ProgressEvent): string {
  const time = typeof ms === "number" ? `, ${thousands(ms)} ms` : "";
  return `  ${"tests".padEnd(NAME_COLUMNS)} ${passed} passed, ${failed} failed${time}`;
}

/** The gate that the access model is: what was tried, what the catalog answered. */
function accessLine({ pass, computed, unknown }: ProgressEvent): string {
  const open = Number(unknown) > 0 ? `, ${thousands(unknown)} unknown` : "";
  return `  ${"access".padEnd(NAME_COLUMNS)} ${thousands(pass)} passed, ${thousands(computed)} computed${open}`;
}

function thousands(ms: unknown): string {
  return Math.round(Number(ms)).toLocaleString("en-US");
}

/** `✓ shop: 42 files loaded, 1 test macro expanded in 0.61s` */
function summaryLine(report: DeployReport, view: View): string {
  const macros = report.testMacros ?? 0;
  const noun = view.program === "pgmi" ? "test macro(s)" : macros === 1 ? "test macro" : "test macros";
  const expanded = macros > 0 ? `, ${macros} ${noun} expanded` : "";
  const text = `${tameLine(report.database ?? "")}: ${report.filesLoaded ?? 0} files loaded${expanded} in ${seconds(report.durationMs ?? 0)}s`;
  return `${sign(true, view)} ${text}`;
}

/** `✗ shop: failed after 0.61s (unit 3 of 5 failed; 2 earlier unit(s) already committed)`; only once the deploy began. */
function failureLine(error: PgkeepError, view: View): string | undefined {
  const { data } = error.parts;
  if (data?.filesLoaded === undefined || typeof data.durationMs !== "number") return undefined;
  const { failedUnit } = failureUnits(data);
  const units = failedUnit
    ? ` (unit ${failedUnit} of ${data.executionUnits} failed; ${data.unitsCommitted} earlier unit(s) already committed)`
    : "";
  return `${sign(false, view)} ${tameLine(String(data.database))}: failed after ${seconds(data.durationMs)}s${units}`;
}

/** The failed unit's number, when at least one unit before it had completed. */
function failureUnits(data: Readonly<Record<string, unknown>>): { failedUnit: number | undefined } {
  const { unitsCompleted, executionUnits } = data;
  if (typeof unitsCompleted !== "number" || typeof executionUnits !== "number") return { failedUnit: undefined };
  const failed = unitsCompleted > 0 && unitsCompleted < executionUnits;
  return { failedUnit: failed ? unitsCompleted + 1 : undefined };
}

function sign(ok: boolean, view: View): string {
  if (view.ascii) return ok ? "ok" : "FAILED";
  const mark = ok ? "✓" : "✗";
  return view.colour ? styleText(ok ? "green" : "red", mark, { validateStream: false }) : mark;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}
