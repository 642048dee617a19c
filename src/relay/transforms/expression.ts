/**
 * JMESPath over a message: compiled once, evaluated against the payload.
 *
 * An expression sees the payload's own fields, and beside them the message's: `payload`, `headers`, `op`, `subject`,
 * `outbox_name`, `created_at`, `outbox_id`, unless the payload has a field of that name. So `total > 5` and
 * `payload.total > 5` mean the same.
 *
 * Expressions come from the pipeline's editor and data from publishers, and neither may stop the relay: length, size of
 * the tree, steps of an evaluation and size of its result are bounded, and the library's functions that could take quadratic
 * time or unbounded memory are replaced.
 */
import {
  compile,
  registerFunction,
  TreeInterpreter,
  TYPE_ANY,
  TYPE_NUMBER,
  TYPE_STRING,
} from "@jmespath-community/jmespath";
import { systemClock } from "../../base/clock.ts";
import { LosslessJson } from "../json/lossless.ts";
import type { Message } from "../message.ts";
import { TransformFailure } from "./transform.ts";

/** 4,096 characters: longer expressions are programs. */
export const MAX_EXPRESSION_LENGTH = 4_096;
/** 500 nodes of the syntax tree. */
const MAX_NODES = 500;
/** 1 million characters that one function may make: as much as a message may have. */
const MAX_TEXT = 1_048_576;
/** 1,000 times: more copies of its input in a result are no message. */
const MAX_GROWTH = 1_000;
/** 1 million steps, some 100 ms. */
const MAX_STEPS = 1_000_000;
/** 1 s: a step can be a search through a text of a megabyte. Nothing else of the process works meanwhile, leases among it. */
const MAX_MS = 1_000;
/** Steps between two looks at the clock. */
const STEPS_A_LOOK = 16;
/** 200,000 values in a result: more do not fit into a message. */
const MAX_RESULT_VALUES = 200_000;

const ENVELOPE: Readonly<Record<string, (message: Message, payload: unknown) => unknown>> = {
  payload: (_message, payload) => payload,
  headers: ({ headers }) => JSON.parse(headers),
  op: ({ op }) => op,
  subject: ({ outbox, op }) => `${outbox}.${op}`,
  outbox_name: ({ outbox }) => outbox,
  created_at: ({ createdAt }) => createdAt,
  outbox_id: ({ id }) => Number(id),
};

export interface Expression {
  /** The value for one message, for deciding: numbers are JavaScript's. Throws TransformFailure. */
  value(message: Message): unknown;
  /** JSON text of the value, for sending: a number that JavaScript cannot hold passes as it is. Throws TransformFailure. */
  json(message: Message): string;
}

type Tree = ReturnType<typeof compile>;

/** What is wrong with an expression, without repeating it; undefined when nothing is. */
export function expressionProblem(text: string): string | undefined {
  if (text.trim() === "") return "must not be blank";
  if (text.length > MAX_EXPRESSION_LENGTH) return `has more than ${MAX_EXPRESSION_LENGTH} characters`;
  let tree: Tree;
  try {
    tree = compile(text);
  } catch {
    return "is not a JMESPath expression";
  }
  return treeProblem(tree);
}

/** Compiles an expression. Throws TransformFailure. */
export function compileExpression(text: string): Expression {
  const problem = expressionProblem(text);
  if (problem) throw new TransformFailure(`the expression ${problem}`);
  replaceFunctions();
  boundSteps();
  const tree = compile(text);
  const names = envelopeNames(tree);
  const evaluate = (message: Message, payload: unknown): unknown => {
    const value = search(tree, names.length === 0 ? payload : withEnvelope(message, payload, names));
    checkSize(value);
    return value;
  };
  return {
    value: (message) => evaluate(message, parse(JSON, message.payload)),
    json(message) {
      const lossless = new LosslessJson();
      return lossless.write(evaluate(message, parse(lossless, message.payload)));
    },
  };
}

/** JMESPath's false values and 0, as pg_tide filters. */
export function isFalsy(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === "" || value === 0) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function parse(json: Pick<LosslessJson, "parse">, text: string): unknown {
  try {
    return json.parse(text);
  } catch {
    throw new TransformFailure("the payload is not JSON");
  }
}

