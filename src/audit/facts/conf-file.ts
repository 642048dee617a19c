/**
 * postgresql.conf and what it includes, read as the server reads it: the last line of a setting wins, and one line that does
 * not parse refuses the whole file.
 *
 * Values leave this file as pg_settings shows them, in base units and one spelling, so that checks of a file and of a
 * server are the same checks. A value that we cannot convert, or a default that depends on the build, is unknown and
 * never guessed.
 *
 * Source: guc-file.l and the conversions of guc.c, servers 14 to 18.
 */
import { posix } from "node:path";
import { Unanswered } from "../answers.ts";
import { type ConfSource, MAX_FILE_BYTES } from "../hba/conf-files.ts";
import { decoded } from "../hba/conf-lines.ts";
import type { SettingKind } from "./setting-kinds.ts";

/** One line `name = value`. */
export interface ConfValue {
  /** Lower case. */
  name: string;
  value: string;
  file: string;
  line: number;
}

/** 10: the server's own bound. */
const MAX_DEPTH = 10;
/** As for pg_hba.conf: real files take in a handful. */
const MAX_READS = 1000;
/** Three times as many lines as a file has that explains every setting. */
const MAX_VALUES = 20_000;

/** The values of the files in order, one per setting. Throws Unanswered when the server would refuse them. */
export async function readConf(path: string, source: ConfSource): Promise<ReadonlyMap<string, ConfValue>> {
  const reader = new ConfReader(source);
  await reader.read(path, { depth: 0, mayBeMissing: false });
  const data = reader.values.get("data_directory")?.value ?? posix.dirname(path);
  // ALTER SYSTEM writes there, and the server reads it last.
  await reader.read(posix.join(data, "postgresql.auto.conf"), { depth: 0, mayBeMissing: true });
  return reader.values;
}

class ConfReader {
  readonly values = new Map<string, ConfValue>();
  readonly #source: ConfSource;
  #reads = 0;
  #lines = 0;

  constructor(source: ConfSource) {
    this.#source = source;
  }

  async read(path: string, { depth, mayBeMissing }: { depth: number; mayBeMissing: boolean }): Promise<void> {
    const name = posix.basename(path);
    if (depth > MAX_DEPTH || ++this.#reads > MAX_READS)
      throw new Unanswered(`${name} is included too often or too deep`);
    const content = await this.#source.read(path);
    if (!Buffer.isBuffer(content)) {
      if (mayBeMissing && content.isMissing) return;
      throw new Unanswered(`${name} could not be read: ${content.reason}`);
    }
    if (content.length > MAX_FILE_BYTES) throw new Unanswered(`${name} is larger than ${MAX_FILE_BYTES} bytes`);
    for (const [index, text] of content.toString("latin1").split("\n").entries()) {
      const line = lineOf(text);
      if (line === "wrong") throw new Unanswered(`line ${index + 1} of ${name} is one that the server refuses`);
      if (line !== undefined) await this.#take({ ...line, file: path, line: index + 1 }, depth);
    }
  }

  async #take(line: ConfValue, depth: number): Promise<void> {
    if (++this.#lines > MAX_VALUES) throw new Unanswered(`the configuration has more than ${MAX_VALUES} lines`);
    const { name, value, file } = line;
    const path = posix.isAbsolute(value) ? posix.normalize(value) : posix.join(posix.dirname(file), value);
    if (name === "include" || name === "include_if_exists") {
      await this.read(path, { depth: depth + 1, mayBeMissing: name === "include_if_exists" });
    } else if (name === "include_dir") await this.#readDirectory(path, depth);
    else this.values.set(name, line);
  }

  async #readDirectory(path: string, depth: number): Promise<void> {
    const names = await this.#source.list(path);
    if ("reason" in names) throw new Unanswered(`${posix.basename(path)} could not be read: ${names.reason}`);
    const own = names.filter((name) => name.length >= 6 && name.endsWith(".conf") && !name.startsWith("."));
    for (const name of own.sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))) {
      await this.read(posix.join(path, name), { depth: depth + 1, mayBeMissing: false });
    }
  }
}

/** Characters of a name, and of a word that needs no quotes; bytes above ASCII count as letters. */
const NAME = /[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff]*(?:\.[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff]*)?/y;
const WORDS = [
  /[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff\-.:/]*/y,
  /[+-]?(?:0x[0-9A-Fa-f]+|[0-9]+)[a-zA-Z]*/y,
  /[+-]?[0-9]*\.[0-9]*(?:[Ee][+-]?[0-9]+)?/y,
];

