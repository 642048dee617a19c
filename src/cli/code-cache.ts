/**
 * V8's code of the packed command line, kept from one run to the next.
 *
 * Compiling what a deploy runs costs more than reading its compiled form back. V8 can hand that form out and take it in
 * again, but checks neither that the source is the same (only its length) nor that the bytes are whole, and one turned bit
 * ends the process; so both are checked here before V8 sees them. One file holds what one command loads:
 *
 *   ~/.cache/pgkeep/code/0.1.0-8d1f0c52ab3e4f60-deploy.bin
 *
 *   32 bytes    SHA-256 of all that follows
 *    4 bytes    length of the table, little endian
 *   table       JSON: name, SHA-256 of the source and length of the code of each chunk, in order
 *   code        of each chunk, each beginning at a multiple of 8, where V8 takes it without a copy
 *
 * Whoever can write the file can have code run, so it is used only when nobody but its owner could have written it.
 * It is written after a command has succeeded, with the functions compiled on the way, and whole or not at all. Every
 * failure in here means that there is no cache, and nothing else. docs/decisions/0024-code-cache.md has the reasons.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { isAbsolute, join } from "node:path";
import { type Environment, variables } from "../config/environment.ts";

/** What bin/pgkeep.js lends: the chunks it has compiled, and a place to ask for their code first. */
export interface Chunks {
  directory: string;
  compiled: Map<string, Compiled>;
  codeFor: ((name: string, source: string) => Buffer | undefined) | undefined;
}

interface Compiled {
  source: string;
  script: { createCachedData(): Buffer; cachedDataRejected?: boolean };
}

/** 4 MiB: three times what the largest command has. */
const FILE_BYTES = 4 << 20;
/** 12 MiB: deploy, test and a few others, of two versions of Node. */
const DIRECTORY_BYTES = 12 << 20;
const DIGEST_BYTES = 32;
const ALIGNMENT = 8;

interface Row {
  name: string;
  source: string;
  bytes: number;
}

interface Entry {
  name: string;
  source: string;
  code: Buffer;
}

interface Place {
  directory: string;
  file: string;
}

/** `0.1.0-8d1f0c52ab3e4f60-deploy.bin`, and with a process's number at the end while it is written. */
const NAME = /^(.+)-([0-9a-f]{16})-[a-z.-]+\.bin(\.\d+)?$/;

/**
 * Lets the chunks that are loaded from now on begin with the code of an earlier run of `command`.
 *
 * Returns what to call after the command has succeeded; it writes the code when there was none that could be used.
 */
