/**
 * Where the records of runs lie: one file per run in a directory of the person's own.
 *
 *   $XDG_STATE_HOME/pgkeep/runs/20261121T060301123Z-4f3a9c.jsonl      (by default below ~/.local/state)
 *
 * The name begins with the moment of the start, so names in order are runs in order. One file per run, because runs at
 * the same time then need no lock, and a damaged file harms no other.
 */
import { existsSync, lstatSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";

const NAME = /^(\d{8}T\d{9}Z-[0-9a-f]{6})\.jsonl$/;

/**
 * The directory; undefined when the environment names no place for state: a relative XDG_STATE_HOME does not count, and
 * neither does a home that is not there, as accounts of services have it.
 */
export function runsDirectory(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_STATE_HOME: configured, HOME: home } = environment;
  if (configured && isAbsolute(configured)) return join(configured, "pgkeep", "runs");
  return home && isAbsolute(home) && existsSync(home) ? join(home, ".local", "state", "pgkeep", "runs") : undefined;
}

/** Throws FILE_WRITE_FAILED for a directory in which somebody else could put links or read along. */
export function refuseForeignDirectory(directory: string): void {
  const { uid, mode } = lstatSync(directory);
  const self = process.geteuid?.();
  const isDirectory = (mode & 0o170000) === 0o040000;
  if (isDirectory && (self === undefined || (uid === self && (mode & 0o022) === 0))) return;
  throw new PgkeepError("FILE_WRITE_FAILED", `"${tameLine(directory)}" is not a directory of your own`, {
    hint: `Remove it, or make it yours alone: chmod 700 '${tameLine(directory)}'`,
  });
}

/** "20261121T060301123Z-4f3a9c" */
export function runId(now: Date, random: string): string {
  return `${now.toISOString().replace(/[-:.]/g, "")}-${random}`;
}

/** The id in a file's name; undefined for any other file. */
export function idOfFile(name: string): string | undefined {
  return NAME.exec(name)?.[1];
}

export function fileOfRun(directory: string, id: string): string {
  return join(directory, `${id}.jsonl`);
}
