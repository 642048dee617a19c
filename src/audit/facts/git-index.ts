/**
 * Which files a git repository tracks, from its index. git itself is not run: a repository's configuration can name
 * programs that it starts. Pure but for finding and reading the file.
 *
 * Source: git's documentation, "Git index format", versions 2 to 4.
 */
import { dirname, join, resolve } from "node:path";
import { Unanswered } from "../answers.ts";
import { headOf, ownStatusOf } from "./files.ts";

/** 64 MiB: an index of half a million files. */
const MAX_BYTES = 64 * 1024 * 1024;
/** 64 levels, as the search for pgkeep.yaml. */
const MAX_LEVELS = 64;

const HEADER_BYTES = 12;
/** Before an entry's flags: ten words about the file, and its SHA-1. */
const FLAGS_AT = 60;
const EXTENDED = 0x4000;

/** Absolute paths that the repository around `directory` tracks; undefined: there is none. Throws Unanswered. */
export function trackedFiles(directory: string): ReadonlySet<string> | undefined {
  const root = repositoryOf(directory);
  if (root === undefined) return undefined;
  const index = headOf(join(gitDirectory(root), "index"), MAX_BYTES);
  return new Set((index === undefined ? [] : pathsIn(index)).map((path) => join(root, path)));
}

function repositoryOf(directory: string): string | undefined {
  let level = resolve(directory);
  for (let count = 0; count < MAX_LEVELS; count++) {
    if (ownStatusOf(join(level, ".git")) !== undefined) return level;
    const above = dirname(level);
    if (above === level) return undefined;
    level = above;
  }
  return undefined;
}

/** In a worktree .git is a file that names the directory. */
function gitDirectory(root: string): string {
  const path = join(root, ".git");
  if (ownStatusOf(path)?.kind === "directory") return path;
  const target = /^gitdir: (.+)$/m.exec(headOf(path, 4096)?.toString("utf8") ?? "")?.[1];
  if (target === undefined) throw new Unanswered(`${path} names no repository`);
  return resolve(root, target.trim());
}

/** Paths of an index file, in its order. Throws Unanswered when it is none that we can read. */
export function pathsIn(index: Buffer): string[] {
  const version = index.length < HEADER_BYTES ? 0 : index.readUInt32BE(4);
  if (index.subarray(0, 4).toString("latin1") !== "DIRC" || version < 2 || version > 4) {
    throw new Unanswered("the repository's index has a form that is not known here");
  }
  try {
    return entriesOf(index, version);
  } catch (error) {
    if (error instanceof RangeError) throw new Unanswered("the repository's index ends too early");
    throw error;
  }
}

function entriesOf(index: Buffer, version: number): string[] {
  const paths: string[] = [];
  let [at, previous] = [HEADER_BYTES, ""];
  for (let count = index.readUInt32BE(8); count > 0; count--) {
    const isExtended = version >= 3 && (index.readUInt16BE(at + FLAGS_AT) & EXTENDED) !== 0;
    let from = at + FLAGS_AT + 2 + (isExtended ? 2 : 0);
    let kept = "";
    if (version === 4) {
      const { value, next } = variableNumber(index, from);
      kept = previous.slice(0, previous.length - value);
      from = next;
    }
    const end = index.indexOf(0, from);
    if (end === -1) throw new RangeError("no end of the path");
    previous = kept + index.subarray(from, end).toString("latin1");
    paths.push(Buffer.from(previous, "latin1").toString("utf8"));
    // Before version 4 entries are filled up with 1 to 8 zeros to a multiple of eight.
    at = version === 4 ? end + 1 : at + Math.ceil((end - at + 1) / 8) * 8;
  }
  return paths;
}

/** As offsets in packs: seven bits a byte, one added for each that follows. */
function variableNumber(index: Buffer, from: number): { value: number; next: number } {
  let [at, byte] = [from, index.readUInt8(from)];
  let value = byte & 0x7f;
  while ((byte & 0x80) !== 0) {
    byte = index.readUInt8(++at);
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return { value, next: at + 1 };
}
