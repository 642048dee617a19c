/**
 * The lexer of SQL scripts: tells code from text that only looks like code.
 *
 * `maskSql` copies a script and blanks what the server would not read as code: comments with their delimiters, and the
 * bodies of string literals, quoted identifiers and dollar quotes. Quotes, doubled quotes and dollar tags stay, so a
 * reader of the mask still sees where a literal was. The copy has the length of the original, so an index found in
 * one is valid in the other. Everything that looks for words in SQL (metadata blocks, the test macro, the statement
 * splitter) looks at the mask.
 *
 * One pass, one step per character, no backtracking: an unclosed literal or comment runs to the end of the script.
 * Where the rules below seem odd they are the server's.
 * Source: PostgreSQL 18, src/backend/parser/scan.l and manual section 4.1 "Lexical Structure".
 */

const LF = 0x0a;
const CR = 0x0d;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const SINGLE_QUOTE = 0x27;
const ASTERISK = 0x2a;
const MINUS = 0x2d;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;

/** A stretch of the script with one meaning; stretches cover the script without gaps. */
export type SqlRegionKind = "code" | "line comment" | "block comment" | "body";

export interface SqlRegion {
  kind: SqlRegionKind;
  /** UTF-16 index of the first character. Comments include their delimiters, bodies exclude their quotes. */
  start: number;
  /** UTF-16 index after the last character. */
  end: number;
}

/** The script with everything that is not code blanked; same length in UTF-16 units. */
export function maskSql(text: string): string {
  let mask = "";
  let codeStart = 0;
  visitBlanked(text, (_, start, end) => {
    mask += text.slice(codeStart, start) + " ".repeat(end - start);
    codeStart = end;
  });
  return mask + text.slice(codeStart);
}

/** The block comments of the script in order, delimiters included; an unclosed one ends with the script. */
export function blockComments(text: string): SqlRegion[] {
  const comments: SqlRegion[] = [];
  visitBlanked(text, (kind, start, end) => {
    if (kind === "block comment") comments.push({ kind, start, end });
  });
  return comments;
}

/** The script as stretches of code, comments and bodies, in order and without gaps. */
export function sqlRegions(text: string): SqlRegion[] {
  const regions: SqlRegion[] = [];
  let codeStart = 0;
  const addCodeBefore = (start: number) => {
    if (start > codeStart) regions.push({ kind: "code", start: codeStart, end: start });
  };
  visitBlanked(text, (kind, start, end) => {
    addCodeBefore(start);
    regions.push({ kind, start, end });
    codeStart = end;
  });
  addCodeBefore(text.length);
  return regions;
}

/** Told of every stretch that is not code and not empty, in order. */
type Visit = (kind: Exclude<SqlRegionKind, "code">, start: number, end: number) => void;

/**
 * Walks the script once. Visits instead of collecting, because a file of nothing but quotes has millions of stretches
 * and most readers want few of them.
 */
function visitBlanked(text: string, visit: Visit): void {
  const add: Visit = (kind, start, end) => {
    if (end > start) visit(kind, start, end);
  };
  const continuation = new EscapeContinuation();
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const next = text.charCodeAt(at + 1);
    if (code === MINUS && next === MINUS) {
      const end = lineCommentEnd(text, at);
      add("line comment", at, end);
      at = end;
    } else if (code === SLASH && next === ASTERISK) {
      const end = blockCommentEnd(text, at);
      add("block comment", at, end);
      continuation.codeSeen();
      at = end;
    } else if (code === SINGLE_QUOTE) {
      const escapes = continuation.takeQuote();
      at = addQuoted(text, { open: at, quote: SINGLE_QUOTE, escapes }, add);
      if (escapes) continuation.escapeStringClosed();
    } else if (code === DOUBLE_QUOTE) {
      continuation.codeSeen();
      at = addQuoted(text, { open: at, quote: DOUBLE_QUOTE, escapes: false }, add);
    } else if (code === DOLLAR) {
      continuation.codeSeen();
      at = addDollarQuoted(text, at, add);
    } else if (isIdentifierStart(code)) {
      const end = identifierEnd(text, at);
      continuation.codeSeen();
      if (end === at + 1 && (code | 0x20) === 0x65 && text.charCodeAt(end) === SINGLE_QUOTE) {
        continuation.escapePrefix();
      }
      at = end;
    } else if (isDigit(code)) {
      continuation.codeSeen();
      at = numberEnd(text, at);
    } else {
      continuation.other(code);
      at++;
    }
  }
}

