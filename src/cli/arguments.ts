/**
 * argv to command and input, by the command table alone.
 *
 * `node:util.parseArgs` splits words into tokens; what they mean is decided here. Nothing a person typed is repeated in
 * a message unless it is a name we know or is near to one: people paste passwords into flags, and messages reach logs.
 */
import { parseArgs } from "node:util";
import { parseDurationMs } from "../base/duration.ts";
import { PgkeepError } from "../base/errors.ts";
import { nearestName } from "../base/suggest.ts";
import { flagsOf, LEADING_FLAGS } from "./global-flags.ts";
import { LOG_LEVELS, type LogLevel } from "./log-line.ts";
import type { CommandEntry, FlagSpec, ProgramName } from "./manifest.ts";

/** What the command line itself was told. */
export interface GlobalValues {
  help: boolean;
  version: boolean;
  json: boolean;
  verbose: boolean;
  quiet: boolean;
  ascii: boolean;
  noInput: boolean;
  color: "auto" | "always" | "never";
  format?: string;
  output: string[];
  fields?: string;
  width?: number;
  timeout?: string;
  /** --log-level; -q and -v are the same as warn and debug. */
  logLevel?: LogLevel;
  logFormat?: "text" | "json";
}

export interface ParsedCommand {
  command: CommandEntry;
  input: Record<string, unknown>;
  globals: GlobalValues;
}

interface OptionToken {
  kind: "option";
  name: string;
  rawName: string;
  index: number;
  value: string | undefined;
  inlineValue: boolean | undefined;
}
type Token = OptionToken | { kind: "positional"; index: number; value: string } | { kind: "option-terminator" };

/** Which command argv names, and the words that are left for it. `command` is undefined when none was named. */
export interface Located {
  command: CommandEntry | undefined;
  /** "db" of `pgkeep db --help`: the first word of commands of two words. */
  group: string | undefined;
  rest: string[];
}

/** Finds the command. Throws USAGE_UNKNOWN_COMMAND, or USAGE_UNKNOWN_FLAG for a flag before it that only it could know. */
export function locateCommand(words: readonly string[], commands: readonly CommandEntry[]): Located {
  const tokens = tokenize(words, LEADING_FLAGS);
  const positionals = tokens.filter((token) => token.kind === "positional");
  const [first, second] = positionals;
  const unknown = tokens.find((token) => token.kind === "option" && !isKnown(token, LEADING_FLAGS));
  if (unknown?.kind === "option" && (first === undefined || unknown.index < first.index))
    throw unknownFlag(unknown.rawName, { flags: LEADING_FLAGS, help: "Flags of a command stand after its name." });
  if (first === undefined) return { command: undefined, group: undefined, rest: [...words] };
  const without = (...indexes: number[]): string[] => words.filter((_, index) => !indexes.includes(index));
  const long = second && commands.find(({ words: name }) => name === `${first.value} ${second.value}`);
  if (second && long) return { command: long, group: undefined, rest: without(first.index, second.index) };
  const short = commands.find(({ words: name }) => name === first.value);
  const verbs = commands.filter(({ words: name }) => name.startsWith(`${first.value} `));
  // The word right after a command that takes none, but has verbs, is a verb that is written wrongly.
  const isVerb = second?.index === first.index + 1 && verbs.length > 0 && short?.positionals.length === 0;
  if (short && !isVerb) return { command: short, group: undefined, rest: without(first.index) };
  if (verbs.length === 0) throw unknownCommand(first.value, commands);
  if (second === undefined) return { command: undefined, group: first.value, rest: without(first.index) };
  throw unknownVerb(first.value, second.value, verbs);
}

function unknownCommand(word: string, commands: readonly CommandEntry[]): PgkeepError {
  const names = [...new Set(commands.map(({ words }) => words.split(" ")[0] ?? ""))];
  const near = nearestName(word, names);
  return near === undefined
    ? new PgkeepError("USAGE_UNKNOWN_COMMAND", "unknown command", { hint: `Known: ${names.join(", ")}.` })
    : new PgkeepError("USAGE_UNKNOWN_COMMAND", `unknown command "${word}"`, { hint: `Did you mean "${near}"?` });
}

function unknownVerb(group: string, word: string, commands: readonly CommandEntry[]): PgkeepError {
  const verbs = commands.map(({ words }) => words.slice(group.length + 1));
  const near = nearestName(word, verbs);
  return new PgkeepError("USAGE_UNKNOWN_COMMAND", `unknown command after "${group}"`, {
    hint: near === undefined ? `Known: ${verbs.join(", ")}.` : `Did you mean "${group} ${near}"?`,
  });
}

