/**
 * A configuration file with everything that it takes in: `@file` in any column and, from PostgreSQL 16 on, the lines
 * include, include_if_exists and include_dir.
 *
 * What the server would report stays with its line as a problem. What only we refuse, so that no file can cost more than it
 * is worth (loops, fans of references, devices), ends the reading with Unanswered: then the server's own view is asked.
 */
import { posix } from "node:path";
import { Unanswered } from "../answers.ts";
import { type ConfToken, decoded, logicalLines, type RawToken, TOKEN_TOO_LONG, WordScanner } from "./conf-lines.ts";

/** Why a file or directory was not read. */
export interface ConfRefusal {
  isMissing: boolean;
  /** As the system says it: "No such file or directory". */
  reason: string;
}

/** Where files come from: the server, this machine, or a test. Paths are absolute. */
export interface ConfSource {
  read(path: string): Promise<Buffer | ConfRefusal>;
  /** Names of the files in a directory, folders left out. */
  list(path: string): Promise<readonly string[] | ConfRefusal>;
}

export interface ConfLine {
  file: string;
  /** 1-based, of the first physical line. */
  line: number;
  /** Columns, each with at least one word; empty with a problem. */
  fields: readonly (readonly ConfToken[])[];
  /** Why the server takes nothing from this line. */
  problem: string | undefined;
}

/** 10: the server's own bound, CONF_FILE_MAX_DEPTH. */
const MAX_DEPTH = 10;
/** Real files take in a handful; a thousand reads of small files take a second over a slow line. */
export const MAX_READS = 1000;
/** 1 MiB: some 20,000 rules. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** Words in all: what the rules are later compared by. */
export const MAX_WORDS = 200_000;
/** Comparing each rule with those before it takes the square of their number. */
export const MAX_LINES = 5000;

/** The lines of `path` and of all that it takes in, in the server's order. Throws Unanswered at our own limits. */
export async function readConfLines(path: string, source: ConfSource, major: number): Promise<readonly ConfLine[]> {
  const reader = new ConfReader(source, major);
  const content = await reader.open(path);
  if (!Buffer.isBuffer(content)) throw new Unanswered(`${posix.basename(path)} could not be read: ${content.reason}`);
  const lines: ConfLine[] = [];
  await reader.addLines({ path, content, depth: 0, lines });
  return lines;
}

interface OpenFile {
  path: string;
  content: Buffer;
  depth: number;
  /** Where its lines go. */
  lines: ConfLine[];
}

type Fields = { fields: readonly (readonly ConfToken[])[]; problem: string | undefined };

class ConfReader {
  readonly #source: ConfSource;
  readonly #major: number;
  readonly #contents = new Map<string, Promise<Buffer | ConfRefusal>>();
  #reads = 0;
  #words = 0;
  #lines = 0;

  constructor(source: ConfSource, major: number) {
    this.#source = source;
    this.#major = major;
  }

