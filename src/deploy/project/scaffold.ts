/**
 * Gives metadata blocks to SQL files that have none, without changing what they are or where they run.
 *
 * The id is the file's fallback id and the only sort key is its path, so ledgers that hold the old id and plans that
 * depend on the old order stay true. Files are replaced by a sibling that is renamed over them, with their mode kept,
 * so that an interrupted run leaves each file either as it was or complete.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { fallbackMetadata } from "./plan.ts";
import { quotedPath } from "./problems.ts";
import type { Project, ProjectFile } from "./project.ts";

export interface ScaffoldedFile {
  path: string;
  /** The comment to put in front, with its final line break. */
  block: string;
}

/** The files that can have metadata and have none, in path order, each with its block. */
export function filesWithoutMetadata(
  files: readonly ProjectFile[],
  { idempotent }: { idempotent: boolean },
): ScaffoldedFile[] {
  return files
    .filter(({ isSql, isTest, metadata }) => isSql && !isTest && metadata === undefined)
    .filter(({ path }) => !UNWRITABLE.test(path))
    .map(({ path }) => ({ path, block: metadataBlock(path, { idempotent }) }));
}

/** Characters of a path that XML cannot hold, not even as a reference. Such a file keeps its fallback. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not be written.
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** A block comment with the metadata that the file already has by its path. */
export function metadataBlock(path: string, { idempotent }: { idempotent: boolean }): string {
  const { id } = fallbackMetadata(path);
  return [
    "/*",
    `<pgmi-meta id="${id}" idempotent="${idempotent}">`,
    `  <description>${xmlText(path)}</description>`,
    "  <sortKeys>",
    `    <key>${xmlText(path)}</key>`,
    "  </sortKeys>",
    "</pgmi-meta>",
    "*/",
    "",
  ].join("\n");
}

/** Writes the block in front of the file. Throws FILE_WRITE_FAILED. */
export function prependBlock({ root }: Pick<Project, "root">, { path, block }: ScaffoldedFile, content: string): void {
  const target = join(root, path);
  const sibling = join(dirname(target), `.${randomUUID()}.pgkeep`);
  try {
    const { mode } = lstatSync(target);
    writeNew(sibling, block + content, mode & 0o7777);
    renameSync(sibling, target);
  } catch (error) {
    rmSync(sibling, { force: true });
    throw new PgkeepError("FILE_WRITE_FAILED", `could not write ${quotedPath(path)}`, {
      detail: `The system answered ${errorCodeOf(error) ?? "with an unknown error"}.`,
      state: "the file is as it was; files listed before it have their block",
    });
  }
}

/** Created for the owner alone, then given the mode of the file it replaces. */
function writeNew(path: string, text: string, mode: number): void {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Text for an XML element inside an SQL block comment. What either syntax would read as its own becomes a numeric
 * reference: `*` and `/` only where they would end or begin a comment.
 */
function xmlText(text: string): string {
  return text.replace(/[&<>\t\n\r]|\*(?=\/)|\/(?=\*)/g, (character) => `&#${character.codePointAt(0)};`);
}
