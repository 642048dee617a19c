/**
 * Reads a project directory: every regular file, its text, checksums and metadata.
 *
 * The directory belongs to whoever wrote the project, so nothing in it is trusted: links are refused, anything that is
 * not a regular file is refused without opening it, names that cannot be loaded are refused, and a directory that
 * turns out to lie elsewhere (replaced by a link while we walk) ends the scan. All refusals are collected and reported
 * together, before anything connects.
 *
 * Speed: synchronous file calls in slices, see docs/decisions/0017-projects-are-read-synchronously.md. Between slices the
 * event loop runs, so a signal ends the scan within a few milliseconds.
 */
import { isUtf8 } from "node:buffer";
import { type Dirent, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import {
  FileRefusal,
  kindOf,
  type ReadOptions,
  readRegularFile,
  readRegularFileSync,
  refusalOf,
} from "../../config/regular-file.ts";
import { compareBytes } from "./byte-order.ts";
import { normalizedChecksum, rawChecksum } from "./checksum.ts";
import { checkDuplicateIds, readMetadata } from "./metadata.ts";
import { Problems, quotedPath } from "./problems.ts";
import type { Project, ProjectFile } from "./project.ts";
import { isReservedDirectory, isSqlPath, isTestPath } from "./sql-files.ts";
import { testDirectoriesOf } from "./test-directories.ts";

/** 10 MiB, the cap on one file unless PGMI_MAX_FILE_SIZE says otherwise. */
export const DEFAULT_MAX_FILE_BYTES = 10_485_760;

/** 256 MiB: above this the text of one file cannot be held as a string and sent as one value. */
const LARGEST_FILE_BYTES = 268_435_456;

/** 100 directories: the session's file table accepts no deeper path. */
export const MAX_DEPTH = 100;

/**
 * 64 files, or as many bytes as two large reads, between two turns of the event loop, which sees signals: 1 to 3 ms. The
 * first slices are shorter and double, because a deploy signs in meanwhile, and each answer of the server waits for a turn.
 */
const FIRST_SLICE_FILES = 4;
const SLICE_FILES = 64;
const SLICE_BYTES = 2 * 1024 * 1024;

/** 256 KiB: holds nearly every SQL file, so that reading thousands allocates nothing. */
const READ_BUFFER_BYTES = 256 * 1024;

const SCRIPT_NAME = "deploy.sql";

const LEFT_OUT_HINT =
  "Every file of a project is loaded; only names that start with a dot, node_modules and __pycache__ are left out.";

export interface ScanOptions {
  maxFileBytes: number;
  signal: AbortSignal;
}

/** The cap that the environment asks for: PGMI_MAX_FILE_SIZE when it is a positive integer. */
export function maxFileBytesOf(environment: Readonly<Record<string, string | undefined>>): number {
  const text = environment.PGMI_MAX_FILE_SIZE ?? "";
  const bytes = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return bytes > 0 ? bytes : DEFAULT_MAX_FILE_BYTES;
}

/**
 * The project at `root` (absolute).
 *
 * Throws DEPLOY_PROJECT_MISSING, DEPLOY_SCRIPT_MISSING, then whatever is wrong with its files, all together:
 * DEPLOY_FILE_REFUSED, DEPLOY_DIRECTORY_RESERVED, DEPLOY_METADATA_INVALID, DEPLOY_METADATA_DUPLICATE. Throws the
 * signal's reason when it aborts.
 */
export async function scanProject(root: string, options: ScanOptions): Promise<Project> {
  const realRoot = resolveProjectRoot(root);
  const scan = new Scan(realRoot, options);
  const deployScript = await scan.readDeployScript();
  const files = await scan.readFiles({ checkIds: true });
  return { root: realRoot, deployScript, files, testDirectories: testDirectoriesOf(files) };
}

/**
 * The files of a directory that need not have a deploy.sql, for commands that look at metadata. Duplicate ids are
 * left to the caller.
 */
export async function scanFiles(root: string, options: ScanOptions): Promise<Pick<Project, "root" | "files">> {
  const realRoot = resolveProjectRoot(root);
  return { root: realRoot, files: await new Scan(realRoot, options).readFiles({ checkIds: false }) };
}

/** Absolute path of the project directory with links resolved. Throws DEPLOY_PROJECT_MISSING. */
export function resolveProjectRoot(root: string): string {
  try {
    const realRoot = realpathSync.native(root);
    if (statSync(realRoot).isDirectory()) return realRoot;
  } catch (error) {
    const reason = refusalOf(error);
    throw new PgkeepError("DEPLOY_PROJECT_MISSING", `project directory ${quotedPath(root)} ${reason.message}`, {
      hint: `Name the directory that holds ${SCRIPT_NAME}; pgkeep init makes a new one.`,
      state: "nothing was started",
    });
  }
  throw new PgkeepError("DEPLOY_PROJECT_MISSING", `project path ${quotedPath(root)} is not a directory`, {
    hint: `Name the directory that holds ${SCRIPT_NAME}.`,
    state: "nothing was started",
  });
}

class Scan {
  readonly #root: string;
  /** The root with its separator. */
  readonly #prefix: string;
  readonly #signal: AbortSignal;
  readonly #readOptions: ReadOptions;
  readonly #scriptOptions: ReadOptions;
  readonly #problems = new Problems();
  readonly #files: ProjectFile[] = [];
  readonly #buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
  #sliceLimit = FIRST_SLICE_FILES;
  #sliceFiles = 0;
  #sliceBytes = 0;

  constructor(root: string, { maxFileBytes, signal }: ScanOptions) {
    this.#root = root;
    this.#prefix = root.endsWith(sep) ? root : root + sep;
    this.#signal = signal;
    this.#readOptions = { maxBytes: Math.min(maxFileBytes, LARGEST_FILE_BYTES) };
    // The cap is about what is loaded into the session, and deploy.sql is not; lowering it must not refuse the script.
    this.#scriptOptions = { maxBytes: Math.max(this.#readOptions.maxBytes, DEFAULT_MAX_FILE_BYTES) };
  }

  /** deploy.sql may be a link, unlike every other file, but only to a file of the same project. */
  async readDeployScript(): Promise<string> {
    this.#signal.throwIfAborted();
    const place = locateDeployScript(this.#root);
    try {
      return decode(await readRegularFile(place, this.#scriptOptions, this.#signal)).text;
    } catch (error) {
      if (!(error instanceof FileRefusal)) throw error;
      throw new PgkeepError("DEPLOY_FILE_REFUSED", `"./${SCRIPT_NAME}" ${error.message}`, {
        file: `./${SCRIPT_NAME}`,
        state: "nothing was started",
      });
    }
  }

  async readFiles({ checkIds }: { checkIds: boolean }): Promise<ProjectFile[]> {
    await this.#walk();
    if (checkIds) checkDuplicateIds(this.#files, this.#problems);
    this.#problems.throwIfAny();
    return this.#files.sort((a, b) => compareBytes(a.path, b.path));
  }

  async #walk(): Promise<void> {
    const pending: Directory[] = [{ path: "./", depth: 0, reserved: undefined }];
    for (let directory = pending.pop(); directory; directory = pending.pop()) {
      this.#signal.throwIfAborted();
      for (const entry of this.#list(directory)) {
        if (isLeftOut(entry.name, directory)) continue;
        const path = directory.path + entry.name;
        if (!this.#nameIsUsable(entry.name, path)) continue;
        if (entry.isDirectory()) this.#enter(entry.name, directory, pending);
        else await this.#take(entry, path, directory);
      }
    }
  }

  #list({ path }: Directory): Dirent[] {
    const absolute = join(this.#root, path);
    try {
      const real = realpathSync.native(absolute);
      if (real === withoutTrailingSeparator(absolute)) return entriesInOrder(absolute);
      this.#refuse(path, "is a symbolic link or lies below one");
    } catch (error) {
      this.#refuse(path, refusalOf(error).message);
    }
    return [];
  }

  #enter(name: string, parent: Directory, pending: Directory[]): void {
    const path = `${parent.path}${name}/`;
    const depth = parent.depth + 1;
    const reserved = parent.reserved ?? (isReservedDirectory(name) ? { path, reported: false } : undefined);
    if (depth > MAX_DEPTH) this.#refuse(path, `is more than ${MAX_DEPTH} directories deep`);
    else pending.push({ path, depth, reserved });
  }

  async #take(entry: Dirent, path: string, { reserved }: Directory): Promise<void> {
    if (reserved) this.#reportReserved(reserved);
    if (!entry.isFile()) {
      this.#refuse(path, `is ${kindOf(entry)}, not a regular file`);
      return;
    }
    await this.#pauseBetweenSlices();
    try {
      this.#add(path, await this.#read(this.#absolute(path)));
    } catch (error) {
      if (!(error instanceof FileRefusal)) throw error;
      this.#refuse(path, error.message);
    }
  }

  /** By hand: `join` looks at every character, for each of thousands of files, and these paths have nothing to resolve. */
  #absolute(path: string): string {
    return this.#prefix + path.slice(2);
  }

  async #read(absolute: string): Promise<Buffer> {
    const small = readRegularFileSync(absolute, this.#readOptions, this.#buffer);
    return small ?? (await readRegularFile(absolute, this.#readOptions, this.#signal));
  }

  #add(path: string, raw: Buffer): void {
    this.#sliceBytes += raw.length;
    const { text, bytes } = decode(raw);
    const isSql = isSqlPath(path);
    const isTest = isTestPath(path);
    this.#files.push({
      path,
      content: text,
      sizeBytes: bytes.length,
      checksum: rawChecksum(bytes),
      normalizedChecksum: normalizedChecksum(bytes),
      isSql,
      isTest,
      metadata: isSql && !isTest ? readMetadata(path, text, this.#problems) : undefined,
    });
  }

  /** Empty reserved directories have no effect, so they are reported when a file is met in them. */
  #reportReserved(reserved: ReservedDirectory): void {
    if (reserved.reported) return;
    reserved.reported = true;
    this.#problems.add({
      code: "DEPLOY_DIRECTORY_RESERVED",
      message: `directory name ${quotedPath(reserved.path)} is reserved`,
      hint: "Rename it; of the names of the form __name__ only __test__ and __tests__ have a meaning.",
    });
  }

  #nameIsUsable(name: string, path: string): boolean {
    const reason = nameRefusal(name);
    if (reason) this.#refuse(path, reason);
    return reason === undefined;
  }

  #refuse(path: string, reason: string): void {
    const message = `${quotedPath(path)} ${reason}`;
    this.#problems.add({ code: "DEPLOY_FILE_REFUSED", message, file: path, hint: LEFT_OUT_HINT });
  }

  async #pauseBetweenSlices(): Promise<void> {
    if (++this.#sliceFiles < this.#sliceLimit && this.#sliceBytes < SLICE_BYTES) return;
    this.#sliceLimit = Math.min(this.#sliceLimit * 2, SLICE_FILES);
    this.#sliceFiles = 0;
    this.#sliceBytes = 0;
    await yieldToEvents();
    this.#signal.throwIfAborted();
  }
}