function search(tree: Tree, input: unknown): unknown {
  stepsLeft = MAX_STEPS;
  endMs = systemClock.monotonicMs() + MAX_MS;
  try {
    // What JSON.parse returned is a JSON value; the library's types have no word for "unknown".
    return TreeInterpreter.search(tree, input as Parameters<typeof TreeInterpreter.search>[1]);
  } catch {
    if (stepsLeft < 0) throw new TransformFailure(`the expression takes more than ${MAX_STEPS} steps on this payload`);
    if (systemClock.monotonicMs() > endMs) throw new TransformFailure("the expression takes too long on this payload");
    // The library's own messages repeat values.
    throw new TransformFailure("the expression failed on this payload: a value is not of the type it works with");
  }
}

let stepsLeft = MAX_STEPS;
let endMs = Number.POSITIVE_INFINITY;
let isBounded = false;

/**
 * Counts the steps of every evaluation. The library has no bound of its own, and a short expression over a payload of a
 * megabyte can take hours. On the prototype, because `let` and expression references evaluate with instances of their own.
 */
function boundSteps(): void {
  if (isBounded) return;
  isBounded = true;
  const prototype: unknown = Object.getPrototypeOf(TreeInterpreter);
  if (!hasVisit(prototype)) throw new Error("the JMESPath library has changed: there is no visit to bound");
  const { visit } = prototype;
  prototype.visit = function bounded(this: unknown, node, value) {
    if (--stepsLeft < 0) throw new Error("steps");
    if (stepsLeft % STEPS_A_LOOK === 0 && systemClock.monotonicMs() > endMs) throw new Error("time");
    return visit.call(this, node, value);
  };
}

function hasVisit(value: unknown): value is { visit(this: unknown, node: unknown, value: unknown): unknown } {
  return typeof value === "object" && value !== null && "visit" in value && typeof value.visit === "function";
}

/** Not enumerable, so that `@`, `keys(@)` and `*` see the payload alone. */
function withEnvelope(message: Message, payload: unknown, names: readonly string[]): unknown {
  const isObject = typeof payload === "object" && payload !== null && !Array.isArray(payload);
  const input: object = isObject ? { ...payload } : {};
  for (const name of names) {
    if (Object.hasOwn(input, name)) continue;
    Object.defineProperty(input, name, { value: ENVELOPE[name]?.(message, payload), enumerable: !isObject });
  }
  return input;
}

/** Names of the envelope that the expression mentions anywhere. */
function envelopeNames(tree: Tree): string[] {
  const names = new Set<string>();
  for (const node of nodesOf(tree)) {
    if (node.type === "Field" && typeof node.name === "string" && Object.hasOwn(ENVELOPE, node.name))
      names.add(node.name);
  }
  return [...names];
}

function treeProblem(tree: Tree): string | undefined {
  let count = 0;
  for (const node of nodesOf(tree)) {
    if (++count > MAX_NODES) return `has more than ${MAX_NODES} parts`;
    // The library looks fields up along the prototype chain, where no data stands.
    if (node.type === "Field" && typeof node.name === "string" && node.name in Object.prototype) {
      return "names a field that every object has in JavaScript";
    }
  }
  if (growthOf(tree) > MAX_GROWTH) return `can repeat its input more than ${MAX_GROWTH} times`;
  return undefined;
}

/**
 * How many times an expression can repeat its input, at most. Lists of lists of the same value cost a few steps to build and
 * all memory to compare or to write, so this has to be known before.
 */
function growthOf(value: unknown, variables: Readonly<Record<string, number>> = {}): number {
  if (typeof value !== "object" || value === null) return 1;
  if (Array.isArray(value)) return Math.max(1, sumOf(value, variables));
  if (!("type" in value) || value.type === "Literal") return 1;
  const { type, ...parts } = value;
  if (type === "Variable") return "name" in value ? (variables[`$${String(value.name)}`] ?? 1) : 1;
  if (type === "LetExpression" && "bindings" in value && "expression" in value) {
    return growthOf(value.expression, { ...variables, ...boundIn(value.bindings, variables) });
  }
  if (type === "MultiSelectList" || type === "MultiSelectHash" || type === "Function") {
    return Math.max(1, "children" in value && Array.isArray(value.children) ? sumOf(value.children, variables) : 1);
  }
  // Pipes, projections, conditions: what one part repeats, the next can repeat again.
  return Object.values(parts).reduce<number>((product, part) => product * growthOf(part, variables), 1);
}

function sumOf(values: readonly unknown[], variables: Readonly<Record<string, number>>): number {
  return values.reduce<number>((sum, value) => sum + growthOf(value, variables), 0);
}

