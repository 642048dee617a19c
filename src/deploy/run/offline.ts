/**
 * Everything of a run that can be checked without a server, checked before anything of it happens there.
 *
 * Settings, connection, parameters, project files, the script's encoding and its macros: whatever is wrong with them is
 * found while nothing has been created or dropped. Only signing in may have begun (early-session.ts).
 */
import { resolve } from "node:path";
import { parseDurationMs } from "../../base/duration.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { loadSettings, type Settings } from "../../config/settings.ts";
import type { ConnectionRequest } from "../../pg/connect/input.ts";
import { STRING_VARIABLES } from "../../pg/connect/layers.ts";
import { type ResolvedConnection, resolveConnection } from "../../pg/connect/resolve.ts";
import type { ConnectionSettings } from "../../pg/session.ts";
import { type ParameterCounts, type ResolvedParameters, resolveParameters } from "../parameters/resolve.ts";
import type { Parameter, Project } from "../project/project.ts";
import { maxFileBytesOf, scanProject } from "../project/scan.ts";
import type { MacroCall } from "../script/macros.ts";
import { runLimit } from "./limit.ts";
import { checkedMacros } from "./script-plan.ts";

/** Input that deploy and test runs share. */
export interface RunInput extends ConnectionRequest {
  path: string;
  param?: readonly string[] | undefined;
  paramsFile?: readonly string[] | undefined;
  secretRoot?: readonly string[] | undefined;
  config?: string | undefined;
  env?: string | undefined;
  compat?: string | undefined;
  strictSecrets?: boolean | undefined;
  timeout?: string | undefined;
  verbose?: boolean | undefined;
}

export interface OfflineRun {
  project: Project;
  parameters: readonly Parameter[];
  counts: ParameterCounts;
  macros: readonly MacroCall[];
  connection: ResolvedConnection;
  /** The embedded server, when this run uses one; ends with the run unless it ran before. */
  server: AsyncDisposable | undefined;
  /** 0: none. */
  timeoutMs: number;
  strictSecrets: boolean;
  /** Whether configuration files let runs be recorded. */
  recordsRuns: boolean;
  verbose: boolean;
}

/**
 * Throws what its parts throw. `beforeScan` is called when all but the project has been checked and the connection is known,
 * unless finding the connection means to ask somebody.
 */
export async function checkOffline(
  input: RunInput,
  context: OperationContext,
  beforeScan?: (connection: ResolvedConnection) => void,
): Promise<OfflineRun> {
  const projectDirectory = resolve(context.workingDirectory, input.path);
  const settings = await loadSettings({
    projectDirectory,
    workingDirectory: context.workingDirectory,
    environment: context.environment,
    config: input.config,
    env: input.env,
    instead: context.settings,
  });
  warn(context, settings.warnings);
  const sources = { input, context, settings, projectDirectory };
  const early = reachesOut(sources) ? undefined : await connectionOf(sources);
  const timeoutMs = timeoutOf(input, settings);
  const resolved = await parametersInTime(sources, timeoutMs);
  if (early) beforeScan?.(early.connection);
  const project = await scanProject(projectDirectory, {
    maxFileBytes: maxFileBytesOf(settings.environment),
    signal: context.signal,
  });
  checkCompat(input.compat ?? "");
  sayCounts(context, resolved.counts);
  const macros = checkedMacros(project.deployScript);
  return {
    project,
    parameters: resolved.parameters,
    counts: resolved.counts,
    macros,
    ...(early ?? (await connectionOf(sources))),
    timeoutMs,
    strictSecrets: isStrict(sources),
    recordsRuns: settings.recordRuns?.value !== "false",
    verbose: input.verbose ?? false,
  };
}

interface Sources {
  input: RunInput;
  context: OperationContext;
  settings: Settings;
  projectDirectory: string;
}

/** Whether resolving the connection starts a server or asks a cloud for a token; then it comes last. */
function reachesOut({ input, settings }: Sources): boolean {
  const cloud = input.azure || input.aws || input.google || settings.connection.auth_method !== undefined;
  return cloud || wantsEmbedded(input, settings);
}

/** The part of a request that decides about the embedded server. */
export type EmbeddedWish = Pick<RunInput, "embedded" | "connection" | "host">;

