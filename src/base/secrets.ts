/**
 * Secret values and the scrubber that keeps them out of every output.
 *
 * Two lines of defence. A secret travels as a `Secret`, which prints as "[secret]" however it is printed, so code has
 * to ask for the value by name (`expose`). And because leaks come from paths nobody thought of (a server repeating a
 * password in an error, a notice raised by somebody's SQL), every value is also registered when it is resolved, and
 * `scrub` is the last step of every output: it replaces each registered value in its plain, escaped, URL-encoded,
 * base64 and hexadecimal forms. Whatever cuts or rewrites a text scrubs it first, because a part is not recognised.
 *
 * One registry per process. Values under MIN_SCRUBBED_LENGTH are not searched for in free text: replacing every "a"
 * or "prod" would make output useless without hiding anything.
 */
import { inspect } from "node:util";

/** 6: the shortest value that is searched for in free text; shorter ones are masked only in their own field. */
export const MIN_SCRUBBED_LENGTH = 6;

export const SECRET_TEXT = "[secret]";

/** A value that must not be shown. Prints as "[secret]" through String(), JSON, template literals and inspect. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    registerSecret(value);
  }

  /** The value itself. Call it only where it leaves for its destination. */
  expose(): string {
    return this.#value;
  }

  toString(): string {
    return SECRET_TEXT;
  }

  toJSON(): string {
    return SECRET_TEXT;
  }

  [inspect.custom](): string {
    return SECRET_TEXT;
  }
}

/** Every form of every secret. */
const forms = new Set<string>();
let finder: FormFinder | undefined;

/** Makes `scrub` hide `value` from now on, for the life of the process. */
export function registerSecret(value: string): void {
  if (value.length < MIN_SCRUBBED_LENGTH) return;
  const before = forms.size;
  for (const form of formsOf(value)) if (form.length >= MIN_SCRUBBED_LENGTH) forms.add(form);
  if (forms.size > before) finder = undefined;
}

/** Replaces every registered secret in `text`, in any of the forms a program or server may echo it. */
export function scrub(text: string): string {
  if (forms.size === 0 || text.length < MIN_SCRUBBED_LENGTH) return text;
  finder ??= new FormFinder(forms);
  const hidden = withoutSpans(text, finder.find(text));
  return LINE_BREAK.test(hidden) ? scrubAcrossLines(hidden, finder) : hidden;
}

/** A line break with the indentation after it, as it is or as JSON writes it. */
const LINE_BREAK = /(?:\r?\n|(?:\\r)?\\n)[ \t]*/;

/** Encoders wrap their text (the server's base64 after 76 characters), so it is also read as if it were one line. */
function scrubAcrossLines(text: string, forms: FormFinder): string {
  const pieces: Span[] = [];
  let offset = 0;
  for (const line of text.matchAll(new RegExp(LINE_BREAK, "g"))) {
    pieces.push({ start: offset, end: line.index });
    offset = line.index + line[0].length;
  }
  pieces.push({ start: offset, end: text.length });
  const found = forms.find(pieces.map(({ start, end }) => text.slice(start, end)).join(""));
  if (found.length === 0) return text;
  // Both lists are in order, so one walk over the pieces takes all spans back to the original text.
  let index = 0;
  let joined = 0;
  const original = (at: number): number => {
    for (let piece = pieces[index]; piece && at >= joined + piece.end - piece.start; piece = pieces[index]) {
      joined += piece.end - piece.start;
      index++;
    }
    return (pieces[index]?.start ?? text.length) + at - joined;
  };
  const spans = found.map(({ start, end }) => ({ start: original(start), end: original(end - 1) + 1 }));
  return withoutSpans(text, spans);
}

interface Span {
  start: number;
  end: number;
}

function withoutSpans(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text;
  let shown = "";
  let offset = 0;
  for (const { start, end } of spans) {
    shown += text.slice(offset, start) + SECRET_TEXT;
    offset = end;
  }
  return shown + text.slice(offset);
}

/** `scrub` applied to every string inside a JSON-like value, keys included; other values pass through. */
export function scrubDeep<T>(value: T): T;
export function scrubDeep(value: unknown): unknown {
  if (typeof value === "string") return scrub(value);
  if (value instanceof Secret) return SECRET_TEXT;
  if (Array.isArray(value)) return value.map((item) => scrubDeep(item));
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrub(key), scrubDeep(item)]));
}

/** Forgets every registered secret. Tests only: a process that resolved a secret must go on hiding it. */
export function forgetSecretsForTests(): void {
  forms.clear();
  finder = undefined;
}

