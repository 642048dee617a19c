/**
 * Runs one operation for the command line: world in, text out, exit status back.
 *
 * The order is fixed. Outputs are planned before anything starts, so that a wrong flag costs nothing. Progress goes to
 * stderr while the operation runs. The result is printed in every format asked for, then the summary, and the status is
 * the same whatever the formats are. A failure takes the same way: its documents first, the text for people last.
 */
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { redactCredentials } from "../base/credentials.ts";
import { parseDurationMs } from "../base/duration.ts";
import { EXIT, PgkeepError } from "../base/errors.ts";
import type { Operation, OperationContext, ProgressEvent } from "../base/operation.ts";
import { registerSecret, scrub } from "../base/secrets.ts";
import { tameLine } from "../base/tame.ts";
import { captureEnvironment, registerConnectionString } from "../config/environment.ts";
import { checkOutputFile, writeOutputFile } from "../config/output-file.ts";
import { runOperation as callOperation, loadOperation } from "../operations/call.ts";
import { placeFlags } from "../pg/connect/place.ts";
import type { ParsedCommand } from "./arguments.ts";
import { asciiText } from "./ascii.ts";
import { crashOf } from "./crash.ts";
import { Deadline } from "./deadline.ts";
import { bareFailure, type Ending, envelope, type Target } from "./documents.ts";
import { errorJson, errorText } from "./error-text.ts";
import { type OutputPlan, planOutputs } from "./formats.ts";
import { hostProcess } from "./host-process.ts";
import type { Invocation } from "./invocation.ts";
import { isShown, levelOf, logLine } from "./log-line.ts";
import { jsonText } from "./output.ts";
import type { Renderer, View } from "./renderer.ts";
import { stdinReader } from "./stdin.ts";
import { isInteractive, standardTerminals, type ViewOptions, viewOf } from "./terminal.ts";

/** Everything one run carries along. */
interface Run {
  invocation: Invocation;
  parsed: ParsedCommand;
  plan: OutputPlan;
  renderer: Renderer<unknown>;
  viewOptions: ViewOptions;
  startedMs: number;
  target: Target | undefined;
  warnings: string[];
  eventCount: number;
  context: OperationContext;
}

/** How the operation ended: exactly one of the two is there. */
interface Outcome {
  output?: unknown;
  error?: PgkeepError;
  exitCode: number;
}

export async function runOperation(invocation: Invocation, parsed: ParsedCommand): Promise<number> {
  const environment = captureEnvironment();
  registerArgumentSecrets(parsed.input);
  invocation.output.isAsciiOnly = parsed.globals.ascii;
  const plan = planOutputs(parsed.command, parsed.globals);
  for (const { path } of plan.files) checkOutputFile(resolve(path));
  checkFields(parsed);
  const deadline = new Deadline(timeoutMs(parsed));
  const run = await prepare(invocation, { parsed, plan, environment, signal: deadline.signal });
  try {
    const outcome = await outcomeOf(run);
    return await finish(run, outcome);
  } finally {
    deadline.end();
  }
}

/** A password inside `--connection` is a secret before anyone has parsed it, and so is a parameter that says so. */
function registerArgumentSecrets(input: Readonly<Record<string, unknown>>): void {
  for (const value of Object.values(input)) {
    if (typeof value === "string") registerConnectionString(value);
    if (!Array.isArray(value)) continue;
    for (const item of value) {
      const equals = typeof item === "string" ? item.indexOf("=") : -1;
      if (equals > 0 && SECRET_KEY.test(item.slice(0, equals))) registerSecret(item.slice(equals + 1));
    }
  }
}

const SECRET_KEY = /password|secret|token|key|credential|auth/i;

function timeoutMs({ command, globals }: ParsedCommand): number {
  if (command.ownTimeout || globals.timeout === undefined) return 0;
  const ms = parseDurationMs(globals.timeout) ?? 0;
  if (ms >= 0) return ms;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the timeout is not a duration of zero or more", {
    hint: "Write it with units, such as 90s or 1m30s; 0 is no limit.",
    state: "nothing was started",
  });
}

