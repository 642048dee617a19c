/**
 * `pgkeep.yaml`: our own settings of a project, and the same file for a person (`config.yaml` below the configuration
 * directory).
 *
 * It is searched from the project directory upwards, at most to the root of the repository, and never beyond: above
 * it lie directories that other people can write, such as /tmp. Sections below `env` hold what differs between
 * places; `--env NAME` picks one.
 */
import { lstatSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import { tameLine } from "../base/tame.ts";
import { AUDIT_KEYS } from "./audit-keys.ts";
import { readConfigFile } from "./config-file.ts";
import type { ConfigShape } from "./config-shape.ts";
import { PGKEEP_CONNECTION_KEYS } from "./connection-keys.ts";
import type { ConfigEntry } from "./strict-yaml.ts";

export const PGKEEP_YAML = "pgkeep.yaml";

/** 64 directories: deeper projects name their file with --config. */
const MAX_LEVELS = 64;

const SHARED: ConfigShape = {
  connection: { type: "section", keys: PGKEEP_CONNECTION_KEYS, description: "Where commands connect to" },
  timeout: { type: "duration", description: "How long a deploy may take, unless --timeout says otherwise" },
  strict_secrets: { type: "boolean", description: "Refuse to deploy when a secret could be seen by others" },
  record_runs: { type: "boolean", description: "false: deploys leave no record for pgkeep runs" },
};

const PLACE: ConfigShape = {
  ...SHARED,
  database: {
    type: "choice",
    values: ["embedded"],
    description: "embedded: use the embedded server of this directory when no other connection is named",
  },
  params: { type: "map", description: "Parameters of the project; values stay the text that is written" },
  audit: { type: "section", keys: AUDIT_KEYS, description: "What pgkeep audit cannot find out by asking the server" },
};

export const PGKEEP_SHAPE: ConfigShape = {
  ...PLACE,
  env: { type: "sections", keys: PLACE, description: "Settings per place; --env NAME picks one" },
};

export const USER_SHAPE: ConfigShape = SHARED;

export interface FoundConfig {
  /** Absolute. */
  path: string;
  entries: ConfigEntry[];
}

/** The nearest pgkeep.yaml from `directory` upwards within the repository. Throws CONFIG_FILE_INVALID, CONFIG_FILE_UNSAFE. */
export async function findPgkeepYaml(directory: string): Promise<FoundConfig | undefined> {
  for (const level of levelsUpToRepository(directory)) {
    const path = join(level, PGKEEP_YAML);
    const entries = await readConfigFile(path, path, { shape: PGKEEP_SHAPE, trust: "owner" });
    if (entries) return { path, entries };
  }
  return undefined;
}

/** The file that --config names. Throws CONFIG_FILE_INVALID also when it is missing. */
export async function readNamedConfig(path: string, workingDirectory: string): Promise<FoundConfig> {
  const absolute = isAbsolute(path) ? path : join(workingDirectory, path);
  const entries = await readConfigFile(absolute, path, { shape: PGKEEP_SHAPE, trust: "owner" });
  if (entries) return { path: absolute, entries };
  throw new PgkeepError("CONFIG_FILE_INVALID", `configuration file "${tameLine(path)}" does not exist`, {
    hint: "Give --config the path of a file, or leave it away to use the nearest pgkeep.yaml.",
    state: "nothing was started",
  });
}

/** The person's own file. Throws CONFIG_FILE_INVALID, CONFIG_FILE_UNSAFE. */
export async function readUserConfig(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<FoundConfig | undefined> {
  const path = userConfigPath(environment);
  const entries = path && (await readConfigFile(path, path, { shape: USER_SHAPE, trust: "owner" }));
  return path && entries ? { path, entries } : undefined;
}

/** `$XDG_CONFIG_HOME/pgkeep/config.yaml`, by default below ~/.config. A relative XDG_CONFIG_HOME does not count. */
export function userConfigPath(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_CONFIG_HOME: configured, HOME: home } = environment;
  const base =
    configured && isAbsolute(configured) ? configured : home && isAbsolute(home) ? join(home, ".config") : undefined;
  return base === undefined ? undefined : join(base, "pgkeep", "config.yaml");
}

/** The directory and its parents to the one that holds .git; only the directory itself outside repositories. */
function levelsUpToRepository(directory: string): string[] {
  const levels: string[] = [];
  let level = resolve(directory);
  for (let count = 0; count < MAX_LEVELS; count++) {
    levels.push(level);
    if (exists(join(level, ".git"))) return levels;
    const parent = dirname(level);
    if (parent === level) break;
    level = parent;
  }
  return levels.slice(0, 1);
}

/** False also below something that is no directory, or that cannot be entered: whoever reads the project says so. */
function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
