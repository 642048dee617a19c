/**
 * Reads a YAML configuration file strictly against its shape.
 *
 * YAML 1.2 core schema without custom tags; unknown keys, repeated keys and wrong types are errors with line and column,
 * all of them reported together. Scalars stay the text that was written (1.50 stays "1.50"); null is the empty
 * text. Values are never repeated in messages: people put passwords where they do not belong.
 *
 * Documents come from whoever wrote the project, so size, alias expansions and nesting are bounded, repeated keys are
 * found by a set (the library's own check is quadratic), and results are maps or own properties, never an
 * object that a key called "__proto__" could reach.
 */
import type { Document, Node, Pair, Scalar, YAMLMap } from "yaml";
import { type ErrorCode, PgkeepError } from "../base/errors.ts";
import { nearestName } from "../base/suggest.ts";
import { tameLine } from "../base/tame.ts";
import { type ConfigKey, type ConfigShape, scalarProblem } from "./config-shape.ts";

/** 1 MiB: a thousand times a usual file. */
export const MAX_YAML_BYTES = 1024 * 1024;

/** 100: enough for any file a person wrote, too few to blow one up. */
export const MAX_ALIASES = 100;

/** 8 problems are listed, the rest is counted. */
const MAX_REPORTED = 8;

/** One scalar of the file, flattened: `connection.port` is `["connection", "port"]`. */
export interface ConfigEntry {
  path: readonly string[];
  value: string;
  /** 1-based. */
  line: number;
}

/** The scalars of `text` in order. `name` is the file in messages. Throws CONFIG_FILE_INVALID. */
export async function readStrictYaml(text: string, name: string, shape: ConfigShape): Promise<ConfigEntry[]> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    version: "1.2",
    schema: "core",
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: true,
  });
  const reader = new Reader(yaml, document, (offset) => lines.linePos(offset));
  return reader.read(name, shape);
}

type Yaml = typeof import("yaml");
type Position = { line: number; col: number };

/** A value of a map with free keys: the only kind for which the empty text means something. */
const FREE_TEXT: ConfigKey = { type: "text", description: "" };

class Reader {
  readonly #yaml: Yaml;
  readonly #document: Document.Parsed;
  readonly #positionOf: (offset: number) => Position;
  readonly #entries: ConfigEntry[] = [];
  readonly #problems: { position: Position; text: string }[] = [];
  #aliases = 0;

  constructor(yaml: Yaml, document: Document.Parsed, positionOf: (offset: number) => Position) {
    this.#yaml = yaml;
    this.#document = document;
    this.#positionOf = positionOf;
  }