interface Preparation {
  parsed: ParsedCommand;
  plan: OutputPlan;
  environment: OperationContext["environment"];
  signal: AbortSignal;
}

async function prepare(invocation: Invocation, { parsed, plan, environment, signal }: Preparation): Promise<Run> {
  const terminals = standardTerminals();
  const interactive = isInteractive(terminals, environment, parsed.globals.noInput);
  const run: Run = {
    invocation,
    parsed,
    plan,
    renderer: await rendererOf(parsed.command.operation ?? ""),
    viewOptions: {
      program: invocation.program,
      globals: parsed.globals,
      environment,
      terminals,
      place: placeOf(parsed),
    },
    startedMs: systemClock.monotonicMs(),
    target: undefined,
    warnings: [],
    eventCount: 0,
    context: {
      environment,
      workingDirectory: process.cwd(),
      clock: systemClock,
      signal,
      report: (event) => report(run, event),
      readStdin: stdinReader(signal),
      process: hostProcess(),
      recordsRuns: invocation.program !== "pgmi",
      prompt: interactive ? (await import("./prompter.ts")).clackPrompter(signal) : undefined,
    },
  };
  return run;
}

const placeOf = ({ input }: ParsedCommand): string =>
  placeFlags(input)
    .map((flag) => ` ${flag}`)
    .join("");

async function rendererOf(operation: string): Promise<Renderer<unknown>> {
  const { index } = await import("./renderers/index.ts");
  const load: unknown = Object.hasOwn(index, operation) ? Reflect.get(index, operation) : undefined;
  if (typeof load !== "function") return {};
  // The catalogue pairs each renderer with the operation of its name, which TypeScript cannot follow through a lookup.
  const loaded: { default: Renderer<unknown> } = await load();
  return loaded.default;
}

const view = (run: Run, stream: "stdout" | "stderr"): View =>
  viewOf(stream, run.viewOptions, systemClock.monotonicMs() - run.startedMs);

function report(run: Run, event: ProgressEvent): void {
  const { parsed, plan } = run;
  if (plan.stdout === "ndjson") writeEvent(run, event);
  if (plan.stdout === "human" && streamed(run, event)) return;
  if (event.type === "connected") run.target = targetOf(event);
  const warning = event.type === "warning" && typeof event.message === "string" ? event.message : undefined;
  if (warning !== undefined) run.warnings.push(warning);
  if (parsed.globals.logFormat === "json") logEvent(run, event);
  else if (warning !== undefined) sayWarning(run, warning, event.id !== undefined);
  else if (isShown(levelOf(event), textLevel(run))) sayProgress(run, event);
}

/** Whether the event was a line of the result, which is then written. */
function streamed(run: Run, event: ProgressEvent): boolean {
  const line = run.renderer.stream?.(event, view(run, "stdout"));
  if (line === undefined) return false;
  const text = scrub(`${line}\n`);
  run.invocation.output.send(run.parsed.globals.ascii ? asciiText(text) : text);
  return true;
}

/** Renderers decide about what is only of interest when something is looked for. */
const textLevel = ({ parsed }: Run): "warn" | "debug" => (parsed.globals.quiet ? "warn" : "debug");

/** Warnings with an id are of our own making; under the reference's name they would be lines it does not print. */
function sayWarning({ invocation, parsed }: Run, message: string, isOurOwn: boolean): void {
  const { output, program } = invocation;
  if (parsed.globals.logLevel === "error" || (program === "pgmi" && isOurOwn && !parsed.globals.verbose)) return;
  output.say(`${program}: warning: ${tameWarning(message)}`);
}

function sayProgress(run: Run, event: ProgressEvent): void {
  const line = run.renderer.progress ? run.renderer.progress(event, view(run, "stderr")) : genericProgress(run, event);
  if (line !== undefined) run.invocation.output.say(line);
}

/** The event as a line of the log, when its level is wanted. */
function logEvent({ invocation, parsed }: Run, event: ProgressEvent): void {
  const { logLevel, quiet, verbose } = parsed.globals;
  const level = levelOf(event);
  const limit = logLevel ?? (quiet ? "warn" : verbose ? "debug" : "info");
  if (isShown(level, limit)) invocation.output.log(logLine(systemClock.now(), level, event));
}

