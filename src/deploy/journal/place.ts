/**
 * Where the records of runs lie: one file per run in a directory of the person's own.
 *
 *   $XDG_STATE_HOME/pgkeep/runs/20261121T060301123Z-4f3a9c.jsonl      (by default below ~/.local/state)
 *
 * The name begins with the moment of the start, so names in order are runs in order. One file per run, because runs at
 * the same time then need no lock, and a damaged file harms no other.
 */
import { join } from "node:path";
import { stateDirectory } from "../../config/state-directory.ts";

const NAME = /^(\d{8}T\d{9}Z-[0-9a-f]{6})\.jsonl$/;

/** The directory; undefined when the environment names no place for state. */
export function runsDirectory(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  return stateDirectory(environment, "runs");
}

/** The id in a file's name; undefined for any other file. */
export function idOfFile(name: string): string | undefined {
  return NAME.exec(name)?.[1];
}

export function fileOfRun(directory: string, id: string): string {
  return join(directory, `${id}.jsonl`);
}
