/**
 * Writes an output file so that readers see the old file or the new one, and nobody else sees either.
 *
 * The text goes to a new file beside the target, readable by its owner only, and is renamed over it. A symbolic link is
 * refused instead of followed, because it can point where its maker may not write; anything that is not a regular file
 * is refused except a character device such as /dev/null, which is written to in place.
 */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
import { scrub } from "../base/secrets.ts";
import { tameLine } from "../base/tame.ts";

const OWNER_ONLY = 0o600;

/** Refuses early what `writeOutputFile` would refuse after the work is done. Throws FILE_WRITE_FAILED. */
export function checkOutputFile(path: string): void {
  try {
    refuseSpecial(path);
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw asFailure(path, error).with({ state: "nothing was started" });
  }
}

/** Replaces the file at `path` by `text`, scrubbed. Throws FILE_WRITE_FAILED. */
export function writeOutputFile(path: string, text: string): void {
  const bytes = Buffer.from(scrub(text), "utf8");
  try {
    if (refuseSpecial(path)) writeWhole(path, "w", bytes);
    else replace(path, bytes);
  } catch (error) {
    throw asFailure(path, error);
  }
}

function asFailure(path: string, error: unknown): PgkeepError {
  if (error instanceof PgkeepError) return error;
  return new PgkeepError("FILE_WRITE_FAILED", `could not write output file "${tameLine(path)}"`, {
    detail: `The system reported ${errorCodeOf(error) ?? "an error"}.`,
    ...(errorCodeOf(error) === "ENOENT" ? { hint: "Make its directory first." } : {}),
    cause: error,
  });
}

/** Whether `path` is a character device. Throws for everything else that is there and is no regular file. */
function refuseSpecial(path: string): boolean {
  const existing = lstatSync(path, { throwIfNoEntry: false });
  if (existing === undefined || existing.isFile() || existing.isCharacterDevice())
    return existing?.isCharacterDevice() ?? false;
  const kind = existing.isSymbolicLink() ? "a symbolic link" : "not a regular file";
  throw new PgkeepError("FILE_WRITE_FAILED", `cannot write output file "${tameLine(path)}": it is ${kind}`);
}

function replace(path: string, bytes: Buffer): void {
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    // "wx": never opens what somebody else put there.
    writeWhole(beside, "wx", bytes);
    renameSync(beside, path);
  } catch (error) {
    try {
      unlinkSync(beside);
    } catch {
      // It was not created.
    }
    throw error;
  }
}

function writeWhole(path: string, flags: string, bytes: Buffer): void {
  const fd = openSync(path, flags, OWNER_ONLY);
  try {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(fd, bytes, offset);
    if (flags === "wx") fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
