/**
 * Every setting that files and the environment give to one command, each with the place it came from.
 *
 * Order, first wins: pgkeep.yaml's section of --env, pgkeep.yaml, pgmi.yaml, the person's own file. Flags and connection
 * variables rank above all of them; they are resolved where the connection is made. Parameters are not one value but
 * a list in rising order, because the last source of a key wins.
 */
import { PgkeepError } from "../base/errors.ts";
import { nearestName } from "../base/suggest.ts";
import { tameLine } from "../base/tame.ts";
import { type ConnectionKey, isConnectionKey } from "./connection-keys.ts";
import { readDotenv } from "./dotenv.ts";
import type { Environment } from "./environment.ts";
import { type FoundConfig, findPgkeepYaml, readNamedConfig, readUserConfig } from "./pgkeep-yaml.ts";
import { PGMI_YAML, readPgmiYaml } from "./pgmi-yaml.ts";
import type { ConfigEntry } from "./strict-yaml.ts";

/** A value and the place it came from: "pgmi.yaml:3". */
export interface Setting {
  value: string;
  origin: string;
}

/** Scalars below `audit:`, each path without that word. Paths among the values start from the file's directory. */
export interface AuditBlock {
  entries: readonly ConfigEntry[];
  /** pgkeep.yaml, absolute; undefined without one. */
  file: string | undefined;
}

export interface SettingsRequest {
  /** Absolute; absent for commands without a project. */
  projectDirectory?: string | undefined;
  /** Absolute. */
  workingDirectory: string;
  environment: Environment;
  /** --config FILE: replaces the search for pgkeep.yaml. */
  config?: string | undefined;
  /** --env NAME */
  env?: string | undefined;
  /** Connection settings that stand in for every file; no file is read when present. */
  instead?: Readonly<Record<string, string>> | undefined;
}

export interface Settings {
  /** The environment with the project's .env below it. */
  environment: Environment;
  /** Variables that the project's .env set. */
  dotenvNames: ReadonlySet<string>;
  connection: Readonly<Partial<Record<ConnectionKey, Setting>>>;
  /** Rising order of rank: the last one of a key wins. */
  params: readonly { key: string; value: string; origin: string }[];
  timeout: Setting | undefined;
  strictSecrets: Setting | undefined;
  recordRuns: Setting | undefined;
  /** Set when a configuration file asks for the embedded server. */
  embedded: Setting | undefined;
  /** The block `audit` of pgkeep.yaml. */
  audit: AuditBlock;
  warnings: string[];
  /** Files that were read, lowest rank first. */
  files: readonly string[];
}

/** Reads every configuration file that counts. Throws CONFIG_FILE_INVALID, CONFIG_FILE_UNSAFE, CONFIG_VALUE_INVALID. */
export async function loadSettings(request: SettingsRequest): Promise<Settings> {
  const { projectDirectory, workingDirectory } = request;
  if (request.instead) return withoutFiles(request.instead, request.environment);
  const dotenv = projectDirectory
    ? await readDotenv(projectDirectory, request.environment)
    : { environment: request.environment, names: new Set<string>(), warnings: [] };
  const layers: Layer[] = [];
  const user = await readUserConfig(request.environment);
  if (user) layers.push({ name: user.path, entries: user.entries });
  const pgmi = projectDirectory ? await readPgmiYaml(projectDirectory) : undefined;
  if (pgmi) layers.push({ name: PGMI_YAML, entries: pgmi });
  const own = request.config
    ? await readNamedConfig(request.config, workingDirectory)
    : await findPgkeepYaml(projectDirectory ?? workingDirectory);
  const places = placeLayers(own, request.env);
  layers.push(...places);
  const audit = { entries: auditEntries(places), file: own?.path };
  return {
    ...merge(layers),
    audit,
    environment: dotenv.environment,
    dotenvNames: dotenv.names,
    warnings: dotenv.warnings,
  };
}

function withoutFiles(connection: Readonly<Record<string, string>>, environment: Environment): Settings {
  const entries = Object.entries(connection).map(([key, value]) => ({ path: ["connection", key], value, line: 1 }));
  const merged = merge([{ name: "the call", entries }]);
  const audit = { entries: [], file: undefined };
  return { ...merged, audit, files: [], environment, dotenvNames: new Set(), warnings: [] };
}

/** The last layer that has a key decides it whole: half a list of one place and half of another is nobody's list. */
function auditEntries(layers: readonly Layer[]): ConfigEntry[] {
  const ofKey = new Map<string, ConfigEntry[]>();
  for (const { entries } of layers) {
    const own = entries.filter(({ path }) => path[0] === "audit");
    for (const key of new Set(own.map(({ path }) => path[1] ?? ""))) {
      const shortened = own
        .filter(({ path }) => path[1] === key)
        .map((entry) => ({ ...entry, path: entry.path.slice(1) }));
      ofKey.set(key, shortened);
    }
  }
  return [...ofKey.values()].flat();
}

interface Layer {
  name: string;
  entries: readonly ConfigEntry[];
}

/** pgkeep.yaml's own keys, then those of the chosen place with their path shortened. */
function placeLayers(own: FoundConfig | undefined, env: string | undefined): Layer[] {
  const entries = own?.entries ?? [];
  const places = new Set(entries.filter(({ path }) => path[0] === "env").map(({ path }) => path[1] ?? ""));
  if (env !== undefined && !places.has(env)) throw unknownPlace(env, places, own);
  if (!own) return [];
  const chosen = entries
    .filter(({ path }) => path[0] === "env" && path[1] === env)
    .map((entry) => ({ ...entry, path: entry.path.slice(2) }));
  return [
    { name: own.path, entries: entries.filter(({ path }) => path[0] !== "env") },
    { name: own.path, entries: chosen },
  ];
}

function unknownPlace(env: string, places: ReadonlySet<string>, own: FoundConfig | undefined): PgkeepError {
  const near = nearestName(env, places);
  return new PgkeepError("CONFIG_VALUE_INVALID", "the configuration has no settings block of that name", {
    detail: own
      ? `"${tameLine(own.path)}" has: ${[...places].map(tameLine).join(", ") || "none"}.`
      : "There is no pgkeep.yaml.",
    hint: near ? `Did you mean --env ${near}?` : "Add it below env: in pgkeep.yaml.",
    state: "nothing was started",
  });
}

type Merged = Pick<
  Settings,
  "connection" | "params" | "timeout" | "strictSecrets" | "recordRuns" | "embedded" | "files"
>;

function merge(layers: readonly Layer[]): Merged {
  const connection: Partial<Record<ConnectionKey, Setting>> = {};
  const params: { key: string; value: string; origin: string }[] = [];
  const single = new Map<string, Setting>();
  for (const { name, entries } of layers) {
    for (const { path, value, line } of entries) {
      const [section, key = ""] = path;
      if (section === "audit") continue;
      const setting = { value, origin: `${name}:${line}` };
      if (section === "params") params.push({ key, ...setting });
      else if (section === "connection" && isConnectionKey(key)) connection[key] = setting;
      else if (section !== undefined) single.set(section, setting);
    }
  }
  return {
    connection,
    params,
    timeout: single.get("timeout"),
    strictSecrets: single.get("strict_secrets"),
    recordRuns: single.get("record_runs"),
    embedded: single.get("database"),
    files: [...new Set(layers.map(({ name }) => name))],
  };
}
