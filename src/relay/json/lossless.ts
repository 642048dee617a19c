/**
 * JSON in and out without losing what JavaScript's numbers cannot hold.
 *
 * JSON.parse turns 9007199254740993 into 9007199254740992 and 1e400 into null. Such numbers are parsed as strings that
 * begin with NUL, which no jsonb text can hold, and are written back as the numbers they were. Whoever computes with
 * one sees a string; whoever passes it on passes it on exactly.
 *
 * A text without such a number, which is nearly every one, is parsed as it is.
 */

const MARK = "\u0000n:";

/** 16 digits in a row (with a point among them) or an exponent: only then can a number be lost. */
const SUSPECT = /\d[\d.]{15}|\d[eE]/;

/** Besides, zeros at the end and the negative one: those change their text and not their value. */
const REWRITTEN = /\d[\d.]{15}|\d[eE]|\.\d*0(?!\d)|-0(?![\d.])/;

/** A string or a number; strings are matched so that digits inside of them are not. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** 15 significant digits always survive. */
const SAFE_DIGITS = 15;

export interface LosslessOptions {
  /**
   * Also keeps numbers whose value survives and whose text does not (1.10, -0, 1e3), for documents that are only passed
   * on. Without, those stay numbers to compute with.
   */
  keepsText?: boolean;
}

/** Parses one document and writes parts of it. */
export class LosslessJson {
  readonly #suspect: RegExp;
  readonly #isKept: (token: string) => boolean;
  /** Whether a number is marked in what was parsed. */
  hasMarks = false;

  constructor({ keepsText = false }: LosslessOptions = {}) {
    this.#suspect = keepsText ? REWRITTEN : SUSPECT;
    this.#isKept = keepsText ? hasOneText : isKept;
  }

  /** As JSON.parse. Throws SyntaxError. */
  parse(text: string): unknown {
    if (!this.#suspect.test(text)) return JSON.parse(text);
    // Before anything is replaced: what is no JSON must not become JSON.
    const plain: unknown = JSON.parse(text);
    const marked = text.replace(TOKEN, (token) =>
      token.startsWith('"') || this.#isKept(token) ? token : this.#mark(token),
    );
    return this.hasMarks ? JSON.parse(marked) : plain;
  }

  /** As JSON.stringify; undefined and functions, which JSON has no words for, become null. */
  write(value: unknown): string {
    const text = JSON.stringify(value) ?? "null";
    return this.hasMarks ? text.replace(/"\\u0000n:([^"]*)"/g, "$1") : text;
  }

  #mark(number: string): string {
    this.hasMarks = true;
    return JSON.stringify(MARK + number);
  }
}

/** The number that a marked string stands for; undefined for every other string. */
export function markedNumber(text: string): number | undefined {
  return text.startsWith(MARK) ? Number(text.slice(MARK.length)) : undefined;
}

function hasOneText(text: string): boolean {
  return String(Number(text)) === text;
}

function isKept(text: string): boolean {
  const [mantissa = ""] = text.split(/[eE]/);
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  const digits = mantissa.replace(/^-?[0.]*|\./g, "").length;
  // Too small for a double: it would become 0.
  if (value === 0 && digits > 0) return false;
  return digits <= SAFE_DIGITS || String(value) === text;
}
