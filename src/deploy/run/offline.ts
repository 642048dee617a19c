/**
 * Everything of a run that can be checked without a server, checked before a server hears of it.
 *
 * Settings, connection, parameters, project files, the script's encoding and its macros: whatever is wrong with them is
 * found while nothing has been created, dropped or connected to.
 */
import { resolve } from "node:path";
import { parseDurationMs } from "../../base/duration.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { loadSettings, type Settings } from "../../config/settings.ts";
import type { ConnectionRequest } from "../../pg/connect/input.ts";
import { type ResolvedConnection, resolveConnection } from "../../pg/connect/resolve.ts";
import { type ParameterCounts, resolveParameters } from "../parameters/resolve.ts";
import type { Parameter, Project } from "../project/project.ts";
import { maxFileBytesOf, scanProject } from "../project/scan.ts";
import type { MacroCall } from "../script/macros.ts";
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
  /** 0: none. */
  timeoutMs: number;
  strictSecrets: boolean;
  verbose: boolean;
}

/** Throws what its parts throw; all of it before anything is connected to. */
export async function checkOffline(input: RunInput, context: OperationContext): Promise<OfflineRun> {
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
  const connection = await resolveConnection(input, settings);
  warn(context, connection.warnings);
  const { parameters, counts, warnings } = await resolveParameters({
    yamlParams: settings.params,
    files: input.paramsFile ?? [],
    pairs: input.param ?? [],
    workingDirectory: context.workingDirectory,
    environment: settings.environment,
    secretRoots: input.secretRoot?.map((root) => resolve(context.workingDirectory, root)),
    signal: context.signal,
  });
  warn(context, warnings);
  const timeoutMs = timeoutOf(input, settings);
  const project = await scanProject(projectDirectory, {
    maxFileBytes: maxFileBytesOf(settings.environment),
    signal: context.signal,
  });
  checkCompat(input.compat ?? "");
  return {
    project,
    parameters,
    counts,
    macros: checkedMacros(project.deployScript),
    connection,
    timeoutMs,
    strictSecrets: input.strictSecrets ?? settings.strictSecrets?.value === "true",
    verbose: input.verbose ?? false,
  };
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