/** One line of the ndjson stream. */
function writeEvent(run: Run, event: ProgressEvent): void {
  const { type, ...fields } = event;
  run.invocation.output.json({ t: systemClock.now().toISOString(), seq: run.eventCount++, type, ...fields });
}

const tameWarning = (message: string): string => tameLine(redactCredentials(message));

function targetOf(event: ProgressEvent): Target {
  const text = (name: string): string => (typeof event[name] === "string" ? event[name] : "");
  const { tls } = event;
  return {
    host: text("host"),
    port: typeof event.port === "number" ? event.port : null,
    database: text("database"),
    user: text("user"),
    server_version: text("server_version") || null,
    tls: isTls(tls) ? { protocol: tls.protocol, verified: tls.verified } : null,
  };
}

function isTls(value: unknown): value is { protocol: string; verified: boolean } {
  return typeof value === "object" && value !== null && "protocol" in value && "verified" in value;
}

/** Runs the operation. What it throws becomes a failure with a code; what is no failure of ours becomes a crash. */
async function outcomeOf(run: Run): Promise<Outcome> {
  try {
    const operation = await loadOperation(run.parsed.command.operation ?? "");
    const input = await validated(operation, run.parsed);
    const output = await callOperation(operation, input, run.context);
    return { output, exitCode: operation.exitCode?.(output) ?? EXIT.ok };
  } catch (thrown) {
    const error = failureOf(thrown, run);
    return { error, exitCode: error.exit };
  }
}

async function validated(operation: Operation, { command, input }: ParsedCommand): Promise<Record<string, unknown>> {
  if (command.validate === "table") return input;
  const { parseInput } = await import("../operations/validate.ts");
  return parseInput(operation, input);
}

function failureOf(thrown: unknown, { invocation, parsed }: Run): PgkeepError {
  if (thrown instanceof PgkeepError) return thrown;
  return crashOf(thrown, { command: parsed.command.words, version: invocation.manifest.version });
}

/** Prints the outcome everywhere it was asked for. Only failing to write can still change the exit status. */
async function finish(run: Run, outcome: Outcome): Promise<number> {
  let { exitCode } = outcome;
  try {
    await writeDocuments(run, outcome);
  } catch (thrown) {
    const state = `the command itself ended with status ${exitCode}`;
    const error = failureOf(thrown, run).with({ state });
    sayError(run, error);
    if (exitCode === EXIT.ok) exitCode = error.exit;
  }
  sayEnding(run, outcome);
  return exitCode;
}

async function writeDocuments(run: Run, outcome: Outcome): Promise<void> {
  const { plan } = run;
  for (const { format, path } of plan.files) {
    const text = await textOf(run, outcome, format);
    writeOutputFile(resolve(run.context.workingDirectory, path), text);
  }
  const text = plan.stdout === "ndjson" ? ndjsonEnd(run, outcome) : await textOf(run, outcome, plan.stdout);
  if (plan.stdout === "human" && (await isPaged(run, text))) return;
  run.invocation.output.send(text);
}

/** Whether a person has seen `text` in a pager. Only long results of commands that change nothing are paged. */
async function isPaged({ context, parsed, viewOptions }: Run, text: string): Promise<boolean> {
  if (!context.prompt || parsed.command.effects !== "read") return false;
  const { isLong, page, pagerOf } = await import("./pager.ts");
  if (!isLong(text, viewOptions.terminals.rows)) return false;
  const command = pagerOf(context.environment);
  return command !== undefined && page(text, command);
}

function ndjsonEnd(run: Run, { output, error, exitCode }: Outcome): string {
  const line = (type: string, fields: Record<string, unknown>): string =>
    `${jsonText({ t: systemClock.now().toISOString(), seq: run.eventCount++, type, ...fields })}\n`;
  const result = error ? line("error", { error: errorJson(error) }) : line("result", { data: output });
  return result + line("end", { exit_code: exitCode });
}