  async open(path: string): Promise<Buffer | ConfRefusal> {
    if (++this.#reads > MAX_READS) throw new Unanswered(`the configuration takes in more than ${MAX_READS} files`);
    const known = this.#contents.get(path) ?? this.#source.read(path);
    this.#contents.set(path, known);
    const content = await known;
    if (Buffer.isBuffer(content) && content.length > MAX_FILE_BYTES) {
      throw new Unanswered(`${posix.basename(path)} is larger than ${MAX_FILE_BYTES} bytes`);
    }
    return content;
  }

  async addLines(file: OpenFile): Promise<void> {
    for (const { line, text } of logicalLines(file.content)) {
      const { fields, problem } = await this.#fieldsOf(text, file);
      if (fields.length === 0 && problem === undefined) continue;
      const taken = problem === undefined ? await this.#takeIn(fields, file) : { isDone: false, problem };
      if (taken.isDone) continue;
      if (++this.#lines > MAX_LINES) throw new Unanswered(`the configuration has more than ${MAX_LINES} lines`);
      file.lines.push({ file: file.path, line, fields, problem: taken.problem });
    }
  }

  async #fieldsOf(text: string, file: OpenFile): Promise<Fields> {
    const scanner = new WordScanner(text, this.#major);
    const fields: ConfToken[][] = [];
    while (!scanner.isAtEnd()) {
      const { tokens, problem } = await this.#fieldOf(scanner, file);
      if (problem !== undefined) return { fields, problem };
      if (tokens.length > 0) fields.push(tokens);
    }
    return { fields, problem: undefined };
  }

  /** One column. A reference to a file without words leaves none, and the next column takes its place. */
  async #fieldOf(scanner: WordScanner, file: OpenFile): Promise<{ tokens: ConfToken[]; problem: string | undefined }> {
    const tokens: ConfToken[] = [];
    for (let token = scanner.next(); token !== undefined; token = scanner.next()) {
      if (token === "too long") return { tokens, problem: TOKEN_TOO_LONG };
      if (token.isReference) {
        const referred = await this.#referred(token, file);
        if (typeof referred === "string") return { tokens, problem: referred };
        for (const word of referred) tokens.push(this.#counted(word));
      } else tokens.push(this.#counted({ text: decoded(token.text), isQuoted: token.isQuoted }));
      if (!token.continues) break;
    }
    return { tokens, problem: undefined };
  }

  #counted(word: ConfToken): ConfToken {
    if (++this.#words > MAX_WORDS) throw new Unanswered(`the configuration has more than ${MAX_WORDS} words`);
    return word;
  }

  /** Words of the file that `@name` names, or why there are none. */
  async #referred(token: RawToken, file: OpenFile): Promise<readonly ConfToken[] | string> {
    const name = decoded(token.text.slice(1));
    const path = besides(file.path, name);
    const content = await this.#openBelow(path, file.depth);
    if (!Buffer.isBuffer(content)) {
      const old = `could not open secondary authentication file "@${name}" as "${path}": ${content.reason}`;
      return this.#major < 16 ? old : `could not open file "${path}": ${content.reason}`;
    }
    const lines: ConfLine[] = [];
    await this.addLines({ path, content, depth: file.depth + 1, lines });
    return lines.find(({ problem }) => problem !== undefined)?.problem ?? lines.flatMap(({ fields }) => fields.flat());
  }

  /** The file at `path`, taken in by one at `depth`. */
  async #openBelow(path: string, depth: number): Promise<Buffer | ConfRefusal> {
    if (depth < MAX_DEPTH) return await this.open(path);
    // Older servers go on until they have no file handles left.
    if (this.#major < 16) throw new Unanswered(`the configuration nests files deeper than ${MAX_DEPTH}`);
    return { isMissing: false, reason: "maximum nesting depth exceeded" };
  }

  /** Does what an include line says; `isDone` when the line is no rule. */
  async #takeIn(fields: Fields["fields"], file: OpenFile): Promise<{ isDone: boolean; problem: string | undefined }> {
    const [directive, name] = [fields[0]?.[0]?.text, fields[1]?.[0]?.text];
    if (this.#major < 16 || fields.length !== 2 || name === undefined) return { isDone: false, problem: undefined };
    if (directive === "include" || directive === "include_if_exists") {
      const problem = await this.#include(besides(file.path, name), file, directive === "include_if_exists");
      return { isDone: problem === undefined, problem };
    }
    if (directive !== "include_dir") return { isDone: false, problem: undefined };
    const problem = await this.#includeDirectory(name, file);
    return { isDone: problem === undefined, problem };
  }

  async #include(path: string, file: OpenFile, mayBeMissing: boolean): Promise<string | undefined> {
    const content = await this.#openBelow(path, file.depth);
    if (Buffer.isBuffer(content)) await this.addLines({ ...file, path, content, depth: file.depth + 1 });
    else if (!(mayBeMissing && content.isMissing)) return `could not open file "${path}": ${content.reason}`;
    return undefined;
  }

  async #includeDirectory(name: string, file: OpenFile): Promise<string | undefined> {
    if (/^[ \t\r\n]*$/.test(name)) return "empty configuration directory name";
    const path = besides(file.path, name);
    const names = await this.#source.list(path);
    if ("reason" in names) return `could not open directory "${path}": ${names.reason}`;
    const problems: string[] = [];
    for (const own of names.filter(isConfigurationName).sort(byBytes)) {
      const problem = await this.#include(posix.join(path, own), file, false);
      if (problem !== undefined) problems.push(problem);
    }
    return problems.length === 0 ? undefined : problems.join("\n");
  }
}

/** `name` as the server finds it from within `path`. */
function besides(path: string, name: string): string {
  return posix.isAbsolute(name) ? posix.normalize(name) : posix.join(posix.dirname(path), name);
}

const isConfigurationName = (name: string): boolean =>
  name.length >= 6 && !name.startsWith(".") && name.endsWith(".conf");

const byBytes = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right));