  read(name: string, shape: ConfigShape): ConfigEntry[] {
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      this.#addSyntax({ position: this.#positionOf(error.pos[0]), text: syntaxProblem(error.code) });
    }
    if (this.#problems.length === 0) this.#section(this.#document.contents, shape, []);
    if (this.#problems.length > 0) throw invalidFile(name, this.#problems);
    return this.#entries;
  }

  /** The library reports one mistake several times, once for each node that it breaks. */
  #addSyntax(found: { position: Position; text: string }): void {
    const { line, col } = found.position;
    const isSame = ({ position, text }: typeof found) =>
      position.line === line && position.col === col && text === found.text;
    if (!this.#problems.some(isSame)) this.#problems.push(found);
  }

  #section(given: unknown, shape: ConfigShape, path: readonly string[]): void {
    this.#eachPair(given, path, (pair, key) => {
      const known = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (known) this.#value(pair, known, [...path, key]);
      else this.#add(pair.key, unknownKey(key, path, Object.keys(shape)));
    });
  }

  #value(pair: Pair, key: ConfigKey, path: readonly string[]): void {
    if (key.type === "section") this.#section(pair.value, key.keys ?? {}, path);
    else if (key.type === "sections") this.#sections(pair.value, key.keys ?? {}, path);
    else if (key.type === "map") this.#map(pair.value, path);
    else this.#scalar(pair, key, path);
  }

  #sections(given: unknown, shape: ConfigShape, path: readonly string[]): void {
    this.#eachPair(given, path, (pair, name) => this.#section(pair.value, shape, [...path, name]));
  }

  #map(given: unknown, path: readonly string[]): void {
    this.#eachPair(given, path, (pair, name) => {
      this.#scalar(pair, FREE_TEXT, [...path, name]);
    });
  }

  #scalar(pair: Pair, key: ConfigKey, path: readonly string[]): void {
    const node = this.#resolve(pair.value);
    if (node !== null && !this.#yaml.isScalar(node)) {
      this.#add(pair.value ?? pair.key, `"${namePath(path)}" must be a single value`);
      return;
    }
    const value = node === null ? "" : scalarText(node);
    const problem = node === null || isNull(node) ? undefined : (quotedProblem(key, node) ?? scalarProblem(key, value));
    if (problem) this.#add(pair.value ?? pair.key, `"${namePath(path)}" ${problem}`);
    else if (key === FREE_TEXT || value !== "") this.#entries.push({ path, value, line: this.#at(pair.key).line });
  }

  /** Visits the pairs of a map; absent and null are empty maps. Repeated keys are problems, and only the first counts. */
  #eachPair(given: unknown, path: readonly string[], visit: (pair: Pair, key: string) => void): void {
    const node = this.#resolve(given);
    if (node === null || (this.#yaml.isScalar(node) && isNull(node))) return;
    if (!this.#yaml.isMap(node)) {
      this.#add(
        given,
        path.length === 0 ? "must be a mapping of keys" : `"${namePath(path)}" must be a mapping of keys`,
      );
      return;
    }
    const seen = new Set<string>();
    for (const pair of pairsOf(node)) {
      const key = this.#yaml.isScalar(pair.key) ? String(pair.key.value) : "";
      if (seen.has(key)) this.#add(pair.key, `repeats the key "${tameLine(key)}"`);
      else visit(pair, key);
      seen.add(key);
    }
  }

  #resolve(given: unknown): Node | null {
    if (!this.#yaml.isAlias(given)) return this.#yaml.isNode(given) ? given : null;
    if (++this.#aliases > MAX_ALIASES) {
      this.#add(given, `has more than ${MAX_ALIASES} aliases`);
      return null;
    }
    const node = given.resolve(this.#document);
    if (!node) this.#add(given, "is an alias without an anchor before it");
    return node ?? null;
  }

  #add(place: unknown, text: string): void {
    this.#problems.push({ position: this.#at(place), text });
  }

  #at(place: unknown): Position {
    const offset = this.#yaml.isNode(place) ? (place.range?.[0] ?? 0) : 0;
    return this.#positionOf(offset);
  }
}

function pairsOf(map: YAMLMap): Pair[] {
  return map.items;
}

/** The text as written for plain scalars, the text meant for quoted and block ones; null is empty. */
function scalarText(node: Scalar): string {
  return isNull(node) ? "" : (node.source ?? String(node.value));
}

/** Quotes make text of a number or a truth value, and text is the wrong type for those. */
function quotedProblem({ type }: ConfigKey, { type: style }: Scalar): string | undefined {
  if (style === "PLAIN" || (type !== "integer" && type !== "boolean")) return undefined;
  return type === "integer" ? "must be a number, without quotes" : "must be true or false, without quotes";
}

function isNull(node: Node): boolean {
  return "value" in node && node.value === null;
}

function namePath(path: readonly string[]): string {
  return tameLine(path.join("."));
}

function unknownKey(key: string, path: readonly string[], known: string[]): string {
  const where = path.length === 0 ? "" : ` in "${namePath(path)}"`;
  const near = nearestName(key, known);
  return `unknown key "${tameLine(key)}"${where}${near ? `; did you mean "${near}"?` : `; known: ${known.join(", ")}`}`;
}

/** The library's own sentences may quote the text, so its code is put into words instead. */
function syntaxProblem(code: string): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return code === "RESOURCE_EXHAUSTION" ? "is nested too deeply" : `is not valid YAML here (${words})`;
}

function invalidFile(name: string, problems: readonly { position: Position; text: string }[]): PgkeepError {
  const code: ErrorCode = "CONFIG_FILE_INVALID";
  const lines = problems
    .slice(0, MAX_REPORTED)
    .map(({ position, text }) => `${tameLine(name)}:${position.line}:${position.col} ${text}`);
  const [first] = problems;
  if (first && problems.length === 1) {
    const { line, col } = first.position;
    return new PgkeepError(code, `${lines[0]}`, { file: name, line, column: col, state: "nothing was started" });
  }
  if (problems.length > MAX_REPORTED) lines.push(`… and ${problems.length - MAX_REPORTED} more`);
  return new PgkeepError(code, `${tameLine(name)} has ${problems.length} problems`, {
    detail: lines.join("\n"),
    state: "nothing was started",
  });
}