/** Reads the words of one command. Throws USAGE_UNKNOWN_FLAG and USAGE_ARGUMENTS. */
export function parseCommand(command: CommandEntry, words: readonly string[], program: ProgramName): ParsedCommand {
  const flags = flagsOf(command, program);
  const tokens = tokenize(words, flags);
  const values = new Map<FlagSpec, unknown>();
  for (const token of tokens)
    if (token.kind === "option")
      readFlag(token, { flags, help: `${program} ${command.words} --help lists the flags.` }, values);
  const globals = globalsOf(values);
  if (globals.help) return { command, input: {}, globals };
  const positionals = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  if (program === "pgkeep") refuseEmpty(command, values, positionals);
  const input: Record<string, unknown> = { ...inputOf(values), ...positionalsOf(command, positionals) };
  // Commands that do more when they are to say more have a field of that name.
  if (globals.logLevel !== undefined && command.flags.some(({ field }) => field === "verbose"))
    input.verbose = globals.verbose;
  for (const flag of command.flags)
    if (flag.field !== undefined && flag.default !== undefined && !Object.hasOwn(input, flag.field))
      input[flag.field] = structuredClone(flag.default);
  return { command, input, globals };
}

/** Flags outside of the connection group that say where to go. */
const PLACES: ReadonlySet<string> = new Set(["config", "env", "dir", "database"]);

/**
 * An empty value where a place belongs is nearly always a variable of the shell that is not set, and the default place is
 * not where the person wanted to go. The reference takes it for absent.
 */
function refuseEmpty(
  command: CommandEntry,
  values: ReadonlyMap<FlagSpec, unknown>,
  positionals: readonly string[],
): void {
  const hint = "Check the variable that it comes from, or leave it away.";
  for (const [flag, value] of values)
    if (value === "" && (flag.group === "connection" || PLACES.has(flag.name))) throw badValue(flag, "is empty", hint);
  for (const [index, { field, type }] of command.positionals.entries())
    if (type !== "list" && positionals[index] === "")
      throw new PgkeepError("USAGE_ARGUMENTS", `<${field}> is empty`, { hint });
}

/** Whether a person asked for JSON, as far as can be told from words that may not parse. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  const before = end === -1 ? words : words.slice(0, end);
  return before.some(
    (word, index) =>
      /^(--json(=true)?|--format=json)$/.test(word) || (word === "--format" && before[index + 1] === "json"),
  );
}

function tokenize(words: readonly string[], flags: readonly FlagSpec[]): Token[] {
  const options = Object.fromEntries(
    flags.map(({ name, short, type }) => [
      name,
      { type: type === "boolean" ? ("boolean" as const) : ("string" as const), ...(short ? { short } : {}) },
    ]),
  );
  return parseArgs({ args: [...words], options, strict: false, tokens: true, allowPositionals: true }).tokens;
}

const isKnown = (token: OptionToken, flags: readonly FlagSpec[]): boolean =>
  flags.some(({ name }) => name === token.name);

interface KnownFlags {
  flags: readonly FlagSpec[];
  /** Where the flags are listed. */
  help: string;
}

function readFlag(token: OptionToken, known: KnownFlags, values: Map<FlagSpec, unknown>): void {
  const flag = known.flags.find(({ name }) => name === token.name);
  if (!flag) throw unknownFlag(token.rawName, known);
  const before = values.get(flag);
  const text = shownText(token);
  if (flag.type === "boolean") values.set(flag, booleanOf(flag, text));
  else if (text === undefined)
    throw badValue(flag, "needs a value", `Write --${flag.name} ${flag.valueName ?? "VALUE"}.`);
  else if (flag.type === "list") values.set(flag, [...(Array.isArray(before) ? before : []), checked(flag, text)]);
  else if (flag.type === "map") values.set(flag, { ...(isRecord(before) ? before : {}), ...pairOf(flag, text) });
  else values.set(flag, scalarOf(flag, text));
}

/** `-p=5433` and `-p5433` are the same, as for `--port=5433`. */
function shownText({ rawName, value, inlineValue }: OptionToken): string | undefined {
  return inlineValue && !rawName.startsWith("--") ? value?.replace(/^=/, "") : value;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function booleanOf(flag: FlagSpec, text: string | undefined): boolean {
  if (text === undefined || /^(true|t|1)$/i.test(text)) return true;
  if (/^(false|f|0)$/i.test(text)) return false;
  throw badValue(flag, "takes true or false", `Write --${flag.name} alone for true.`);
}

function pairOf(flag: FlagSpec, text: string): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw badValue(flag, "takes key=value", `Write --${flag.name} key=value.`);
  return { [text.slice(0, equals)]: text.slice(equals + 1) };
}

function scalarOf(flag: FlagSpec, text: string): string | number {
  if (flag.type !== "integer" && flag.type !== "number") return checked(flag, text);
  const pattern = flag.type === "integer" ? /^[+-]?\d{1,15}$/ : /^[+-]?\d{1,15}(\.\d{1,15})?$/;
  const hint = `Write --${flag.name} followed by such a number, in digits.`;
  if (!pattern.test(text))
    throw badValue(flag, flag.type === "integer" ? "takes a whole number" : "takes a number", hint);
  const value = Number(text);
  const { minimum = -Infinity, maximum = Infinity } = flag;
  if (value < minimum || value > maximum) throw badValue(flag, `takes a number ${rangeText(flag)}`, hint);
  return value;
}

