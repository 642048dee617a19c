/**
 * Templates of subjects, topics and routing keys: `orders.{header.region}.{op}`.
 *
 * The pipeline's editor writes the template, publishers choose what stands in it. So what a message contributes can never
 * become structure: every character outside of letters, digits, "_" and "-" turns into "_", and nothing at all turns
 * into "_" as well. Only an event type keeps its dots, because dotted event types are subjects by design; they cannot
 * make empty parts.
 */
import { nearestName } from "../../base/suggest.ts";
import { scalarAt } from "../json/scalar.ts";
import type { Message } from "../message.ts";

/** Renders the subject of one message. */
export type Template = (message: Message) => string;

type Variable = (message: Message) => string;

/** 200 characters: a subject with longer parts is refused by most brokers. */
const MAX_VALUE_LENGTH = 200;

const VARIABLES: Readonly<Record<string, Variable>> = {
  outbox: ({ outbox }) => token(outbox),
  op: ({ op }) => token(op),
  outbox_id: ({ id }) => id.toString(),
  event_type: ({ headers }) => dotted(scalarAt(headers, ["event_type"])),
  stream_table: ({ outbox }) => token(`outbox_${outbox}`),
  refresh_id: ({ headers }) => token(scalarAt(headers, ["refresh_id"])),
  dedup_key: ({ dedupKey }) => token(dedupKey),
  year: ({ createdAt }) => createdAt.slice(0, 4),
  month: ({ createdAt }) => createdAt.slice(5, 7),
  day: ({ createdAt }) => createdAt.slice(8, 10),
  hour: ({ createdAt }) => createdAt.slice(11, 13),
};

/** Prefixes that take a dotted path. */
const PATHS: Readonly<Record<string, (path: readonly string[]) => Variable>> = {
  header:
    (path) =>
    ({ headers }) =>
      token(scalarAt(headers, path)),
  payload:
    (path) =>
    ({ payload }) =>
      token(scalarAt(payload, path)),
};

/** What is wrong with a template, as the end of a line; undefined when nothing is. */
export function templateProblem(text: string): string | undefined {
  const pieces = piecesOf(text);
  return typeof pieces === "string" ? pieces : undefined;
}

/** Compiles a template. Throws Error for one that `templateProblem` objects to. */
export function compileTemplate(text: string): Template {
  const pieces = piecesOf(text);
  if (typeof pieces === "string") throw new Error(pieces);
  const [only] = pieces;
  if (pieces.length === 1 && typeof only === "string") return () => only;
  return (message) => {
    let rendered = "";
    for (const piece of pieces) rendered += typeof piece === "string" ? piece : piece(message);
    return rendered;
  };
}

function piecesOf(text: string): (string | Variable)[] | string {
  if (text.trim() === "") return "must not be blank";
  const pieces: (string | Variable)[] = [];
  let from = 0;
  for (const { 0: whole, 1: name = "", index } of text.matchAll(/\{([^{}]*)\}/g)) {
    if (index > from) pieces.push(text.slice(from, index));
    const variable = variableOf(name);
    if (!variable) return unknownVariable(name);
    pieces.push(variable);
    from = index + whole.length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  const hasStray = pieces.some((piece) => typeof piece === "string" && /[{}]/.test(piece));
  return hasStray ? "has a brace without its partner" : pieces;
}

function variableOf(name: string): Variable | undefined {
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name];
  const [prefix = "", ...path] = name.split(".");
  const make = Object.hasOwn(PATHS, prefix === "headers" ? "header" : prefix)
    ? PATHS[prefix === "headers" ? "header" : prefix]
    : undefined;
  return path.length > 0 && path.every((step) => step !== "") ? make?.(path) : undefined;
}

function unknownVariable(name: string): string {
  const near = nearestName(name, Object.keys(VARIABLES));
  if (near) return `has an unknown variable; did you mean "{${near}}"?`;
  const known = [...Object.keys(VARIABLES), "header.NAME", "payload.PATH"].map((each) => `{${each}}`);
  return `has an unknown variable; known: ${known.join(", ")}`;
}

const PLAIN = /^[A-Za-z0-9_-]{1,200}$/;

function token(value: string | undefined): string {
  if (value === undefined || value === "") return "_";
  return PLAIN.test(value) ? value : value.slice(0, MAX_VALUE_LENGTH).replace(/[^A-Za-z0-9_-]/g, "_");
}

function dotted(value: string | undefined): string {
  if (value === undefined || PLAIN.test(value)) return token(value);
  return value.slice(0, MAX_VALUE_LENGTH).split(".").map(token).join(".");
}
