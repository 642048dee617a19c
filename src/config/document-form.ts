/**
 * What a structured YAML file may hold, described once: each form reads its part of a file, checks it, and describes
 * itself to the JSON schema that editors use and to the reference page.
 *
 * Forms are combined as the file nests: `record({ login: key(truth(), "May connect") })`. Reading never throws: problems
 * are collected, and a value with a problem is left out. Every value keeps its place, so that what is found out
 * later (a role that nobody defines) is reported where it was written.
 */
import { nearestName } from "../base/suggest.ts";
import { tameLine } from "../base/tame.ts";
import type { MapNode, Position, SourceNode, SourceProblems } from "./yaml-source.ts";

export interface Located<T> {
  value: T;
  at: Position;
}

/** Where a form reads: its name in messages, and where problems go. */
export interface ReadingPlace {
  path: string;
  problems: SourceProblems;
  /** Gets every value of a `mention` form. */
  mentions?: Located<string>[] | undefined;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Form<T> {
  /** For people, as the end of "a value is ...": "true or false". */
  shown: string;
  /** How it is written. */
  styles: readonly SourceNode["kind"][];
  read(node: SourceNode, place: ReadingPlace): Located<T> | undefined;
  schema(): JsonSchema;
  /** The keys of a mapping, for the reference page; for lists and maps those of their elements. */
  keys?: RecordKeys | undefined;
}

export interface RecordKey<T> {
  form: Form<T>;
  description: string;
  isRequired: boolean;
}

export type RecordKeys = Readonly<Record<string, RecordKey<unknown>>>;

/** What a record form gives: the keys that were written. */
export type Written<Keys extends RecordKeys> = {
  readonly [Name in keyof Keys]?: Keys[Name] extends RecordKey<infer T> ? Located<T> : never;
};

export function key<T>(form: Form<T>, description: string): RecordKey<T> {
  return { form, description, isRequired: false };
}

export function requiredKey<T>(form: Form<T>, description: string): RecordKey<T> {
  return { form, description, isRequired: true };
}

/** A single value. `problem` says what is wrong with the text as written, and never repeats it. */
export function text(
  shown: string,
  problem: (text: string) => string | undefined = () => undefined,
  schema: JsonSchema = { type: ["string", "number", "boolean"] },
): Form<string> {
  return {
    shown,
    styles: ["scalar"],
    schema: () => schema,
    read(node, { path, problems }) {
      if (node.kind !== "scalar" || node.isNull) return refuse(node, `"${path}" must be ${shown}`, problems);
      const found = problem(node.text);
      if (found !== undefined) return refuse(node, `"${path}" ${found}`, problems);
      return { value: node.text, at: node.at };
    },
  };
}

/** As `form`, for values that mention something which another part of the file defines. */
export function mention(form: Form<string>): Form<string> {
  return {
    ...form,
    read(node, place) {
      const value = form.read(node, place);
      if (value) place.mentions?.push(value);
      return value;
    },
  };
}

export function integer({ minimum, maximum }: { minimum: number; maximum: number }): Form<number> {
  const shown = `a whole number from ${minimum} to ${maximum}`;
  return {
    shown,
    styles: ["scalar"],
    schema: () => ({ type: "integer", minimum, maximum }),
    read(node, { path, problems }) {
      const isNumber = node.kind === "scalar" && node.isPlain && /^-?\d{1,15}$/.test(node.text);
      const value = isNumber ? Number(node.text) : Number.NaN;
      if (value >= minimum && value <= maximum) return { value, at: node.at };
      return refuse(node, `"${path}" must be ${shown}, without quotes`, problems);
    },
  };
}

export function truth(): Form<boolean> {
  return {
    shown: "true or false",
    styles: ["scalar"],
    schema: () => ({ type: "boolean" }),
    read(node, { path, problems }) {
      if (isTruth(node)) return { value: node.kind === "scalar" && node.text === "true", at: node.at };
      return refuse(node, `"${path}" must be true or false, without quotes`, problems);
    },
  };
}

export function choice<const Value extends string>(
  values: readonly Value[],
  shown = `one of ${values.join(", ")}`,
): Form<Value> {
  return {
    shown,
    styles: ["scalar"],
    // Editors read 1 as a number, the reader as what was written.
    schema: () => ({ enum: [...values, ...values.filter((value) => /^\d+$/.test(value)).map(Number)] }),
    read(node, { path, problems }) {
      const written = node.kind === "scalar" ? node.text : undefined;
      const value = values.find((each) => each === written);
      if (value !== undefined) return { value, at: node.at };
      const near = written && nearestName(written, values);
      const hint = near ? `; did you mean "${near}"?` : "";
      return refuse(node, `"${path}" must be one of: ${values.join(", ")}${hint}`, problems);
    },
  };
}

export function list<T>(of: Form<T>, shown = `list of: ${of.shown}`): Form<readonly Located<T>[]> {
  return {
    shown,
    styles: ["list"],
    keys: of.keys,
    schema: () => ({ type: "array", items: of.schema() }),
    read(node, place) {
      if (node.kind !== "list") return refuse(node, `"${place.path}" must be a list`, place.problems);
      const values = node.items.map((item, index) => of.read(item, { ...place, path: `${place.path}[${index}]` }));
      return { value: values.filter((value) => value !== undefined), at: node.at };
    },
  };
}

/** A list, or one of its elements alone. */
export function oneOrMore<T>(of: Form<T>): Form<readonly Located<T>[]> {
  const many = list(of);
  return {
    shown: `${of.shown}, or a list of them`,
    styles: [...of.styles, "list"],
    keys: of.keys,
    schema: () => ({ anyOf: [of.schema(), many.schema()] }),
    read(node, place) {
      if (node.kind === "list") return many.read(node, place);
      const single = of.read(node, place);
      return single && { value: [single], at: single.at };
    },
  };
}

export interface NamedValue<T> {
  name: string;
  /** Of the name. */
  at: Position;
  value: Located<T>;
}

/** Free names, each with a value. `problem` says what is wrong with a name. */
export function named<T>(
  of: Form<T>,
  shown: string,
  problem: (name: string) => string | undefined = () => undefined,
): Form<readonly NamedValue<T>[]> {
  return {
    shown,
    styles: ["map"],
    keys: of.keys,
    schema: () => ({ type: "object", additionalProperties: of.schema() }),
    read(node, place) {
      const map = asMap(node, place);
      if (!map) return undefined;
      const values: NamedValue<T>[] = [];
      for (const entry of map.entries) {
        const found = problem(entry.key);
        const path = pathTo(place.path, entry.key);
        if (found !== undefined) place.problems.add(entry.at, `the name "${tameLine(entry.key)}" ${found}`);
        const value = of.read(entry.value, { ...place, path });
        if (value && found === undefined) values.push({ name: entry.key, at: entry.at, value });
      }
      return { value: values, at: node.at };
    },
  };
}

/** Known keys, each with its own form. Unknown ones are problems. A null is an empty record. */
export function record<Keys extends RecordKeys>(keys: Keys, shown = "keys"): Form<Written<Keys>> {
  return {
    shown,
    styles: ["map"],
    keys,
    schema: () => recordSchema(keys),
    read(node, place) {
      const map = asMap(node, place);
      if (!map) return undefined;
      const found: Record<string, Located<unknown>> = {};
      for (const entry of map.entries) {
        const known = Object.hasOwn(keys, entry.key) ? keys[entry.key] : undefined;
        if (!known) place.problems.add(entry.at, unknownKey(entry.key, place.path, Object.keys(keys)));
        const value = known?.form.read(entry.value, { ...place, path: pathTo(place.path, entry.key) });
        if (value) found[entry.key] = value;
      }
      for (const [name, { isRequired }] of Object.entries(keys)) {
        const isWritten = map.entries.some((entry) => entry.key === name);
        if (isRequired && !isWritten) place.problems.add(node.at, `${where(place.path)}lacks the key "${name}"`);
      }
      // Each value came from the form of its own key, which the type system cannot follow through a loop.
      return { value: found as Written<Keys>, at: node.at };
    },
  };
}

/** One of two forms, told apart by how the value is written. */
export function either<A, B>(first: Form<A>, second: Form<B>): Form<A | B> {
  const shown = `${first.shown}, or ${second.shown}`;
  return {
    shown,
    styles: [...first.styles, ...second.styles],
    keys: second.keys ?? first.keys,
    schema: () => ({ anyOf: [first.schema(), second.schema()] }),
    read(node, place): Located<A | B> | undefined {
      if (first.styles.includes(node.kind)) return first.read(node, place);
      if (second.styles.includes(node.kind)) return second.read(node, place);
      return refuse(node, `"${place.path}" must be ${shown}`, place.problems);
    },
  };
}

/** The JSON schema of a whole file. */
export function documentSchema(form: Form<unknown>, about: { title: string; description: string }) {
  return { $schema: "http://json-schema.org/draft-07/schema#", ...about, ...form.schema() };
}

function recordSchema(keys: RecordKeys): JsonSchema {
  const entries = Object.entries(keys);
  const properties = Object.fromEntries(
    entries.map(([name, { form, description }]) => [name, { description, ...form.schema() }]),
  );
  const required = entries.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  return {
    type: required.length > 0 ? "object" : ["object", "null"],
    additionalProperties: false,
    properties,
    ...(required.length > 0 ? { required } : {}),
  };
}

function isTruth(node: SourceNode): boolean {
  return node.kind === "scalar" && node.isPlain && (node.text === "true" || node.text === "false");
}

/** A key without a value is an empty mapping. */
function asMap(node: SourceNode, { path, problems }: ReadingPlace): MapNode | undefined {
  if (node.kind === "map") return node;
  if (node.kind === "scalar" && node.isNull) return { kind: "map", at: node.at, entries: [] };
  return refuse(node, `${where(path)}must be a mapping of keys`, problems);
}

function refuse(node: SourceNode, problem: string, problems: SourceProblems): undefined {
  problems.add(node.at, problem);
  return undefined;
}

function where(path: string): string {
  return path === "" ? "" : `"${path}" `;
}

function pathTo(path: string, name: string): string {
  return path === "" ? tameLine(name) : `${path}.${tameLine(name)}`;
}

function unknownKey(name: string, path: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  const inside = path === "" ? "" : ` in "${path}"`;
  return `unknown key "${tameLine(name)}"${inside}${near ? `; did you mean "${near}"?` : `; known: ${known.join(", ")}`}`;
}