/** Asked for by flag, or by a configuration file when nothing else names a server. */
export function wantsEmbedded(input: EmbeddedWish, { embedded, environment }: Settings): boolean {
  if (input.embedded !== undefined) return input.embedded;
  const named = SERVER_VARIABLES.map((variable) => environment[variable]);
  return embedded !== undefined && [input.connection, input.host, ...named].every((value) => !value);
}

/** Variables that name a server. Those that say more about one, such as PGPORT, do not. */
const SERVER_VARIABLES = [...STRING_VARIABLES, "PGHOST", "PGHOSTADDR", "PGSERVICE"];

async function connectionOf(
  sources: Sources,
): Promise<{ connection: ResolvedConnection; server: AsyncDisposable | undefined }> {
  const { input, context, settings } = sources;
  let server: AsyncDisposable | undefined;
  const embedded = async (): Promise<ConnectionSettings> => {
    const { startEmbedded } = await import("../../pg/embedded/start.ts");
    const { workingDirectory, clock, signal, report } = context;
    const directory = input.embedded ? workingDirectory : sources.projectDirectory;
    const started = await startEmbedded({ directory, background: false, clock, signal, report });
    server = started;
    return started.settings;
  };
  const connection = await resolveConnection(
    { ...input, embedded: wantsEmbedded(input, settings) },
    {
      environment: settings.environment,
      workingDirectory: context.workingDirectory,
      fileSettings: settings.connection,
      warn: (message) => context.report({ type: "warning", message }),
      signal: context.signal,
      clock: context.clock,
      embedded,
    },
  );
  return { connection, server };
}

/** A params file may be a pipe whose writer never comes, so the run's own time holds for it, too. */
async function parametersInTime(sources: Sources, timeoutMs: number): Promise<ResolvedParameters> {
  const limit = runLimit(sources.context.signal, timeoutMs);
  try {
    return await parametersOf(sources, limit.signal);
  } catch (error) {
    const late = limit.failure();
    if (late === undefined || sources.context.signal.aborted || error !== limit.signal.reason) throw error;
    const hint =
      "Check that somebody writes to the pipe that --params-file names, or give it more time with --timeout.";
    throw new PgkeepError(late.code, late.message, { state: "nothing was started", hint });
  }
}

async function parametersOf(sources: Sources, signal: AbortSignal): Promise<ResolvedParameters> {
  const { input, context, settings } = sources;
  const resolved = await resolveParameters({
    yamlParams: settings.params,
    files: input.paramsFile ?? [],
    pairs: input.param ?? [],
    workingDirectory: context.workingDirectory,
    environment: settings.environment,
    secretRoots: input.secretRoot?.map((root) => resolve(context.workingDirectory, root)),
    signal,
    strict: isStrict(sources),
  });
  // With an id: a warning of our own, which the reference does not print.
  for (const message of resolved.warnings) context.report({ type: "warning", id: "parameter", message });
  return resolved;
}

function isStrict({ input, settings }: Sources): boolean {
  return input.strictSecrets ?? settings.strictSecrets?.value === "true";
}

/** Numbers and file names; neither keys nor values. */
function sayCounts({ report }: OperationContext, { files, overridden }: ParameterCounts): void {
  const say = (message: string): void => report({ type: "deploy.verbose", message });
  for (const { path, loaded, total } of files) {
    say(`Loading parameters from file: ${path}`);
    say(`Loaded ${loaded} parameters from file (total: ${total})`);
  }
  if (overridden > 0) say(`CLI parameters override ${overridden} value(s)`);
}

function warn({ report }: OperationContext, messages: readonly string[]): void {
  for (const message of messages) report({ type: "warning", message });
}

/** 3 minutes, as the reference. */
const DEFAULT_TIMEOUT_MS = 180_000;

function timeoutOf({ timeout }: RunInput, settings: Settings): number {
  const text = timeout ?? settings.timeout?.value;
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= 0) return ms;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the timeout is not a duration of zero or more", {
    detail: timeout === undefined ? `It comes from ${settings.timeout?.origin}.` : undefined,
    hint: "Write it with units, such as 90s or 1m30s; 0 is no limit.",
    state: "nothing was started",
  });
}

/** Level 1 is the only one, and the latest. */
function checkCompat(level: string): void {
  if (level === "" || level === "1") return;
  throw new PgkeepError("DEPLOY_COMPAT_UNKNOWN", "there is no session API of that level", {
    hint: "The only level is 1: --compat 1",
    state: "nothing was started",
  });
}