function boundIn(bindings: unknown, variables: Readonly<Record<string, number>>): Record<string, number> {
  const bound: Record<string, number> = {};
  for (const binding of Array.isArray(bindings) ? bindings : []) {
    if (typeof binding !== "object" || binding === null) continue;
    const { variable, reference }: { variable?: unknown; reference?: unknown } = binding;
    bound[`$${String(variable)}`] = growthOf(reference, variables);
  }
  return bound;
}

interface Node {
  type: string;
  name?: unknown;
}

/** Every node of a syntax tree; values of literals are not walked. */
function* nodesOf(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if ("type" in value && typeof value.type === "string")
    yield { type: value.type, name: "name" in value ? value.name : undefined };
  if ("type" in value && value.type === "Literal") return;
  for (const part of Object.values(value)) yield* nodesOf(part);
}

/** A short expression can repeat its input beyond all bounds; only writing it would show. */
function checkSize(value: unknown): void {
  let values = 0;
  let characters = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    values++;
    if (typeof next === "string") characters += next.length;
    else if (typeof next === "object" && next !== null) for (const part of Object.values(next)) open.push(part);
    if (values > MAX_RESULT_VALUES || characters > MAX_TEXT)
      throw new TransformFailure("the result is larger than a message may be");
  }
}

let areReplaced = false;

/** Trimming in linear time, padding and replacing with a bound. */
function replaceFunctions(): void {
  if (areReplaced) return;
  areReplaced = true;
  const text = { types: [TYPE_STRING] };
  const number = { types: [TYPE_NUMBER] };
  const trims = {
    trim: { left: true, right: true },
    trim_left: { left: true, right: false },
    trim_right: { left: false, right: true },
  };
  for (const [name, ends] of Object.entries(trims)) {
    replaceFunction(
      name,
      ([subject, characters]) => trim(String(subject), typeof characters === "string" ? characters : "", ends),
      [text, { ...text, optional: true }],
    );
  }
  replaceFunction("pad_left", ([subject, width, by]) => pad(subject, width, by).padStart(Number(width), fill(by)), [
    text,
    number,
    { ...text, optional: true },
  ]);
  replaceFunction("pad_right", ([subject, width, by]) => pad(subject, width, by).padEnd(Number(width), fill(by)), [
    text,
    number,
    { ...text, optional: true },
  ]);
  replaceFunction("to_string", ([value]) => toText(value), [{ types: [TYPE_ANY] }]);
  replaceFunction("replace", replaceText, [text, text, text, { ...number, optional: true }]);
}

type Values = readonly unknown[];

function replaceFunction(
  name: string,
  run: (values: Values) => string,
  signature: { types: number[]; optional?: boolean }[],
): void {
  registerFunction(name, (values: Values) => run(values), signature, { override: true });
}

function toText(value: unknown): string {
  if (typeof value === "string") return value;
  checkSize(value);
  return JSON.stringify(value) ?? "null";
}

function pad(subject: unknown, width: unknown, by: unknown): string {
  if (typeof width !== "number" || !Number.isInteger(width) || width < 0 || width > MAX_TEXT) throw new Error("width");
  if (fill(by).length !== 1) throw new Error("pad");
  return String(subject);
}

function fill(by: unknown): string {
  return typeof by === "string" && by !== "" ? by : " ";
}

function trim(subject: string, characters: string, { left, right }: { left: boolean; right: boolean }): string {
  const isTrimmed = (character: string | undefined): boolean =>
    character !== undefined && (characters === "" ? /^[\s\u0085]$/.test(character) : characters.includes(character));
  let from = 0;
  let to = subject.length;
  while (left && from < to && isTrimmed(subject[from])) from++;
  while (right && to > from && isTrimmed(subject[to - 1])) to--;
  return subject.slice(from, to);
}

function replaceText([subject, search, by, count]: Values): string {
  const [text, from, to] = [String(subject), String(search), String(by)];
  const limit = typeof count === "number" ? count : Number.POSITIVE_INFINITY;
  if (limit < 0 || (Number.isFinite(limit) && !Number.isInteger(limit))) throw new Error("count");
  if (from === "") return text;
  const pieces = text.split(from);
  const replaced = Math.min(pieces.length - 1, limit);
  if (text.length + replaced * to.length > MAX_TEXT) throw new Error("size");
  return [pieces.slice(0, replaced + 1).join(to), ...pieces.slice(replaced + 1)].join(from);
}