function rangeText({ minimum, maximum }: FlagSpec): string {
  if (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER) return `from ${minimum}`;
  return minimum === undefined ? `up to ${maximum}` : `from ${minimum} to ${maximum}`;
}

function checked(flag: FlagSpec, text: string): string {
  if (flag.values && !flag.values.includes(text)) {
    const near = nearestName(text, flag.values) ?? flag.values[0];
    throw badValue(flag, `takes one of ${flag.values.join(", ")}`, `Write --${flag.name} ${near}.`);
  }
  if (flag.duration && parseDurationMs(text) === undefined)
    throw badValue(flag, "takes a duration such as 90s or 1m30s", `Write it with units: --${flag.name} 90s.`);
  return text;
}

const badValue = (flag: FlagSpec, what: string, hint: string): PgkeepError =>
  new PgkeepError("USAGE_ARGUMENTS", `--${flag.name} ${what}`, { hint });

/** 24 letters: no flag of ours is longer, and pasted secrets mostly are, or hold digits. */
const PRINTABLE_FLAG = /^--?[a-zA-Z][a-zA-Z-]{0,23}$/;

function unknownFlag(rawName: string, { flags, help }: KnownFlags): PgkeepError {
  const name = rawName.split("=")[0] ?? "";
  const near = nearestName(
    name.replace(/^--?/, ""),
    flags.filter(({ hidden }) => !hidden).map((flag) => flag.name),
  );
  const message = PRINTABLE_FLAG.test(name) ? `unknown flag "${name}"` : "unknown flag";
  const hint = near === undefined ? help : `Did you mean "--${near}"?`;
  return new PgkeepError("USAGE_UNKNOWN_FLAG", message, { hint });
}

function positionalsOf({ words, positionals }: CommandEntry, given: readonly string[]): Record<string, unknown> {
  const required = positionals.filter((positional) => positional.required);
  const takesMany = positionals.at(-1)?.type === "list";
  if (given.length < required.length) {
    const names = required.map(({ field }) => `<${field}>`);
    const hint = `Write pgkeep ${words} ${names.join(" ")}; --help after it shows more.`;
    throw new PgkeepError("USAGE_ARGUMENTS", `"${words}" needs ${names.join(" and ")}`, { hint });
  }
  if (given.length > positionals.length && !takesMany)
    throw new PgkeepError("USAGE_ARGUMENTS", `"${words}" takes ${countText(positionals.length)}, not ${given.length}`, {
      hint: "Leave the others away, or quote an argument that holds blanks.",
    });
  const input: Record<string, unknown> = {};
  for (const [index, { field, type, values }] of positionals.entries()) {
    const text = given[index];
    if (type === "list") input[field] = given.slice(index);
    else if (text !== undefined && values && !values.includes(text))
      throw new PgkeepError("USAGE_ARGUMENTS", `${field} is one of ${values.join(", ")}`, {
        hint: `Write pgkeep ${words} ${nearestName(text, values) ?? values[0]}.`,
      });
    else if (text !== undefined) input[field] = text;
  }
  return input;
}

function countText(count: number): string {
  if (count === 0) return "no arguments";
  return count === 1 ? "one argument" : `${count} arguments`;
}

function inputOf(values: ReadonlyMap<FlagSpec, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    [...values].flatMap(([flag, value]) => (flag.field === undefined ? [] : [[flag.field, value]])),
  );
}

function globalsOf(values: ReadonlyMap<FlagSpec, unknown>): GlobalValues {
  const byName = new Map([...values].map(([flag, value]) => [flag.name, value]));
  const flag = (name: string): boolean => byName.get(name) === true;
  const text = (name: string): string | undefined => {
    const value = byName.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const logLevel = LOG_LEVELS.find((level) => level === byName.get("log-level"));
  const width = byName.get("width");
  const output = byName.get("output");
  const [format, fields, timeout, color] = [text("format"), text("fields"), text("timeout"), text("color")];
  return {
    help: flag("help"),
    version: flag("version"),
    json: flag("json"),
    verbose: logLevel === undefined ? flag("verbose") : logLevel === "debug",
    quiet: logLevel === undefined ? flag("quiet") : logLevel === "error" || logLevel === "warn",
    ascii: flag("ascii"),
    noInput: flag("no-input"),
    color: color === "always" || color === "never" ? color : "auto",
    output: Array.isArray(output) ? output : [],
    ...(format === undefined ? {} : { format }),
    ...(fields === undefined ? {} : { fields }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(typeof width === "number" ? { width } : {}),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(byName.get("log-format") === "json" ? { logFormat: "json" } : {}),
  };
}
