/**
 * YAML text as a plain tree with positions, and the list of everything that is wrong with it.
 *
 * YAML 1.2 core schema without custom tags; JSON is part of it. Scalars stay the text that was written (1.50 stays
 * "1.50"). Documents come from whoever wrote the project, so alias expansions, the values that they repeat and nesting
 * are bounded, repeated keys are found by a set (the library's own check is quadratic), and maps are lists of
 * entries, never an object that a key called "__proto__" could reach.
 */
import type { CST, Document, LineCounter, Node, Pair, Scalar } from "yaml";
import { type ErrorCode, PgkeepError } from "../base/errors.ts";
import { tameLine } from "../base/tame.ts";

/** 100: enough for any file a person wrote, too few to blow one up. */
export const MAX_ALIASES = 100;

/** 100,000 values: what all aliases together may repeat. */
const MAX_REPEATED = 100_000;

/** 100 levels: ten times what a model or a configuration needs. */
const MAX_DEPTH = 100;

/** 8 problems are listed, the rest is counted. */
const MAX_REPORTED = 8;

/** 1-based. */
export interface Position {
  line: number;
  column: number;
}

export interface ScalarNode {
  kind: "scalar";
  at: Position;
  /** As written for plain scalars, as meant for quoted and block ones; null is the empty text. */
  text: string;
  isNull: boolean;
  /** Written without quotes. */
  isPlain: boolean;
}

export interface ListNode {
  kind: "list";
  at: Position;
  items: readonly SourceNode[];
}

export interface MapNode {
  kind: "map";
  at: Position;
  entries: readonly MapEntry[];
}

export interface MapEntry {
  key: string;
  at: Position;
  value: SourceNode;
}

export type SourceNode = ScalarNode | ListNode | MapNode;

/** What is wrong with one file. Texts must not repeat values: people put passwords where they do not belong. */
export class SourceProblems {
  /** By place and text: the library reports one mistake several times, once for each node that it breaks. */
  readonly #found = new Map<string, { at: Position; text: string }>();

  get count(): number {
    return this.#found.size;
  }

  add(at: Position, text: string): void {
    this.#found.set(`${at.line}:${at.column} ${text}`, { at, text });
  }

  /** Throws `code` with the first problems in the order of the file; does nothing when there are none. */
  throwIfAny(code: ErrorCode, file: string): void {
    const state = "nothing was started";
    const hint = "Correct the file at the place that is named.";
    const sorted = [...this.#found.values()].toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
    const [first] = sorted;
    if (!first) return;
    const lines = sorted
      .slice(0, MAX_REPORTED)
      .map(({ at, text }) => `${tameLine(file)}:${at.line}:${at.column} ${text}`);
    if (sorted.length === 1) {
      throw new PgkeepError(code, `${lines[0]}`, { file, line: first.at.line, column: first.at.column, hint, state });
    }
    if (sorted.length > MAX_REPORTED) lines.push(`… and ${sorted.length - MAX_REPORTED} more`);
    throw new PgkeepError(code, `${tameLine(file)} has ${sorted.length} problems`, {
      detail: lines.join("\n"),
      hint,
      state,
    });
  }
}

/** The tree of `text`; undefined when it is no YAML. What is wrong is added to `problems`. */
export async function parseYamlSource(text: string, problems: SourceProblems): Promise<SourceNode | undefined> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const tokens = boundedTokens(yaml, text, lines);
  if (!Array.isArray(tokens)) {
    problems.add(positionOf(tokens.offset), "is nested too deeply");
    return undefined;
  }
  const composer = new yaml.Composer({ version: "1.2", schema: "core", uniqueKeys: false, stringKeys: true });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (!document) return undefined;
  if (second) problems.add(positionOf(second.range[0]), "is not valid YAML here (multiple docs)");
  for (const error of [...document.errors, ...document.warnings]) {
    problems.add(positionOf(error.pos[0]), syntaxProblem(error.code));
  }
  if (problems.count > 0) return undefined;
  const reader = new TreeReader(yaml, { document, positionOf, problems });
  const root = reader.node(document.contents, { line: 1, column: 1 });
  // What was cut off would bring problems that nobody made.
  return reader.isCutOff ? undefined : root;
}

type Yaml = typeof import("yaml");

/**
 * The syntax of `text`, or where it nests too deeply. The library composes by recursion, and a process whose stack is used
 * up may end without an error to catch, so depth is counted before: brackets and dashes as they are read, the rest
 * by a walk with a list of its own.
 */
