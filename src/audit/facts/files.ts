/**
 * Looking at files of a machine without being led astray by whoever placed them.
 *
 * What a file holds is read only through a name that is no link, from a regular file, a bounded number of bytes, and never waits
 * for a pipe. Three answers: there, not there, and "may not be looked at", which throws Unanswered, so that no check takes
 * what it could not see for what is not there.
 *
 * Synchronous calls: an audit looks at a few thousand names, at a few microseconds each.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { errorCodeOf } from "../../base/errors.ts";
import { Unanswered } from "../answers.ts";

export interface FileStatus {
  path: string;
  kind: "file" | "directory" | "link" | "other";
  /** Permission bits: 0o640. */
  mode: number;
  uid: number;
  gid: number;
  bytes: number;
  changed: Date;
}

/** 100,000 names of one directory; more is no directory that a person looks after. */
const MAX_NAMES = 100_000;

/** The file that `path` leads to, links followed; undefined: there is none. Throws Unanswered. */
export function statusOf(path: string): FileStatus | undefined {
  return asked(path, () => described(path, statSync(path)));
}

/** `path` itself, also when it is a link. Throws Unanswered. */
export function ownStatusOf(path: string): FileStatus | undefined {
  return asked(path, () => described(path, lstatSync(path)));
}

/** Names in a directory, sorted; undefined: there is none. Throws Unanswered. */
export function namesIn(path: string): readonly string[] | undefined {
  const names = asked(path, () => readdirSync(path).sort());
  if (names !== undefined && names.length > MAX_NAMES)
    throw new Unanswered("a directory holds too many files to look at");
  return names;
}

export interface Piece {
  text: string;
  /** 1-based number of its first line; undefined when it begins in the middle of the file. */
  firstLine: number | undefined;
}

/** The first `bytes` of a regular file as bytes. Throws Unanswered. */
export function headOf(path: string, bytes: number): Buffer | undefined {
  return read(path, (descriptor) => readAt(descriptor, 0, bytes));
}

/** The last `bytes` of a regular file as text, from the first whole line; all of a shorter one. Throws Unanswered. */
export function tailOf(path: string, bytes: number): Piece | undefined {
  return read(path, (descriptor, size) => {
    if (size <= bytes) return { text: readAt(descriptor, 0, bytes).toString("utf8"), firstLine: 1 };
    const text = readAt(descriptor, size - bytes, bytes).toString("utf8");
    return { text: text.slice(text.indexOf("\n") + 1), firstLine: undefined };
  });
}

/** Whether an account with no right of its own gets as far as `path`: every directory above lets others through. */
export function isReachableByOthers(path: string): boolean {
  try {
    let directory = dirname(realpathSync(path));
    for (;;) {
      if ((statSync(directory).mode & 0o001) === 0) return false;
      const above = dirname(directory);
      if (above === directory) return true;
      directory = above;
    }
  } catch {
    // What we cannot follow may still be open to others.
    return true;
  }
}

/** Regular files below `root`, without following links, at most `limits` of them and that deep. Throws Unanswered. */
export function filesBelow(root: string, limits: { files: number; depth: number }): string[] {
  const found: string[] = [];
  const waiting = [{ path: root, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const name of namesIn(next.path) ?? []) {
      const path = join(next.path, name);
      const status = ownStatusOf(path);
      if (status?.kind === "file") found.push(path);
      if (status?.kind === "directory" && next.depth < limits.depth) waiting.push({ path, depth: next.depth + 1 });
      if (found.length > limits.files) throw new Unanswered(`there are more than ${limits.files} files to look at`);
    }
  }
  return found.sort();
}

function asked<Answer>(path: string, ask: () => Answer): Answer | undefined {
  try {
    return ask();
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ESRCH") return undefined;
    throw new Unanswered(`${path} may not be looked at (${code ?? "unknown reason"})`, "host");
  }
}

function read<Answer>(path: string, use: (descriptor: number, size: number) => Answer): Answer | undefined {
  const descriptor = asked(path, () =>
    openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW),
  );
  if (descriptor === undefined) return undefined;
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new Unanswered(`${path} is no regular file`);
    return asked(path, () => use(descriptor, stats.size));
  } finally {
    closeSync(descriptor);
  }
}

/** 64 KiB at a time: most files are shorter, and memory for the longest allowed is taken when one is that long. */
const PIECE_BYTES = 64 * 1024;

/** Files below /proc say that they have no bytes, so the end is where nothing more comes. */
function readAt(descriptor: number, from: number, bytes: number): Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < bytes) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, bytes - length));
    const got = readSync(descriptor, piece, 0, piece.length, from + length);
    if (got === 0) break;
    pieces.push(piece.subarray(0, got));
    length += got;
  }
  return pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces);
}

function described(path: string, stats: Stats): FileStatus {
  const kind = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : stats.isSymbolicLink() ? "link" : "other";
  const { uid, gid, size: bytes, mtime: changed } = stats;
  return { path, kind, mode: stats.mode & 0o7777, uid, gid, bytes, changed };
}