/** One line of the file; undefined for a blank one or a comment. */
function lineOf(text: string): { name: string; value: string } | "wrong" | undefined {
  const start = skipBlanks(text, 0);
  if (isEnd(text, start)) return undefined;
  const name = matchAt(NAME, text, start);
  if (name === "") return "wrong";
  let position = skipBlanks(text, start + name.length);
  if (text[position] === "=") position = skipBlanks(text, position + 1);
  const value = text[position] === "'" ? quotedAt(text, position) : wordAt(text, position);
  if (value === undefined || !isEnd(text, skipBlanks(text, value.end))) return "wrong";
  return { name: decoded(name).toLowerCase(), value: decoded(value.text) };
}

function skipBlanks(text: string, from: number): number {
  let position = from;
  while (text[position] === " " || text[position] === "\t" || text[position] === "\r") position++;
  return position;
}

const isEnd = (text: string, position: number): boolean => position >= text.length || text[position] === "#";

function matchAt(pattern: RegExp, text: string, position: number): string {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0] ?? "";
}

/** The longest of the words that can begin here, as a lexer chooses. */
function wordAt(text: string, position: number): { text: string; end: number } | undefined {
  const longest = WORDS.map((pattern) => matchAt(pattern, text, position)).reduce((best, next) =>
    next.length > best.length ? next : best,
  );
  return longest === "" ? undefined : { text: longest, end: position + longest.length };
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** A string in single quotes: doubled quotes and backslashes undone; undefined when it does not end on its line. */
function quotedAt(text: string, start: number): { text: string; end: number } | undefined {
  const pieces: string[] = [];
  for (let position = start + 1; position < text.length; position++) {
    const character = text.charAt(position);
    if (character === "'") {
      if (text[position + 1] !== "'") return { text: pieces.join(""), end: position + 1 };
      pieces.push("'");
      position++;
    } else if (character === "\\") {
      const octal = matchAt(/[0-7]{1,3}/y, text, position + 1);
      const next = text.charAt(position + 1);
      pieces.push(octal === "" ? (ESCAPES[next] ?? next) : String.fromCharCode(Number.parseInt(octal, 8) & 0xff));
      position += octal === "" ? 1 : octal.length;
    } else pieces.push(character);
  }
  return undefined;
}

/** `text` as pg_settings would show it; undefined when the server would not take it. */
export function normalized(kind: SettingKind, text: string): string | undefined {
  // A switch until 17, and a list since then that still takes the words of a switch.
  if (kind.name === "log_connections") return booleanOf(text) ?? text;
  if (kind.type === "string") return text;
  if (kind.type === "boolean") return booleanOf(text);
  if (kind.type === "choice") return choiceOf(kind, text);
  return numberOf(kind, text);
}

/** Any beginning of a word that is no other's beginning. */
function booleanOf(text: string): "on" | "off" | undefined {
  const word = text.trim().toLowerCase();
  if (word === "") return undefined;
  if (word === "1" || word === "on" || "true".startsWith(word) || "yes".startsWith(word)) return "on";
  if (word === "0" || "false".startsWith(word) || "no".startsWith(word)) return "off";
  return word === "of" || word === "off" ? "off" : undefined;
}

const SYNONYMS: Readonly<Record<string, string>> = {
  true: "on",
  yes: "on",
  "1": "on",
  false: "off",
  no: "off",
  "0": "off",
};

function choiceOf({ name, choices }: SettingKind, text: string): string | undefined {
  const word = text.toLowerCase();
  const find = (wanted: string): string | undefined => choices.find((choice) => choice.toLowerCase() === wanted);
  const synonym = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined;
  // A switch in 14, and since then another word for its first method.
  if (name === "wal_compression" && (synonym === "on" || word === "on")) return undefined;
  return find(word) ?? (synonym === undefined ? undefined : find(synonym));
}

/** Bytes and microseconds of each unit. */
const MEMORY: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1024,
  "8kB": 8192,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};
const TIME: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1000,
  s: 1_000_000,
  min: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};

/** Settings that are shown as modes of files. */
const MODES = new Set(["unix_socket_permissions", "log_file_mode", "data_directory_mode"]);

function numberOf(kind: SettingKind, text: string): string | undefined {
  const match = /^\s*([+-]?)(0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = "", unit = ""] = match;
  const factor = unit === "" ? 1 : factorOf(unit, kind.unit);
  if (factor === undefined) return undefined;
  const size = kind.type === "integer" && /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  const value = (sign === "-" ? -size : size) * factor;
  if (kind.type === "real") return String(value);
  const whole = Math.round(value);
  return MODES.has(kind.name) ? whole.toString(8).padStart(4, "0") : String(whole === 0 ? 0 : whole);
}

function factorOf(unit: string, base: string): number | undefined {
  for (const units of [MEMORY, TIME]) {
    const [given, own] = [Object.hasOwn(units, unit) ? units[unit] : undefined, units[base]];
    if (given !== undefined && own !== undefined && unit !== "8kB") return given / own;
  }
  return undefined;
}