/** In order of name, so that the same project gives the same report on every file system. */
function entriesInOrder(directory: string): Dirent[] {
  return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface Directory {
  /** "./a/" with both ends. */
  path: string;
  depth: number;
  /** The reserved directory this one is in or is. */
  reserved: ReservedDirectory | undefined;
}

interface ReservedDirectory {
  path: string;
  reported: boolean;
}

function isLeftOut(name: string, { depth }: Directory): boolean {
  if (name.startsWith(".") || name === "node_modules" || name === "__pycache__") return true;
  return depth === 0 && name.toLowerCase() === SCRIPT_NAME;
}

/** Names that the session's tables or a text column cannot hold. */
function nameRefusal(name: string): string | undefined {
  if (name.includes("\ufffd") || !name.isWellFormed()) return "has a name that is not valid UTF-8";
  if (name.includes("\\")) return "has a backslash in its name";
  return name.trim() === "" ? "has a blank name" : undefined;
}

/** The real path of deploy.sql. Throws DEPLOY_SCRIPT_MISSING; DEPLOY_FILE_REFUSED when it leads out of the project. */
function locateDeployScript(root: string): string {
  const path = join(root, SCRIPT_NAME);
  if (!hasExactName(root, path)) throw scriptMissing();
  let real: string;
  try {
    real = realpathSync.native(path);
  } catch (error) {
    throw refusedScript(`cannot be followed: its target ${refusalOf(error).message}`);
  }
  const inside = root.endsWith(sep) ? root : root + sep;
  if (!real.startsWith(inside)) throw refusedScript("is a symbolic link that leads out of the project");
  return real;
}

/** On file systems that ignore case, DEPLOY.SQL answers to the lower-case name too; only the exact name counts. */
function hasExactName(root: string, path: string): boolean {
  try {
    lstatSync(path);
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return false;
    throw refusedScript(refusalOf(error).message);
  }
  return process.platform === "linux" || readdirSync(root).includes(SCRIPT_NAME);
}

function scriptMissing(): PgkeepError {
  return new PgkeepError("DEPLOY_SCRIPT_MISSING", `the project has no ${SCRIPT_NAME}`, {
    detail: `A file with exactly this lower-case name must be in the project's root directory.`,
    hint: "Create one with: pgkeep init",
    state: "nothing was started",
  });
}

function refusedScript(reason: string): PgkeepError {
  return new PgkeepError("DEPLOY_FILE_REFUSED", `"./${SCRIPT_NAME}" ${reason}`, {
    file: `./${SCRIPT_NAME}`,
    state: "nothing was started",
  });
}

/** Removes a byte order mark and decodes. Throws FileRefusal for anything that is not UTF-8 text. */
function decode(raw: Buffer): { text: string; bytes: Buffer } {
  const bytes = raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? raw.subarray(3) : raw;
  if (isUtf16Marked(raw)) throw new FileRefusal("is UTF-16 text; save it as UTF-8");
  if (bytes.includes(0)) throw new FileRefusal("holds a NUL byte");
  if (!isUtf8(bytes)) throw new FileRefusal(`is not valid UTF-8 (first bad byte on line ${firstBadLine(bytes)})`);
  return { text: bytes.toString("utf8"), bytes };
}

function isUtf16Marked(raw: Buffer): boolean {
  return (raw[0] === 0xff && raw[1] === 0xfe) || (raw[0] === 0xfe && raw[1] === 0xff);
}

/** Lines are cut at line feeds, which no multi-byte character contains, so each line can be judged alone. */
function firstBadLine(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed < 0 ? bytes.length : feed;
    if (!isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
  return line;
}

function withoutTrailingSeparator(path: string): string {
  return path.length > 1 && path.endsWith(sep) ? path.slice(0, -1) : path;
}
