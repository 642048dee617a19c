/**
 * The two checksums of a project file.
 *
 * The raw one is SHA-256 of the bytes. The normalized one (`pgmi_checksum`) is SHA-256 of a text in which comments are
 * gone, words outside quotes are lower case and every run of white space is one blank, so that reformatting a
 * migration does not make it a new one. Projects store these values in their ledgers: not one byte of the
 * normalization may change, odd cases included. Known oddity: white space is also merged inside literals.
 *
 * The normalizer is a byte scanner, a comment-and-quote state machine whose output passes through a white-space merger.
 * Both run in one pass over a reused buffer, because every file of every deploy goes through it. It has rules of
 * its own and is deliberately not the lexer of pg/sql-text.
 */
import { createHash, hash } from "node:crypto";
import { BrokenAssumption } from "../../base/assert.ts";

/** Lower-case hexadecimal SHA-256 of the bytes. */
export function rawChecksum(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/** Lower-case hexadecimal SHA-256 of the normalized text. `bytes` must be valid UTF-8. */
export function normalizedChecksum(bytes: Uint8Array): string {
  if (bytes.length <= SHARED_BYTES) return hash("sha256", normalizeInto(bytes, refuseOverflow), "hex");
  const digest = createHash("sha256");
  digest.update(normalizeInto(bytes, (full) => digest.update(full)));
  return digest.digest("hex");
}

/** The normalized text's bytes, for looking at them. */
export function normalizeSql(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const rest = normalizeInto(bytes, (full) => parts.push(full.slice()));
  return Buffer.concat([...parts, rest]);
}

/** Hands each full buffer to `overflow` and returns the last one. Both are only valid until the next call. */
function normalizeInto(bytes: Uint8Array, overflow: (full: Uint8Array) => void): Uint8Array {
  return new Normalizer(bytes, overflow).run();
}

function refuseOverflow(): never {
  throw new BrokenAssumption("normalizing makes no text longer");
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const SINGLE_QUOTE = 0x27;
const ASTERISK = 0x2a;
const MINUS = 0x2d;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/**
 * 64 KiB: more than most files. It never overflows for those, as no text becomes longer: a comment of two bytes or more
 * becomes one blank, nothing else grows.
 */
const SHARED_BYTES = 64 * 1024;
const sharedOutput = new Uint8Array(SHARED_BYTES);

class Normalizer {
  readonly #in: Uint8Array;
  readonly #out = sharedOutput;
  readonly #overflow: (full: Uint8Array) => void;
  #length = 0;
  #hasBegun = false;
  #blankPending = false;

  constructor(bytes: Uint8Array, overflow: (full: Uint8Array) => void) {
    this.#in = bytes;
    this.#overflow = overflow;
  }

  run(): Uint8Array {
    const input = this.#in;
    let at = 0;
    while (at < input.length) {
      const byte = input[at] ?? 0;
      if (byte === MINUS && input[at + 1] === MINUS) {
        this.#blankPending = true;
        at = lineCommentEnd(input, at);
      } else if (byte === SLASH && input[at + 1] === ASTERISK) {
        this.#blankPending = true;
        at = blockCommentEnd(input, at);
      } else if (byte === SINGLE_QUOTE) {
        at = this.#copyQuoted(at, SINGLE_QUOTE, opensEscapeString(input, at));
      } else if (byte === DOUBLE_QUOTE) {
        at = this.#copyQuoted(at, DOUBLE_QUOTE, false);
      } else if (byte === DOLLAR) {
        at = this.#copyDollarQuoted(at);
      } else {
        at = this.#copyOne(at, byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);
      }
    }
    return this.#out.subarray(0, this.#length);
  }

  /** Copies the character at `at`, its first byte given as `byte`; white space is only remembered. */
  #copyOne(at: number, byte: number): number {
    if (byte <= SPACE && isAsciiSpace(byte)) {
      this.#blankPending = true;
      return at + 1;
    }
    if (byte >= 0xc2) {
      const width = wideSpaceWidth(this.#in, at);
      if (width > 0) {
        this.#blankPending = true;
        return at + width;
      }
    }
    if (this.#blankPending) {
      if (this.#hasBegun) this.#emit(SPACE);
      this.#blankPending = false;
    }
    this.#hasBegun = true;
    this.#emit(byte);
    return at + 1;
  }

  #emit(byte: number): void {
    if (this.#length === SHARED_BYTES) {
      this.#overflow(this.#out);
      this.#length = 0;
    }
    this.#out[this.#length++] = byte;
  }

  #copyRange(start: number, end: number): number {
    let at = start;
    while (at < end) at = this.#copyOne(at, this.#in[at] ?? 0);
    return at;
  }

  #copyQuoted(open: number, quote: number, escapes: boolean): number {
    const input = this.#in;
    let at = open + 1;
    while (at < input.length) {
      const byte = input[at];
      if (escapes && byte === BACKSLASH) at += 2;
      else if (byte !== quote) at++;
      else if (input[at + 1] === quote) at += 2;
      else return this.#copyRange(open, at + 1);
    }
    return this.#copyRange(open, input.length);
  }

  #copyDollarQuoted(open: number): number {
    const tagEnd = dollarTagEnd(this.#in, open);
    if (tagEnd === undefined) return this.#copyOne(open, DOLLAR);
    return this.#copyRange(open, endOfDollarQuote(this.#in, open, tagEnd));
  }
}