export function openCodeCache(chunks: Chunks, command: { version: string; words: string }): () => void {
  try {
    const directory = codeDirectory(variables(["HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "PGKEEP_NO_CODE_CACHE"]));
    if (directory === undefined) return () => undefined;
    const file = `${command.version}-${keyOf(chunks)}-${command.words.replaceAll(" ", ".")}.bin`;
    return begin(chunks, { directory, file });
  } catch {
    return () => undefined;
  }
}

function begin(chunks: Chunks, place: Place): () => void {
  const known = readCode(place);
  const before = new Set(chunks.compiled.keys());
  chunks.codeFor = (name, source) => {
    const entry = known?.get(name);
    return entry !== undefined && entry.source === sha256(source) ? entry.code : undefined;
  };
  return () => {
    try {
      const used = [...chunks.compiled].filter(([name]) => !before.has(name));
      if (used.every(([, { script }]) => script.cachedDataRejected === false)) return;
      writeCode(place, pack([...entriesOf(used), ...unused(known, chunks)]));
    } catch {
      // No room, no right, a process in the way: the next run compiles once more.
    }
  };
}

/**
 * The directory; undefined where there is no place that is surely this person's own: no home, or somebody else's home,
 * as `sudo` may leave it.
 */
export function codeDirectory(environment: Environment, platform: NodeJS.Platform = process.platform) {
  const { HOME, XDG_CACHE_HOME, LOCALAPPDATA, PGKEEP_NO_CODE_CACHE } = environment;
  if (PGKEEP_NO_CODE_CACHE) return undefined;
  if (platform === "win32") return absolute(LOCALAPPDATA, "pgkeep", "code");
  if (!HOME || !isAbsolute(HOME) || !isOwn(statSync(HOME))) return undefined;
  const usual = platform === "darwin" ? join(HOME, "Library", "Caches") : join(HOME, ".cache");
  return absolute(XDG_CACHE_HOME, "pgkeep", "code") ?? join(usual, "pgkeep", "code");
}

function absolute(base: string | undefined, ...rest: string[]): string | undefined {
  return base && isAbsolute(base) ? join(base, ...rest) : undefined;
}

/** Of the account this process acts as. Windows has no such number; there the profile's own rights protect it. */
function isOwn({ uid }: Stats): boolean {
  const self = process.geteuid?.();
  return self === undefined || (uid === self && process.getuid?.() === self);
}

function isPrivate(stats: Stats, othersMayNot: number): boolean {
  return isOwn(stats) && (process.platform === "win32" || (stats.mode & othersMayNot) === 0);
}

/** main.cjs names the first chunks by hashes of their content, and those the next ones: it stands for all of them. */
function keyOf({ compiled }: Chunks): string {
  const entry = compiled.get("main.cjs")?.source ?? "";
  const { node, v8 } = process.versions;
  return createHash("sha256")
    .update(`${node} ${v8} ${process.platform} ${process.arch}\n`)
    .update(entry)
    .digest("hex")
    .slice(0, 16);
}

function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Code by chunk; undefined when there is no file that can be trusted and is whole. */
function readCode({ directory, file }: Place): Map<string, Entry> | undefined {
  try {
    const stats = lstatSync(directory);
    if (!stats.isDirectory() || !isPrivate(stats, 0o022)) return undefined;
    const bytes = readOwn(join(directory, file));
    const body = bytes?.subarray(DIGEST_BYTES);
    if (!bytes || !body || sha256(body) !== bytes.toString("hex", 0, DIGEST_BYTES)) return undefined;
    return unpack(bytes);
  } catch {
    return undefined;
  }
}

/** Neither through a link nor from a pipe; the file that was looked at is the one that is read. */
function readOwn(path: string): Buffer | undefined {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || !isPrivate(stats, 0o077) || stats.size > FILE_BYTES) return undefined;
    const bytes = Buffer.allocUnsafeSlow(stats.size);
    return readSync(descriptor, bytes, 0, stats.size, 0) === stats.size ? bytes : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function unpack(bytes: Buffer): Map<string, Entry> {
  const start = DIGEST_BYTES + 4;
  const tableEnd = start + bytes.readUInt32LE(DIGEST_BYTES);
  const rows: Row[] = JSON.parse(bytes.toString("utf8", start, tableEnd));
  let offset = aligned(tableEnd);
  return new Map(
    rows.map(({ name, source, bytes: length }) => {
      const code = bytes.subarray(offset, offset + length);
      offset = aligned(offset + length);
      return [name, { name, source, code }];
    }),
  );
}

function entriesOf(used: [string, Compiled][]): Entry[] {
  return used.map(([name, { source, script }]) => ({ name, source: sha256(source), code: script.createCachedData() }));
}

/** What earlier runs of the command needed and this one did not. */
function unused(known: Map<string, Entry> | undefined, { compiled }: Chunks): Entry[] {
  return [...(known?.values() ?? [])].filter(({ name }) => !compiled.has(name));
}

function pack(entries: Entry[]): Buffer {
  const rows: Row[] = entries.map(({ name, source, code }) => ({ name, source, bytes: code.length }));
  const table = JSON.stringify(rows);
  const head = Buffer.alloc(aligned(DIGEST_BYTES + 4 + Buffer.byteLength(table)));
  head.writeUInt32LE(Buffer.byteLength(table), DIGEST_BYTES);
  head.write(table, DIGEST_BYTES + 4);
  const parts = entries.flatMap(({ code }) => [code, Buffer.alloc(aligned(code.length) - code.length)]);
  const whole = Buffer.concat([head, ...parts]);
  whole.write(sha256(whole.subarray(DIGEST_BYTES)), 0, "hex");
  return whole;
}

/** Written aside and moved into place, so that no reader ever meets half a file. */
function writeCode(place: Place, bytes: Buffer): void {
  const { directory, file } = place;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stats = lstatSync(directory);
  if (!stats.isDirectory() || !isPrivate(stats, 0o022)) return;
  if (bytes.length > FILE_BYTES || !makeRoom(place, bytes.length)) return;
  const aside = join(directory, `${file}.${process.pid}`);
  const descriptor = openSync(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    writeWhole(descriptor, bytes);
    renameSync(aside, join(directory, file));
  } catch {
    unlinkSync(aside);
  } finally {
    closeSync(descriptor);
  }
}

function writeWhole(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

/**
 * Removes what other versions left and what was never moved into place; then, when `wanted` bytes more would be too many,
 * what belongs to other versions of Node. False when there is still no room.
 *
 * A file that somebody writes aside just now may go with it: that process then keeps nothing, which harms nobody.
 */
function makeRoom({ directory, file }: Place, wanted: number): boolean {
  const [, version, key] = NAME.exec(file) ?? [];
  const kept = readdirSync(directory)
    .filter((name) => NAME.test(name))
    .map((name) => ({ name, path: join(directory, name), match: NAME.exec(name) }));
  const stale = kept.filter(({ match }) => match?.[1] !== version || match?.[3] !== undefined);
  for (const { path } of stale) rmSync(path, { force: true });
  const rest = kept
    .filter((entry) => !stale.includes(entry) && entry.name !== file)
    .map((entry) => ({ ...entry, bytes: sizeOf(entry.path) }));
  let used = rest.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes } of rest.filter(({ match }) => match?.[2] !== key)) {
    if (used + wanted <= DIRECTORY_BYTES) break;
    rmSync(path, { force: true });
    used -= bytes;
  }
  return used + wanted <= DIRECTORY_BYTES;
}

function sizeOf(path: string): number {
  return lstatSync(path).size;
}