/** The outcome in one format, scrubbed. */
async function textOf(run: Run, outcome: Outcome, format: string): Promise<string> {
  const { output, error } = outcome;
  if (format === "json") return `${jsonText(documentOf(run, outcome), 2)}\n`;
  if (format !== "human") {
    const render = run.renderer.formats?.[format];
    if (render) return scrub(await render(output, error));
    throw new PgkeepError("USAGE_ARGUMENTS", `this command has no format "${format}"`, {
      hint: "Use --format json, which every command has.",
    });
  }
  if (error) return "";
  const text = scrub(await humanText(run, output));
  return run.parsed.globals.ascii ? asciiText(text) : text;
}

async function humanText(run: Run, output: unknown): Promise<string> {
  if (run.renderer.result && run.parsed.globals.fields === undefined)
    return run.renderer.result(output, view(run, "stdout"));
  const { genericText } = await import("./generic-text.ts");
  return genericText(selectFields(run.parsed, output), view(run, "stdout"));
}

function documentOf(run: Run, { output, error, exitCode }: Outcome): unknown {
  const { command } = run.parsed;
  if (command.json === "bare") return error ? bareFailure(error, exitCode) : selectFields(run.parsed, output);
  const ending: Ending = {
    command: command.words,
    exitCode,
    observedAt: systemClock.now(),
    version: run.invocation.manifest.version,
    target: run.target,
    warnings: run.warnings,
    data: error ? undefined : selectFields(run.parsed, output),
    error,
  };
  return envelope(ending);
}

const wantedFields = (fields: string): string[] => fields.split(",").map((name) => name.trim());

/** Throws USAGE_ARGUMENTS when `--fields` names a column the command's list does not have. */
function checkFields({ command: { list }, globals: { fields } }: ParsedCommand): void {
  if (fields === undefined || list === undefined) return;
  if (wantedFields(fields).every((name) => list.columns.includes(name.split(".")[0] ?? ""))) return;
  throw new PgkeepError("USAGE_ARGUMENTS", "--fields names an unknown column", {
    hint: `Known: ${list.columns.join(", ")}.`,
  });
}

/** Keeps the columns of `--fields`, in that order, in the output's list. */
function selectFields({ command, globals }: ParsedCommand, output: unknown): unknown {
  const { list } = command;
  if (globals.fields === undefined || list === undefined || !isRecord(output)) return output;
  const wanted = wantedFields(globals.fields);
  const rows = output[list.field];
  if (!Array.isArray(rows)) return output;
  return {
    ...output,
    [list.field]: rows.map((row) => Object.fromEntries(wanted.map((name) => [name, valueAt(row, name)]))),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function valueAt(row: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), row) ?? null;
}

function sayEnding(run: Run, { output, error, exitCode }: Outcome): void {
  const { invocation, renderer, parsed } = run;
  const isJson = run.plan.stdout === "json";
  const isLog = parsed.globals.logFormat === "json";
  const stderr = view(run, "stderr");
  if (error) {
    // The reference prints its summary line only when it prints no JSON.
    const summary = isJson || isLog || parsed.globals.quiet ? undefined : renderer.failureSummary?.(error, stderr);
    if (summary) invocation.output.say(summary);
    sayError(run, error);
    return;
  }
  if (isLog) logEvent(run, { type: "command.done", exit_code: exitCode });
  if (isJson || isLog || parsed.globals.quiet) return;
  const summary = renderer.summary?.(output, stderr);
  if (summary) invocation.output.say(summary);
}

function sayError({ invocation, parsed }: Run, error: PgkeepError): void {
  const { output, program } = invocation;
  if (parsed.globals.logFormat !== "json") {
    output.say(errorText(error, program));
    return;
  }
  const event = { type: "command.failed", exit_code: error.exit, error: errorJson(error) };
  output.log(logLine(systemClock.now(), "error", event));
}

/** Without a renderer only `--verbose` shows progress: the event's name and its fields. */
function genericProgress({ parsed }: Run, { type, ...fields }: ProgressEvent): string | undefined {
  if (!parsed.globals.verbose) return undefined;
  const shown = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return tameLine([type, ...shown].join(" "));
}
