/**
 * Reads a YAML configuration file strictly against its shape.
 *
 * Unknown keys, repeated keys and wrong types are errors with line and column, all of them reported together. Scalars
 * stay the text that was written (1.50 stays "1.50"); null is the empty text. Values are never repeated in messages:
 * people put passwords where they do not belong.
 */
import { nearestName } from "../base/suggest.ts";
import { tameLine } from "../base/tame.ts";
import { type ConfigKey, type ConfigShape, scalarProblem } from "./config-shape.ts";
import { type MapEntry, parseYamlSource, type ScalarNode, type SourceNode, SourceProblems } from "./yaml-source.ts";

/** 1 MiB: a thousand times a usual file. */
export const MAX_YAML_BYTES = 1024 * 1024;

/** One scalar of the file, flattened: `connection.port` is `["connection", "port"]`, the first of a list `["names", "0"]`. */
export interface ConfigEntry {
  path: readonly string[];
  value: string;
  /** 1-based. */
  line: number;
}

/** The scalars of `text` in order. `name` is the file in messages. Throws CONFIG_FILE_INVALID. */
export async function readStrictYaml(text: string, name: string, shape: ConfigShape): Promise<ConfigEntry[]> {
  const problems = new SourceProblems();
  const source = await parseYamlSource(text, problems);
  const reader = new Reader(problems);
  if (source) reader.section(source, shape, []);
  problems.throwIfAny("CONFIG_FILE_INVALID", name);
  return reader.entries;
}

/** A value of a map with free keys: the only kind for which the empty text means something. */
const FREE_TEXT: ConfigKey = { type: "text", description: "" };

class Reader {
  readonly entries: ConfigEntry[] = [];
  readonly #problems: SourceProblems;

  constructor(problems: SourceProblems) {
    this.#problems = problems;
  }

  section(given: SourceNode, shape: ConfigShape, path: readonly string[]): void {
    this.#eachEntry(given, path, (entry) => {
      const known = Object.hasOwn(shape, entry.key) ? shape[entry.key] : undefined;
      if (known) this.#value(entry, known, [...path, entry.key]);
      else this.#problems.add(entry.at, unknownKey(entry.key, path, Object.keys(shape)));
    });
  }

  #value(entry: MapEntry, key: ConfigKey, path: readonly string[]): void {
    if (key.type === "section") this.section(entry.value, key.keys ?? {}, path);
    else if (key.type === "sections") this.#sections(entry.value, key.keys ?? {}, path);
    else if (key.type === "map") this.#map(entry.value, path);
    else if (key.type === "list") this.#list(entry.value, path);
    else if (key.type === "pairs") this.#pairs(entry.value, path);
    else this.#scalar(entry, key, path);
  }

  /** Items must say something: an empty one is a line that somebody began. */
  #list(node: SourceNode, path: readonly string[]): void {
    for (const [index, item] of this.#itemsOf(node, path).entries()) {
      if (item.kind !== "scalar" || item.isNull || item.text === "") {
        this.#problems.add(item.at, `"${namePath(path)}" must list single values`);
      } else {
        this.entries.push({ path: [...path, String(index)], value: item.text, line: item.at.line });
      }
    }
  }

  #pairs(node: SourceNode, path: readonly string[]): void {
    for (const [index, item] of this.#itemsOf(node, path).entries()) {
      if (item.kind !== "list" || item.items.length !== 2) {
        this.#problems.add(item.at, `"${namePath(path)}" must list pairs: [one, other]`);
      } else {
        this.#list(item, [...path, String(index)]);
      }
    }
  }

  /** null is an empty list. */
  #itemsOf(node: SourceNode, path: readonly string[]): readonly SourceNode[] {
    if (node.kind === "list") return node.items;
    if (node.kind !== "scalar" || !node.isNull) this.#problems.add(node.at, `"${namePath(path)}" must be a list`);
    return [];
  }

  #sections(given: SourceNode, shape: ConfigShape, path: readonly string[]): void {
    this.#eachEntry(given, path, ({ key, value }) => this.section(value, shape, [...path, key]));
  }

  #map(given: SourceNode, path: readonly string[]): void {
    this.#eachEntry(given, path, (entry) => this.#scalar(entry, FREE_TEXT, [...path, entry.key]));
  }

  #scalar({ at, value: node }: MapEntry, key: ConfigKey, path: readonly string[]): void {
    if (node.kind !== "scalar") {
      this.#problems.add(node.at, `"${namePath(path)}" must be a single value`);
      return;
    }
    const problem = node.isNull ? undefined : (quotedProblem(key, node) ?? scalarProblem(key, node.text));
    if (problem) this.#problems.add(node.at, `"${namePath(path)}" ${problem}`);
    else if (key === FREE_TEXT || node.text !== "") this.entries.push({ path, value: node.text, line: at.line });
  }

  /** Visits the entries of a map; null is an empty one. */
  #eachEntry(node: SourceNode, path: readonly string[], visit: (entry: MapEntry) => void): void {
    if (node.kind === "map") for (const entry of node.entries) visit(entry);
    else if (node.kind === "list" || !node.isNull) {
      const what = path.length === 0 ? "" : `"${namePath(path)}" `;
      this.#problems.add(node.at, `${what}must be a mapping of keys`);
    }
  }
}

/** Quotes make text of a number or a truth value, and text is the wrong type for those. */
function quotedProblem({ type }: ConfigKey, { isPlain }: ScalarNode): string | undefined {
  if (isPlain || (type !== "integer" && type !== "boolean")) return undefined;
  return type === "integer" ? "must be a number, without quotes" : "must be true or false, without quotes";
}

function namePath(path: readonly string[]): string {
  return tameLine(path.join("."));
}

function unknownKey(key: string, path: readonly string[], known: string[]): string {
  const where = path.length === 0 ? "" : ` in "${namePath(path)}"`;
  const near = nearestName(key, known);
  return `unknown key "${tameLine(key)}"${where}${near ? `; did you mean "${near}"?` : `; known: ${known.join(", ")}`}`;
}
