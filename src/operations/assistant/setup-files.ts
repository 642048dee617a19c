/**
 * Reads and writes the files of assistants.
 *
 * A project may come from anybody, so nothing is followed out of it: a link in a file's place is refused, and so is a
 * directory on the way that leads elsewhere. Writing goes to a sibling file that is renamed, and keeps the file's mode.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import { stateOf, type TextState } from "./managed-text.ts";
import type { AssistantPlace } from "./places.ts";

/** 1 MiB: far above any file of instructions. */
const MAX_BYTES = 2 ** 20;

/** A place with what is there. */
export interface InspectedPlace {
  place: AssistantPlace;
  /** undefined: there is no file. */
  content: string | undefined;
  state: TextState;
}

/** Looks at every place before anything is written, so that one that cannot be used stops the whole. */
export async function inspectPlaces(
  root: string,
  places: readonly AssistantPlace[],
  text: string,
): Promise<InspectedPlace[]> {
  const found: InspectedPlace[] = [];
  for (const place of places) {
    const content = await readInside(root, place.path);
    found.push({ place, content, state: stateOf(place, content, text) });
  }
  return found;
}

/** What paths start from: the working directory, or the person's home directory. Throws CONFIG_VALUE_INVALID. */
export function rootOf(isGlobal: boolean, { workingDirectory, environment }: OperationContext): string {
  if (!isGlobal) return workingDirectory;
  const home = process.platform === "win32" ? environment.USERPROFILE : environment.HOME;
  if (home) return home;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "there is no home directory", {
    hint: "Set HOME, or leave --global away.",
    state: "nothing was written",
  });
}

/** Text of the file; undefined when it is not there. Throws FILE_WRITE_FAILED for what is no regular file inside `root`. */
async function readInside(root: string, path: string): Promise<string | undefined> {
  const file = join(root, path);
  refuseDetour(root, path);
  try {
    return (await readRegularFile(file, { maxBytes: MAX_BYTES })).toString("utf8");
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error;
    if (error.systemCode === "ENOENT") return undefined;
    throw refused(path, `it ${error.message}`);
  }
}

/** Throws when a directory on the way to the file is a link, or anything that is no directory. */
function refuseDetour(root: string, path: string): void {
  const parts = relative(root, dirname(join(root, path)))
    .split("/")
    .filter(Boolean);
  for (const depth of parts.keys()) {
    const found = lstatSync(join(root, ...parts.slice(0, depth + 1)), { throwIfNoEntry: false });
    if (!found) return;
    if (!found.isDirectory()) throw refused(path, `"${parts.slice(0, depth + 1).join("/")}" is a link or no directory`);
  }
}

function refused(path: string, why: string): PgkeepError {
  return new PgkeepError("FILE_WRITE_FAILED", `cannot use "${path}": ${why}`, {
    hint: "Replace it by a regular file, or name the assistants one by one.",
  });
}

export interface FileInside {
  root: string;
  /** Below `root`. */
  path: string;
}

/** Replaces the file's content. Throws FILE_WRITE_FAILED. */
export function writeInside({ root, path }: FileInside, content: string): void {
  const file = join(root, path);
  const sibling = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    const mode = (statSync(file, { throwIfNoEntry: false })?.mode ?? 0o644) & 0o777;
    writeFileSync(sibling, content, { flag: "wx", mode });
    renameSync(sibling, file);
  } catch (cause) {
    rmSync(sibling, { force: true });
    const detail = `The system reported ${errorCodeOf(cause) ?? "an error"}.`;
    throw new PgkeepError("FILE_WRITE_FAILED", `could not write "${path}"`, { detail, cause });
  }
}
