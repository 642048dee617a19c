/**
 * Logical lines of pg_hba.conf and pg_ident.conf, and their words, read as the server reads them, byte by byte.
 *
 * Followed to the letter, since whoever writes the file may know these ways better than whoever audits it: a backslash at
 * the end of a line joins it with the next, a zero byte hides the rest of what the server read in one piece (its line end
 * included), a comma continues a list over blanks, a quote may begin inside a word. Text is one character per byte here;
 * words are decoded last.
 *
 * Source: next_token() and tokenize_auth_file() of the servers 14 to 18.
 */

/** One word as it stands in the file. */
export interface ConfToken {
  text: string;
  /** Quoted from its first character: it means itself. */
  isQuoted: boolean;
}

export interface LogicalLine {
  /** 1-based, of the first physical line, counted as the server counts. */
  line: number;
  /** One character per byte, without line end. */
  text: string;
}

/** Words of one column, one character per byte, with what follows them. */
export interface RawToken extends ConfToken {
  /** An unquoted `@name`: stands for the words of another file. */
  isReference: boolean;
  /** A comma follows, so the column goes on. */
  continues: boolean;
}

/** 10,240 bytes with the end mark: what servers before 16 take for one word. */
const OLD_TOKEN_BYTES = 10_239;

/** Servers up to 15 refuse a line with a longer word. */
export const TOKEN_TOO_LONG = "authentication file token too long";

/** Bytes that the server's buffer starts with and grows by at least; they decide what a zero byte hides. */
const BUFFER_BYTES = 1024;
const BUFFER_STEP = 128;

/** Lines in order, blank ones and comments included. */
export function* logicalLines(content: Buffer): Generator<LogicalLine> {
  const reader = new LineReader(content.toString("latin1"));
  let line = 1;
  while (!reader.isAtEnd()) {
    const { text, physicalLines } = joinedLine(reader);
    yield { line, text };
    line += physicalLines;
  }
}

/** One line and those that a backslash joins to it. */
function joinedLine(reader: LineReader): { text: string; physicalLines: number } {
  const buffer = new LineBuffer();
  let lastBackslash = 0;
  for (let physicalLines = 1; ; physicalLines++) {
    if (!reader.appendTo(buffer)) return { text: buffer.text(), physicalLines };
    buffer.dropEnd(isLineEnd);
    // Two backslashes at two line ends are two continuations, not an escaped one.
    if (buffer.length <= lastBackslash || buffer.last() !== "\\") return { text: buffer.text(), physicalLines };
    buffer.dropLast();
    lastBackslash = buffer.length;
  }
}

const isLineEnd = (character: string): boolean => character === "\n" || character === "\r";

/** A text that grows and shrinks at its end, in pieces: joining at every step would take the square of the time. */
class LineBuffer {
  readonly #pieces: string[] = [];
  length = 0;

  add(piece: string): void {
    if (piece === "") return;
    this.#pieces.push(piece);
    this.length += piece.length;
  }

  last(): string {
    return this.#pieces.at(-1)?.at(-1) ?? "";
  }

  dropLast(): void {
    const piece = this.#pieces.pop() ?? "";
    if (piece.length > 1) this.#pieces.push(piece.slice(0, -1));
    this.length -= Math.min(1, piece.length);
  }

  dropEnd(isDropped: (character: string) => boolean): void {
    while (this.length > 0 && isDropped(this.last())) this.dropLast();
  }

  text(): string {
    return this.#pieces.join("");
  }
}

/** fgets into a growing buffer, then strlen: a zero byte ends what counts of one read, and reading goes on behind it. */
class LineReader {
  readonly #content: string;
  #position = 0;
  #newline = -1;
  #capacity = BUFFER_BYTES;
  #metEnd = false;

  constructor(content: string) {
    this.#content = content;
  }

  isAtEnd(): boolean {
    return this.#metEnd;
  }

  /** Puts the next line, line end included, behind what `buffer` has; false when nothing was left. */
  appendTo(buffer: LineBuffer): boolean {
    const before = buffer.length;
    for (;;) {
      const piece = this.#read(this.#capacity - buffer.length - 1);
      if (piece === undefined) return buffer.length > before;
      buffer.add(piece);
      if (piece.endsWith("\n")) return true;
      this.#grow(buffer.length);
    }
  }

  #read(room: number): string | undefined {
    const lineEnd = this.#lineEnd();
    const end = Math.min(lineEnd, this.#position + room);
    const isLast = lineEnd === this.#content.length && !this.#content.endsWith("\n");
    if ((isLast || lineEnd === this.#position) && this.#position + room > lineEnd) this.#metEnd = true;
    if (end === this.#position) return undefined;
    const piece = this.#content.slice(this.#position, end);
    this.#position = end;
    const zero = piece.indexOf("\0");
    return zero < 0 ? piece : piece.slice(0, zero);
  }

  /** Behind the next line feed, or the end. Looked for once per line: a line may be read in many pieces. */
  #lineEnd(): number {
    if (this.#newline < this.#position) {
      const found = this.#content.indexOf("\n", this.#position);
      this.#newline = found < 0 ? this.#content.length : found;
    }
    return Math.min(this.#newline + 1, this.#content.length);
  }

  #grow(length: number): void {
    while (this.#capacity < length + BUFFER_STEP + 1) this.#capacity *= 2;
  }
}

const isBlank = (character: string): boolean => character === " " || character === "\t" || character === "\r";

/** Words of one line, one at a time. */
export class WordScanner {
  readonly #text: string;
  readonly #limit: number;
  #position = 0;

  /** `major` decides how long a word may be. */
  constructor(text: string, major: number) {
    this.#text = text;
    this.#limit = major < 16 ? OLD_TOKEN_BYTES : Number.POSITIVE_INFINITY;
  }

  isAtEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  /** The next word; undefined when there is none before the end or a comment; "too long" as said above. */
  next(): RawToken | "too long" | undefined {
    this.#skipSeparators();
    let text = "";
    let [inQuote, wasQuote, sawQuote, isQuoted, continues] = [false, false, false, false, false];
    for (; this.#position < this.#text.length; this.#position++) {
      const character = this.#text.charAt(this.#position);
      if (isBlank(character) && !inQuote) break;
      if (character === "#" && !inQuote) {
        this.#position = this.#text.length;
        break;
      }
      if (text.length > this.#limit - 1) {
        this.#position = this.#text.length;
        return "too long";
      }
      if (character === "," && !inQuote) {
        continues = true;
        this.#position++;
        break;
      }
      if (character !== '"' || wasQuote) text += character;
      wasQuote = inQuote && character === '"' ? !wasQuote : false;
      if (character === '"') {
        inQuote = !inQuote;
        sawQuote = true;
        if (text === "") isQuoted = true;
      }
    }
    if (!sawQuote && text === "") return undefined;
    return { text, isQuoted, continues, isReference: !isQuoted && text.length > 1 && text.startsWith("@") };
  }

  #skipSeparators(): void {
    while (this.#position < this.#text.length) {
      const character = this.#text.charAt(this.#position);
      if (!isBlank(character) && character !== ",") return;
      this.#position++;
    }
  }
}

/** A word's bytes as text. Bytes that are no UTF-8 become U+FFFD, as they do in what the server sends. */
export function decoded(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, "latin1").toString("utf8");
}