/**
 * Whether the next single quote opens a string with backslash escapes. That is so right after an `E`, and when the
 * string continues an escape string: the standard glues literals that only white space with a line break separates,
 * and the server reads all of them by the rules of the first.
 */
class EscapeContinuation {
  #state: "none" | "prefix" | "closed" | "closed, line break seen" = "none";

  escapePrefix(): void {
    this.#state = "prefix";
  }

  escapeStringClosed(): void {
    this.#state = "closed";
  }

  codeSeen(): void {
    this.#state = "none";
  }

  /** A character that is no token start of its own: white space keeps the state, a line break advances it. */
  other(code: number): void {
    if (this.#state === "none") return;
    if (code === LF || code === CR) {
      if (this.#state === "closed") this.#state = "closed, line break seen";
    } else if (!isBlank(code)) {
      this.#state = "none";
    }
  }

  takeQuote(): boolean {
    const escapes = this.#state === "prefix" || this.#state === "closed, line break seen";
    this.#state = "none";
    return escapes;
  }
}

/** Adds the bodies of the literal or identifier that opens at `open`; returns the index after its closing quote. */
function addQuoted(
  text: string,
  { open, quote, escapes }: { open: number; quote: number; escapes: boolean },
  add: Visit,
): number {
  let bodyStart = open + 1;
  let at = bodyStart;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (escapes && code === BACKSLASH) {
      at = Math.min(at + 2, text.length);
    } else if (code !== quote) {
      at++;
    } else {
      add("body", bodyStart, at);
      if (text.charCodeAt(at + 1) !== quote) return at + 1;
      at += 2;
      bodyStart = at;
    }
  }
  add("body", bodyStart, at);
  return at;
}

/** Adds the body of a dollar quote at `open`, if one starts there; returns the index to go on from. */
function addDollarQuoted(text: string, open: number, add: Visit): number {
  if (isDigit(text.charCodeAt(open + 1))) return parameterEnd(text, open);
  const tagEnd = dollarTagEnd(text, open);
  if (tagEnd === undefined) return open + 1;
  const tag = text.slice(open, tagEnd);
  const close = text.indexOf(tag, tagEnd);
  const bodyEnd = close < 0 ? text.length : close;
  add("body", tagEnd, bodyEnd);
  return close < 0 ? text.length : close + tag.length;
}

/** Index after the second `$` of a dollar quote's tag; undefined when this `$` starts none. */
function dollarTagEnd(text: string, open: number): number | undefined {
  let at = open + 1;
  if (text.charCodeAt(at) === DOLLAR) return at + 1;
  if (!isIdentifierStart(text.charCodeAt(at))) return undefined;
  do at++;
  while (isIdentifierStart(text.charCodeAt(at)) || isDigit(text.charCodeAt(at)));
  return text.charCodeAt(at) === DOLLAR ? at + 1 : undefined;
}

/** The server ends a line comment at a line feed and at a carriage return; neither belongs to it. */
function lineCommentEnd(text: string, open: number): number {
  let at = open + 2;
  while (at < text.length && text.charCodeAt(at) !== LF && text.charCodeAt(at) !== CR) at++;
  return at;
}

function blockCommentEnd(text: string, open: number): number {
  let depth = 1;
  let at = open + 2;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const next = text.charCodeAt(at + 1);
    if (code === ASTERISK && next === SLASH) {
      at += 2;
      if (--depth === 0) return at;
    } else if (code === SLASH && next === ASTERISK) {
      depth++;
      at += 2;
    } else {
      at++;
    }
  }
  return text.length;
}

/** Identifiers are taken whole because a `$` inside one (`a$b$c`) starts no dollar quote. */
function identifierEnd(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isIdentifierStart(code) && !isDigit(code) && code !== DOLLAR) break;
  }
  return at;
}

/** `$1`: digits only, so that in `$1a$b$` the rest is an identifier. */
function parameterEnd(text: string, open: number): number {
  let at = open + 2;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

/** Numbers are taken with their letters (`1e5`, `0xFF`) but without `$`: `1$$x$$` is a number and a dollar quote. */
function numberEnd(text: string, start: number): number {
  let at = start + 1;
  while (isDigit(text.charCodeAt(at)) || isIdentifierStart(text.charCodeAt(at))) at++;
  return at;
}

/** Letters, `_`, and everything outside ASCII, as the server sees bytes of 0x80 and above. NaN (past the end) is none. */
function isIdentifierStart(code: number): boolean {
  return code >= 0x80 || code === UNDERSCORE || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Space, tab, vertical tab, form feed. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0b || code === 0x0c;
}
