/**
 * Writes an output file so that readers see the old file or the new one, and nobody else sees either.
 *
 * The text goes to a new file beside the target, readable by its owner only, and is renamed over it. A symbolic link is
 * refused instead of followed, because it can point where its maker may not write; anything that is not a regular file
 * is refused except a character device such as /dev/null, which is written to in place.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, lstatSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
import { scrub } from "../base/secrets.ts";
import { tameLine } from "../base/tame.ts";

const OWNER_ONLY = 0o600;

/** Replaces the file at `path` by `text`, scrubbed. Throws FILE_WRITE_FAILED. */
export function writeOutputFile(path: string, text: string): void {
  const bytes = Buffer.from(scrub(text), "utf8");
  try {
    const existing = lstatSync(path, { throwIfNoEntry: false });
    if (existing && !existing.isFile() && !existing.isCharacterDevice()) throw refusal(path, existing.isSymbolicLink());
    if (existing?.isCharacterDevice()) writeWhole(path, "w", bytes);
    else replace(path, bytes);
  } catch (error) {
    if (error instanceof PgkeepError) throw error;
    throw new PgkeepError("FILE_WRITE_FAILED", `could not write output file "${tameLine(path)}"`, {
      detail: `The system reported ${errorCodeOf(error) ?? "an error"}.`,
      cause: error,
    });
  }
}

function refusal(path: string, isLink: boolean): PgkeepError {
  const kind = isLink ? "a symbolic link" : "not a regular file";
  return new PgkeepError("FILE_WRITE_FAILED", `cannot write output file "${tameLine(path)}": it is ${kind}`);
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
