/**
 * The `.env` file of a project directory: variables for this run, below those of the real environment.
 *
 * Dialect: `KEY=VALUE` or `KEY: VALUE`, optional `export`, quotes that may span lines, `\n` and `\r` in double quotes,
 * `$NAME` and `${NAME}` in double quotes and outside quotes, comments from ` #` on. A variable refers to earlier lines
 * of the same file only: a project must not be able to copy the runner's own variables into a connection.
 *
 * All or nothing: a file that cannot be parsed, or must not be opened, contributes nothing and gives a warning that
 * names the place and never the text, which is full of secrets.
 */
import { realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { tameLine } from "../base/tame.ts";
import { captureEnvironment, type Environment } from "./environment.ts";
import { FileRefusal, readRegularFile, refusalOf } from "./regular-file.ts";

/** 1 MiB: a file of variables has a few kilobytes. */
export const MAX_DOTENV_BYTES = 1024 * 1024;

export interface DotenvResult {
  /** The real environment with the file's variables below it. */
  environment: Environment;
  /** Names that came from the file and are in effect. */
  names: ReadonlySet<string>;
  /** Two lines, when the file could not be used. */
  warnings: string[];
}

/** Adds the variables of `.env` in `projectDirectory` to `environment`. Never throws for what the file is. */
export async function readDotenv(projectDirectory: string, environment: Environment): Promise<DotenvResult> {
  const path = join(projectDirectory, ".env");
  try {
    const variables = await readVariables(projectDirectory, path);
    const added = new Map([...variables].filter(([name]) => environment[name] === undefined));
    const merged = Object.fromEntries([...added, ...Object.entries(environment)]);
    // Registers what holds a credential; the copy it empties is not used.
    captureEnvironment(Object.fromEntries(added));
    return { environment: merged, names: new Set(added.keys()), warnings: [] };
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error;
    if (error.systemCode === "ENOENT" || error.systemCode === "ENOTDIR") {
      return { environment, names: new Set(), warnings: [] };
    }
    return { environment, names: new Set(), warnings: warningLines(path, error.message) };
  }
}

function warningLines(path: string, reason: string): string[] {
  return [`${tameLine(path)} ${reason}`, "None of its variables is used; the command goes on without them."];
}

async function readVariables(projectDirectory: string, path: string): Promise<Map<string, string>> {
  const bytes = await readRegularFile(pathInsideProject(projectDirectory, path), { maxBytes: MAX_DOTENV_BYTES });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileRefusal("is not valid UTF-8");
  }
  return parseDotenv(text);
}

/** A link is followed inside the project only; a project must not choose which file of the runner is read. */
function pathInsideProject(projectDirectory: string, path: string): string {
  try {
    const root = realpathSync.native(projectDirectory);
    const real = realpathSync.native(path);
    if (real.startsWith(root.endsWith(sep) ? root : root + sep)) return real;
  } catch (error) {
    throw refusalOf(error);
  }
  throw new FileRefusal("is a symbolic link that leads out of the project");
}

/** The variables in order; a later one replaces an earlier one. Throws FileRefusal naming the line. */
export function parseDotenv(text: string): Map<string, string> {
  return new Parser(text).parse();
}

/** White space that ends no line. */
const BLANKS = /[\t\v\f\r \u0085\u00a0]*/y;
const BLANKS_AND_LINES = /[\s\u0085]*/y;
const EXPORT = /export[\t\v\f\r \u0085\u00a0]+/y;
const NAME = /[\p{L}\p{N}_.]+/uy;
/** Without braces upper case only, and no digit first: the `$` of `pa$5word` or `pa$word` is part of a password. */
const VARIABLE = /\\\$|\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Z_][A-Z0-9_]*))/g;
const REST_OF_LINE = /[^\n]*/y;
const COMMENT = /[\t\v\f\r \u0085\u00a0]#.*$/s;

class Parser {
  readonly #text: string;
  readonly #variables = new Map<string, string>();
  #at = 0;

  constructor(text: string) {
    this.#text = (text.startsWith("\ufeff") ? text.slice(1) : text).replaceAll("\r\n", "\n");
  }

  parse(): Map<string, string> {
    for (;;) {
      this.#match(BLANKS_AND_LINES);
      if (this.#at >= this.#text.length) return this.#variables;
      if (this.#text[this.#at] === "#") this.#match(REST_OF_LINE);
      else this.#assignment();
    }
  }

  #assignment(): void {
    this.#match(EXPORT);
    const name = this.#match(NAME);
    this.#match(BLANKS);
    const sign = this.#text[this.#at];
    if (name === "" || (sign !== "=" && sign !== ":")) throw this.#refuse("is not KEY=VALUE");
    this.#at++;
    const isSeparated = this.#match(BLANKS) !== "";
    this.#variables.set(name, this.#value(isSeparated));
  }

  #value(isSeparated: boolean): string {
    const quote = this.#text[this.#at];
    if (quote === "'") return this.#quoted(quote);
    if (quote === '"') return this.#expand(unescaped(this.#quoted(quote)));
    const line = this.#match(REST_OF_LINE);
    return this.#expand(withoutComment(isSeparated ? ` ${line}` : line).trim());
  }

  /** The text up to the next quote that no backslash precedes. */
  #quoted(quote: string): string {
    const start = this.#at + 1;
    let end = this.#text.indexOf(quote, start);
    while (end > 0 && this.#text[end - 1] === "\\") end = this.#text.indexOf(quote, end + 1);
    if (end < 0) throw this.#refuse("has a quote that is not closed");
    this.#at = end + 1;
    return this.#text.slice(start, end);
  }

  #expand(text: string): string {
    return text.replace(VARIABLE, (whole, braced?: string, bare?: string) => {
      if (whole === "\\$") return "$";
      return this.#variables.get(braced ?? bare ?? "") ?? "";
    });
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #refuse(reason: string): FileRefusal {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    return new FileRefusal(`cannot be used: line ${line} ${reason}`);
  }
}

/** A `#` begins a comment only after white space. */
function withoutComment(line: string): string {
  return line.replace(COMMENT, "");
}

/** `\n` and `\r` are line ends; any other character after a backslash stands for itself, but `\$` is kept for expansion. */
function unescaped(text: string): string {
  return text.replace(/\\([^$])/gs, (_, character: string) => {
    if (character === "n") return "\n";
    return character === "r" ? "\r" : character;
  });
}
