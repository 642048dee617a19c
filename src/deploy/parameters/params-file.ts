/**
 * The dialect of `--params-file`: `key=value` lines, and deliberately not that of `.env` files.
 *
 * No escapes, no expansion, no `export`, no inline comments: a password may hold any character, so nothing in a value has
 * a meaning but one pair of quotes around all of it. The file usually holds secrets, so a complaint names the line and
 * never its text.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { sleep } from "../../base/clock.ts";
import { type ErrorCode, errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";

/** 16 MiB: thousands of the longest lines. */
export const MAX_PARAMS_FILE_BYTES = 16 * 1024 * 1024;

/** 64 KiB, line break included: the reference's limit, above which a line is a mistake. */
export const MAX_PARAMS_LINE_BYTES = 64 * 1024;

const PIECE_BYTES = 64 * 1024;

/** 10 ms, 3,000 times: half a minute is enough for any program that fetches a secret. */
const POLL_MS = 10;
const MAX_POLLS = 3_000;

export interface ParamsFileEntry {
  key: string;
  value: string;
  /** 1-based. */
  line: number;
}

/**
 * Reads and parses one params file. Pipes are accepted, so that a shell can hand over secrets without a file:
 * `--params-file <(...)`. `path` is for messages. Throws DEPLOY_PARAMS_FILE_INVALID; the signal's reason when it aborts.
 */
export async function readParamsFile(
  { path, absolutePath }: { path: string; absolutePath: string },
  signal: AbortSignal,
): Promise<ParamsFileEntry[]> {
  const named = `params file "${tameLine(path)}"`;
  const bytes = await readBounded(absolutePath, named, signal);
  try {
    return parseParamsFile(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes), path);
  } catch (error) {
    if (error instanceof PgkeepError) throw error;
    throw invalid(`${named} is not valid UTF-8`);
  }
}

/** The entries in order, repeated keys included. `path` is for messages. Throws DEPLOY_PARAMS_FILE_INVALID. */
export function parseParamsFile(text: string, path: string): ParamsFileEntry[] {
  const withoutMark = text.startsWith("\ufeff") ? text.slice(1) : text;
  return withoutMark.split("\n").flatMap((line, index) => parseLine(line, { path, line: index + 1 }) ?? []);
}

interface Place {
  path: string;
  line: number;
}

function parseLine(raw: string, place: Place): ParamsFileEntry | undefined {
  if (Buffer.byteLength(raw) >= MAX_PARAMS_LINE_BYTES) throw invalidLine(place, "is 64 KiB long or longer");
  if (raw.includes("\0")) throw invalidLine(place, "holds a NUL character");
  const line = trimSpace(raw);
  if (line === "" || line.startsWith("#")) return undefined;
  const equals = line.indexOf("=");
  if (equals < 0) throw invalidLine(place, "is not key=value");
  const key = trimSpace(line.slice(0, equals));
  if (key === "") throw invalidLine(place, "has no key before its equals sign");
  return { key, value: unquote(trimSpace(line.slice(equals + 1))), line: place.line };
}

/** One pair of equal quotes around the whole value goes; nothing inside is touched. */
function unquote(value: string): string {
  const [first] = value;
  const isQuoted = value.length >= 2 && (first === '"' || first === "'") && value.endsWith(first);
  return isQuoted ? value.slice(1, -1) : value;
}

/** The white space of Unicode, which `String.trim` differs from in two characters. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const WIDE_SPACES = new Set([0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000]);

function isSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return WIDE_SPACES.has(code) || (code >= 0x2000 && code <= 0x200a);
}

/**
 * Opened without blocking and then asked again and again: a blocking open of a pipe that nobody writes to can neither be
 * interrupted nor, on a thread of its own, be left behind at exit.
 */
async function readBounded(absolutePath: string, named: string, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  try {
    const descriptor = openSync(absolutePath, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      return await readToEnd(descriptor, named, signal);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof PgkeepError ? error : unreadable(named, errorCodeOf(error));
  }
}

async function readToEnd(descriptor: number, named: string, signal: AbortSignal): Promise<Buffer> {
  const isPipe = fstatSync(descriptor).isFIFO();
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  const pieces: Buffer[] = [];
  let length = 0;
  for (let polls = 0; polls < MAX_POLLS; ) {
    const got = readAvailable(descriptor, piece);
    if (got !== undefined && got > 0) {
      pieces.push(Buffer.from(piece.subarray(0, got)));
      length += got;
      polls = 0;
      if (length > MAX_PARAMS_FILE_BYTES) throw invalid(`${named} is larger than ${MAX_PARAMS_FILE_BYTES} bytes`);
    } else if (got === 0 && (length > 0 || !isPipe)) {
      return Buffer.concat(pieces);
    } else {
      // Nothing yet, or an end before any text, which is what a pipe shows until its writer has come.
      polls++;
      await sleep(POLL_MS, signal);
    }
  }
  throw invalid(`${named} gave nothing for ${(POLL_MS * MAX_POLLS) / 1_000} seconds`);
}

/** Bytes read, 0 at the end, undefined when there is nothing at the moment. */
function readAvailable(descriptor: number, piece: Buffer): number | undefined {
  try {
    return readSync(descriptor, piece);
  } catch (error) {
    if (errorCodeOf(error) === "EAGAIN") return undefined;
    throw error;
  }
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EISDIR: "is a directory",
  EACCES: "cannot be read: permission denied",
};

function unreadable(named: string, systemCode: string | undefined): PgkeepError {
  return invalid(
    `${named} ${SYSTEM_REASONS[systemCode ?? ""] ?? `cannot be read (${systemCode ?? "unknown reason"})`}`,
  );
}

function invalidLine({ path, line }: Place, reason: string): PgkeepError {
  return invalid(`${tameLine(path)}:${line} ${reason}`);
}

const code: ErrorCode = "DEPLOY_PARAMS_FILE_INVALID";

function invalid(message: string): PgkeepError {
  return new PgkeepError(code, message, {
    hint: "Write one key=value per line; lines that start with # are comments.",
    state: "nothing was started",
  });
}
