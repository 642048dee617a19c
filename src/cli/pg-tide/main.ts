/**
 * pg_tide's command line over our operations: its grammar, its envelope, its codes, its three exit statuses.
 *
 * Everything is done by the same operations as under our own name. What is different is only how a call is written and
 * how an answer looks.
 */
import { systemClock } from "../../base/clock.ts";
import { redactCredentials } from "../../base/credentials.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ProgressEvent } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { captureEnvironment, registerConnectionString } from "../../config/environment.ts";
import { catalogueEntry, machineCodeOf } from "../../relay/observe/error-catalogue.ts";
import { crashOf } from "../crash.ts";
import { Deadline } from "../deadline.ts";
import { hostProcess } from "../host-process.ts";
import type { Invocation } from "../invocation.ts";
import { isShown, levelOf, logLine } from "../log-line.ts";
import { jsonText } from "../output.ts";
import relayRun from "../renderers/relay.run.ts";
import { runCommand } from "./commands.ts";
import { helpText, readCall, type TideCall, TideUsageError } from "./grammar.ts";
import { readSettings, type TideSettings } from "./settings.ts";
import { type Answer, TideFailure } from "./work.ts";

const OK = 0;
const FAILED = 1;
const USAGE = 2;

/** Runs one call. Returns 0, 1 or 2. */
export async function runPgTide(invocation: Invocation): Promise<number> {
  const { words, output } = invocation;
  for (const word of words) registerConnectionString(word.replace(/^--[a-z-]+=/, ""));
  const environment = captureEnvironment();
  let call: TideCall | undefined;
  let settings: TideSettings | undefined;
  const deadline = new Deadline(0);
  try {
    call = readCall(words);
    if (call.values.get("help") === true) return print(invocation, helpText());
    if (call.values.get("version") === true)
      return print(invocation, `pg-tide ${invocation.manifest.version} (pgkeep)\n`);
    settings = await readSettings({ flags: settingFlags(call), environment, workingDirectory: process.cwd() });
    const context = contextOf(invocation, { settings, environment, signal: deadline.signal });
    for (const message of settings.warnings) context.report({ type: "warning", message });
    const answer = await runCommand(call, settings, context);
    output.send(settings.output === "json" ? envelopeText(call, answer) : answer.text);
    return answer.ok ? OK : (answer.exitCode ?? FAILED);
  } catch (error) {
    return fail(invocation, { error, call, isJson: wantsJson(words) });
  } finally {
    deadline.end();
  }
}

function print({ output }: Invocation, text: string): number {
  output.result(text);
  return OK;
}

/** Also known when the call itself could not be read. */
const wantsJson = (words: readonly string[]): boolean =>
  words.some((word, index) => word === "--output=json" || (word === "--output" && words[index + 1] === "json"));

/** The file that is migrated is of an older form and gives no settings. */
function settingFlags({ command, values }: TideCall): TideCall["values"] {
  if (command.words !== "migrate-config") return values;
  return new Map([...values].filter(([name]) => name !== "config"));
}

interface Surroundings {
  settings: TideSettings;
  environment: OperationContext["environment"];
  signal: AbortSignal;
}

function contextOf(invocation: Invocation, { settings, environment, signal }: Surroundings): OperationContext {
  return {
    environment,
    workingDirectory: process.cwd(),
    clock: systemClock,
    signal,
    // Stands in for every configuration file of ours: under this name there is one URL and nothing else.
    settings: {},
    recordsRuns: false,
    process: hostProcess(),
    report: (event) => report(invocation, settings, event),
  };
}

function report({ output }: Invocation, { logFormat, logLevel }: TideSettings, event: ProgressEvent): void {
  const level = levelOf(event);
  if (!isShown(level, logLevel)) return;
  if (logFormat === "json") {
    output.log(logLine(systemClock.now(), level, event));
    return;
  }
  if (event.type === "warning") output.say(tameLine(`warning: ${String(event.message)}`));
  else {
    const line = relayRun.progress?.(event, TEXT_VIEW(logLevel === "debug"));
    if (line !== undefined) output.say(line);
  }
}

const TEXT_VIEW = (verbose: boolean) => ({
  colour: false,
  ascii: true,
  width: 100,
  isFitted: false,
  isTerminal: false,
  verbose,
  quiet: false,
  program: "pgkeep" as const,
  elapsedMs: 0,
});

interface Envelope {
  schema_version: 1;
  command: string;
  ok: boolean;
  observed_at: string;
  data: unknown;
  error: unknown;
}

const envelope = (command: string, parts: Pick<Envelope, "ok" | "data" | "error">): Envelope => ({
  schema_version: 1,
  command,
  ok: parts.ok,
  observed_at: systemClock.now().toISOString(),
  data: parts.data,
  error: parts.error,
});

function envelopeText({ command }: TideCall, { data, ok, error }: Answer): string {
  return `${jsonText(envelope(command.words, { ok, data, error: error ?? null }), 2)}\n`;
}

interface Failure {
  error: unknown;
  call: TideCall | undefined;
  isJson: boolean;
}

function fail(invocation: Invocation, { error, call, isJson }: Failure): number {
  const { output } = invocation;
  const name = call?.command.words ?? "";
  const described = describe(error, { command: name, version: invocation.manifest.version });
  output.say(`pg-tide: error: ${tameLine(described.message)}`);
  if (described.detail !== undefined) output.say(`detail: ${tameLine(described.detail)}`);
  output.say(`next: ${tameLine(described.next_action)}`);
  output.say(`code: ${described.code}`);
  if (isJson) {
    const { detail: _detail, ...shown } = described;
    output.json(envelope(name, { ok: false, data: null, error: shown }), 2);
  }
  return error instanceof TideUsageError ? USAGE : FAILED;
}

interface Described {
  code: string;
  component: string;
  message: string;
  detail: string | undefined;
  likely_cause: string;
  next_action: string;
}

function describe(thrown: unknown, place: { command: string; version: string }): Described {
  if (thrown instanceof TideUsageError) {
    return {
      code: "operator.failure",
      component: "operator",
      message: thrown.message,
      detail: undefined,
      likely_cause: catalogueEntry("operator.failure").likely_cause,
      next_action: thrown.hint,
    };
  }
  const isOurs = thrown instanceof PgkeepError || thrown instanceof TideFailure;
  const error = isOurs ? thrown : crashOf(thrown, place);
  const {
    code,
    component,
    likely_cause: cause,
    next_action: next,
  } = catalogueEntry(error instanceof TideFailure ? error.code : machineCodeOf(error.code));
  const { detail, hint } = error instanceof TideFailure ? { detail: undefined, hint: error.hint } : error.parts;
  return {
    code,
    component,
    message: redactCredentials(error.message),
    detail: detail === undefined ? undefined : redactCredentials(detail),
    likely_cause: cause,
    next_action: hint === undefined ? next : redactCredentials(hint),
  };
}
