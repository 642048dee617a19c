/**
 * Reads event bodies from outside: strict UTF-8, JSON of bounded depth, numbers kept, and nothing thrown but
 * FormatFailure, which says what is wrong and nothing of the event.
 */
import { LosslessJson, markedNumber } from "../json/lossless.ts";
import { FormatFailure } from "./format.ts";

export interface ParsedBody {
  /** The body as it came. */
  text: string;
  value: unknown;
  /** The JSON text of a part of `value`, numbers as they came. */
  write(value: unknown): string;
  /** A part of `value` with numbers as JavaScript has them, for headers. */
  plain(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

/** 64: deeper documents are attacks on whoever walks them. */
const MAX_DEPTH = 64;

/** Parses a body. Throws FormatFailure. */
export function parseBody(body: Buffer): ParsedBody {
  const text = decodeText(body);
  const json = new LosslessJson({ keepsText: true });
  let value: unknown;
  try {
    value = json.parse(text);
  } catch {
    throw new FormatFailure("the body is not JSON");
  }
  checkContent(text);
  return {
    text,
    value,
    write: (part) => json.write(part),
    plain: (headers) => (json.hasMarks ? requireRecord(JSON.parse(json.write(headers)), "headers") : headers),
  };
}

function decodeText(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new FormatFailure("the body is not UTF-8");
  }
}

/** What is valid JSON and no database can store: checked here, where it can be said clearly. `text` is valid JSON. */
function checkContent(text: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    else if (/\\u0000|\\ud[89a-f]/i.test(token)) checkString(token);
    if (depth > MAX_DEPTH) throw new FormatFailure(`the body is nested deeper than ${MAX_DEPTH} levels`);
  }
}

function checkString(token: string): void {
  const text = String(JSON.parse(token));
  if (text.includes("\0")) throw new FormatFailure("the body holds a NUL character, which PostgreSQL cannot store");
  if (!text.isWellFormed())
    throw new FormatFailure("the body holds half of a character, which PostgreSQL cannot store");
}

/** An object's fields; undefined for everything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}

/** A text; undefined for everything else, numbers that wait as marked text among it. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && !value.startsWith("\0") ? value : undefined;
}

/** A number, one that waits as marked text among it; undefined for everything else. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === "string" ? markedNumber(value) : typeof value === "number" ? value : undefined;
}

/** The fields of an object that has to be one. Throws FormatFailure. */
export function requireRecord(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const record = recordOf(value);
  if (!record) throw new FormatFailure(`${name} is not an object`);
  return record;
}