/** What other programs do to a value when they put it into a text of theirs. */
const ESCAPES: readonly ((value: string) => string)[] = [
  (value) => JSON.stringify(value).slice(1, -1),
  // A literal, an identifier and a row of SQL.
  (value) => value.replaceAll("'", "''"),
  (value) => value.replace(/['\\]/g, "$&$&"),
  (value) => value.replaceAll('"', '""'),
  (value) => value.replace(/["\\]/g, "$&$&"),
  (value) => value.replace(/[&<>]/g, xmlEntity),
  (value) => value.replace(/[&<>"]/g, xmlEntity),
  percentEncoded,
  strictlyPercentEncoded,
  (value) => strictlyPercentEncoded(value).replaceAll("%20", "+"),
  (value) => percentEncoded(value).replaceAll("%20", "+"),
  (value) => strictlyPercentEncoded(value).replace(/%../g, (code) => code.toLowerCase()),
  byteaEscaped,
];

function xmlEntity(character: string): string {
  return `&${{ "&": "amp", "<": "lt", ">": "gt", '"': "quot" }[character] ?? ""};`;
}

function percentEncoded(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

/** RFC 3986 reserves five more characters than JavaScript encodes. */
function strictlyPercentEncoded(value: string): string {
  return percentEncoded(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The server's bytea_output = escape. */
function byteaEscaped(value: string): string {
  if (!/[^ -[\]-~]/.test(value)) return value;
  return Array.from(Buffer.from(value, "utf8"), (byte) => {
    if (byte === 0x5c) return "\\\\";
    return byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, "0")}` : String.fromCharCode(byte);
  }).join("");
}

function formsOf(value: string): string[] {
  const bytes = Buffer.from(value, "utf8");
  const escaped = ESCAPES.map((write) => write(value));
  return [
    value,
    ...escaped,
    // A document inside a document, a literal inside a literal.
    ...ESCAPES.slice(0, 3).map((write, index) => write(escaped[index] ?? value)),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...base64Forms(bytes),
    ...linesOf(value),
    ...headsOf(bytes),
  ];
}

/** 8: shorter lines of a long value ("}", "end;") stand in everybody's text. */
const MIN_LINE_LENGTH = 8;

/** Output is indented and cut at line breaks, so the lines of a value (a private key, say) are hidden one by one. */
function linesOf(value: string): string[] {
  if (!value.includes("\n")) return [];
  const lines = value.split("\n").map((line) => line.trim());
  return [lines.join(""), ...lines.filter(({ length }) => length >= MIN_LINE_LENGTH)];
}

/** The server shows the first 64 bytes of a longer value in "Failing row contains", and cuts identifiers at 63. */
function headsOf(bytes: Buffer): string[] {
  return [64, 63]
    .filter((limit) => bytes.length > limit)
    .map((limit) => {
      let end = limit;
      while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
      return bytes.toString("utf8", 0, end);
    });
}

/**
 * The value's base64 text at each of the three places it can start inside a longer encoded text. The characters that
 * also depend on neighbouring bytes are cut off, so the rest matches whatever surrounds it.
 */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    const padded = shifted.toString("base64").slice(offset === 0 ? 0 : offset + 1);
    const text = padded.replace(/=+$/, "");
    const inner = shifted.length % 3 === 0 ? text : text.slice(0, -1);
    // Where the encoded text ends with the value, its last character is the value's alone, with padding or without.
    return [inner, text, padded].flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
  });
}

/** 18 bits: with a few hundred secrets nearly every place of a text is passed over after one look. */
const TABLE_BITS = 18;

/**
 * Finds many strings in a text in one pass. A table says for each hash of MIN_SCRUBBED_LENGTH characters whether a
 * string begins so. A regular expression of all strings would be slow from a few hundred on, and too large for the
 * engine when values are long; its error would then hold them all.
 */
class FormFinder {
  readonly #table = new Uint8Array(2 ** TABLE_BITS);
  /** Strings by their first characters, the longest first. */
  readonly #byHead = new Map<string, string[]>();

  constructor(strings: Iterable<string>) {
    // What already stands for a secret is passed over, so that scrubbing twice changes nothing.
    for (const string of [SECRET_TEXT, ...strings]) {
      const head = string.slice(0, MIN_SCRUBBED_LENGTH);
      const same = this.#byHead.get(head);
      if (same) same.push(string);
      else this.#byHead.set(head, [string]);
      this.#table[hashAt(string, 0)] = 1;
    }
    for (const same of this.#byHead.values()) same.sort((a, b) => b.length - a.length);
  }

  /** Where strings stand, in order and apart from each other; of several at one place the longest. */
  find(text: string): Span[] {
    const spans: Span[] = [];
    for (let at = 0; at <= text.length - MIN_SCRUBBED_LENGTH; ) {
      const found = this.#table[hashAt(text, at)] === 1 ? this.#longestAt(text, at) : undefined;
      if (found !== undefined && found !== SECRET_TEXT) spans.push({ start: at, end: at + found.length });
      at += found?.length ?? 1;
    }
    return spans;
  }

  #longestAt(text: string, at: number): string | undefined {
    const same = this.#byHead.get(text.slice(at, at + MIN_SCRUBBED_LENGTH));
    return same?.find((string) => text.startsWith(string, at));
  }
}

/** Hash of the MIN_SCRUBBED_LENGTH characters from `at` on. */
function hashAt(text: string, at: number): number {
  let hash = 0;
  for (let index = at; index < at + MIN_SCRUBBED_LENGTH; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x9e3779b1);
  }
  return hash >>> (32 - TABLE_BITS);
}
