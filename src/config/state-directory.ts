/**
 * Directories in which records of a person's own runs lie: below $XDG_STATE_HOME, by default ~/.local/state.
 *
 * They are made for the person alone. A directory in which somebody else could put links or read along is refused.
 */
import { existsSync, lstatSync, mkdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import { tameLine } from "../base/tame.ts";

/**
 * The directory called `name`; undefined when the environment names no place for state: a relative XDG_STATE_HOME does not
 * count, and neither does a home that is not there, as accounts of services have it.
 */
export function stateDirectory(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
): string | undefined {
  const { XDG_STATE_HOME: configured, HOME: home } = environment;
  if (configured && isAbsolute(configured)) return join(configured, "pgkeep", name);
  return home && isAbsolute(home) && existsSync(home) ? join(home, ".local", "state", "pgkeep", name) : undefined;
}

/** Makes a directory that `stateDirectory` named. Throws FILE_WRITE_FAILED when it, or the one above, is not our own. */
export function makeStateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  refuseForeignDirectory(dirname(directory));
  refuseForeignDirectory(directory);
}

function refuseForeignDirectory(directory: string): void {
  const { uid, mode } = lstatSync(directory);
  const self = process.geteuid?.();
  const isDirectory = (mode & 0o170000) === 0o040000;
  if (isDirectory && (self === undefined || (uid === self && (mode & 0o022) === 0))) return;
  throw new PgkeepError("FILE_WRITE_FAILED", `"${tameLine(directory)}" is not a directory of your own`, {
    hint: `Remove it, or make it yours alone: chmod 700 '${tameLine(directory)}'`,
  });
}

/** "20261121T060301123Z-4f3a9c": ids in order are runs in order. */
export function runId(now: Date, random: string): string {
  return `${now.toISOString().replace(/[-:.]/g, "")}-${random}`;
}

/** The ids of the records in a directory, newest first; none when it is not there. `idOfFile` knows records by their names. */
export async function newestFirst(
  directory: string,
  idOfFile: (name: string) => string | undefined,
): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .flatMap((name) => idOfFile(name) ?? [])
    .sort()
    .reverse();
}