function boundedTokens(yaml: Yaml, text: string, lines: LineCounter): CST.Token[] | { offset: number } {
  const parser = new yaml.Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  lines.addNewLine(0);
  let [offset, brackets, onLine] = [0, 0, 0];
  for (const lexeme of new yaml.Lexer().lex(text)) {
    const type = yaml.CST.tokenType(lexeme);
    if (type === "flow-seq-start" || type === "flow-map-start") brackets++;
    else if (type === "flow-seq-end" || type === "flow-map-end") brackets--;
    else if (type === "seq-item-ind" || type === "explicit-key-ind") onLine++;
    else if (type === "newline") onLine = 0;
    if (brackets > MAX_DEPTH || onLine > MAX_DEPTH) return { offset };
    tokens.push(...parser.next(lexeme));
    // Marks of the lexer's own are not part of the text.
    if (!isMark(lexeme)) offset += lexeme.length;
  }
  tokens.push(...parser.end());
  const deep = tokens.find((token) => isDeep(token));
  return deep ? { offset: deep.offset } : tokens;
}

function isMark(lexeme: string): boolean {
  return lexeme === "\u0002" || lexeme === "\u0018" || lexeme === "\u001f";
}

function isDeep(root: CST.Token): boolean {
  const open: { token: CST.Token; depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH) return true;
    const inner = "items" in token ? token.items.flatMap(({ key, value }) => [key, value]) : [];
    const value = token.type === "document" ? token.value : undefined;
    for (const each of [...inner, value]) if (each) open.push({ token: each, depth: depth + 1 });
  }
  return false;
}

interface TreeSource {
  document: Document.Parsed;
  positionOf: (offset: number) => Position;
  problems: SourceProblems;
}

class TreeReader {
  readonly #yaml: Yaml;
  readonly #source: TreeSource;
  #aliases = 0;
  #aliasDepth = 0;
  #repeated = 0;
  /** Whether a limit was reached. */
  isCutOff = false;

  constructor(yaml: Yaml, source: TreeSource) {
    this.#yaml = yaml;
    this.#source = source;
  }

  /** `fallback` is the place of what has none: a key without a value. */
  node(given: unknown, fallback: Position): SourceNode {
    if (this.#yaml.isAlias(given)) return this.#alias(given, fallback);
    const at = this.#at(given, fallback);
    if (this.#aliasDepth > 0 && ++this.#repeated > MAX_REPEATED) {
      return this.#cutOff(at, "repeats too much by aliases");
    }
    if (this.#yaml.isMap(given)) return { kind: "map", at, entries: this.#entries(given.items, at) };
    if (this.#yaml.isSeq(given)) return { kind: "list", at, items: given.items.map((item) => this.node(item, at)) };
    return this.#yaml.isScalar(given) ? scalarNode(given, at) : emptyAt(at);
  }

  /** Repeated keys are problems, and only the first counts. */
  #entries(pairs: readonly Pair[], place: Position): MapEntry[] {
    const seen = new Set<string>();
    const entries: MapEntry[] = [];
    for (const pair of pairs) {
      const key = this.#yaml.isScalar(pair.key) ? String(pair.key.value) : "";
      const at = this.#at(pair.key, place);
      if (seen.has(key)) this.#source.problems.add(at, `repeats the key "${tameLine(key)}"`);
      else entries.push({ key, at, value: this.node(pair.value, at) });
      seen.add(key);
    }
    return entries;
  }

  #alias(alias: { resolve(document: Document): Node | undefined }, fallback: Position): SourceNode {
    const at = this.#at(alias, fallback);
    if (++this.#aliases > MAX_ALIASES) return this.#cutOff(at, `has more than ${MAX_ALIASES} aliases`);
    const target = alias.resolve(this.#source.document);
    if (!target) {
      this.#source.problems.add(at, "is an alias without an anchor before it");
      return emptyAt(at);
    }
    this.#aliasDepth++;
    const node = this.node(target, at);
    this.#aliasDepth--;
    return node;
  }

  #cutOff(at: Position, problem: string): SourceNode {
    if (!this.isCutOff) this.#source.problems.add(at, problem);
    this.isCutOff = true;
    return emptyAt(at);
  }

  #at(place: unknown, fallback: Position): Position {
    return this.#yaml.isNode(place) && place.range ? this.#source.positionOf(place.range[0]) : fallback;
  }
}

function scalarNode(node: Scalar, at: Position): ScalarNode {
  const isNull = node.value === null;
  const text = isNull ? "" : (node.source ?? String(node.value));
  return { kind: "scalar", at, text, isNull, isPlain: node.type === "PLAIN" };
}

function emptyAt(at: Position): ScalarNode {
  return { kind: "scalar", at, text: "", isNull: true, isPlain: true };
}

/** The library's own sentences may quote the text, so its code is put into words instead. */
function syntaxProblem(code: string): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return code === "RESOURCE_EXHAUSTION" ? "is nested too deeply" : `is not valid YAML here (${words})`;
}