/** An `E` opens an escape string unless it ends a longer word. */
function opensEscapeString(input: Uint8Array, quote: number): boolean {
  return ((input[quote - 1] ?? 0) | 0x20) === 0x65 && !isIdentifierByte(input[quote - 2]);
}

function isIdentifierByte(byte: number | undefined): boolean {
  return byte !== undefined && (byte === DOLLAR || byte >= 0x80 || isTagByte(byte));
}

/** `[A-Za-z0-9_]` */
function isTagByte(byte: number): boolean {
  const folded = byte | 0x20;
  return (folded >= 0x61 && folded <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f;
}

/** Index after the tag `$…$` that starts at `open`; undefined when none does. Tags are ASCII here. */
function dollarTagEnd(input: Uint8Array, open: number): number | undefined {
  let at = open + 1;
  const first = input[at] ?? 0;
  if (first >= 0x30 && first <= 0x39) return undefined;
  while (isTagByte(input[at] ?? 0)) at++;
  return input[at] === DOLLAR ? at + 1 : undefined;
}

/** Index after the second occurrence of the tag from `open` to `tagEnd`; the text's length when there is none. */
function endOfDollarQuote(input: Uint8Array, open: number, tagEnd: number): number {
  const length = tagEnd - open;
  for (let at = input.indexOf(DOLLAR, tagEnd); at >= 0; at = input.indexOf(DOLLAR, at + 1)) {
    let same = 1;
    while (same < length && input[at + same] === input[open + same]) same++;
    if (same === length) return at + length;
  }
  return input.length;
}

/** Only a line feed ends a line comment here; a lone carriage return does not. */
function lineCommentEnd(input: Uint8Array, open: number): number {
  const end = input.indexOf(LF, open);
  return end < 0 ? input.length : end;
}

function blockCommentEnd(input: Uint8Array, open: number): number {
  let depth = 1;
  let at = open + 2;
  while (at < input.length) {
    if (input[at] === ASTERISK && input[at + 1] === SLASH) {
      at += 2;
      if (--depth === 0) return at;
    } else if (input[at] === SLASH && input[at + 1] === ASTERISK) {
      depth++;
      at += 2;
    } else {
      at++;
    }
  }
  return input.length;
}

/** U+0009 to U+000D and the blank. */
function isAsciiSpace(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CR);
}

/**
 * Bytes of the white-space character outside ASCII that starts at `at`, 0 when it is no white space. Source: Unicode
 * property White_Space: U+0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000.
 */
function wideSpaceWidth(input: Uint8Array, at: number): number {
  const first = input[at];
  const second = input[at + 1] ?? 0;
  if (first === 0xc2) return second === 0x85 || second === 0xa0 ? 2 : 0;
  const third = input[at + 2] ?? 0;
  if (first === 0xe2) return isGeneralPunctuationSpace(second, third) ? 3 : 0;
  if (first === 0xe1) return second === 0x9a && third === 0x80 ? 3 : 0;
  if (first === 0xe3) return second === 0x80 && third === 0x80 ? 3 : 0;
  return 0;
}

function isGeneralPunctuationSpace(second: number, third: number): boolean {
  if (second === 0x81) return third === 0x9f;
  if (second !== 0x80) return false;
  return (third >= 0x80 && third <= 0x8a) || third === 0xa8 || third === 0xa9 || third === 0xaf;
}
