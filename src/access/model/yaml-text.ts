/**
 * Writes a document as YAML that people read: short mappings on one line, lists of names wrapped, comments above.
 *
 * Names come from catalogs, so every text that could be read as anything but itself is written in double quotes with
 * escapes, which YAML shares with JSON; comments are ours alone. What is written is read back as the same document.
 */
import { ACTED_ON } from "../../base/acted-on.ts";
import type { PlainDocument } from "./profiles.ts";

/** A key of the whole file, with lines of comment above it. */
export interface Section {
  key: string;
  value: PlainDocument;
  comment?: readonly string[] | undefined;
}

/** 110 columns: a line of a model fits a screen and a review. */
const WIDTH = 110;

/** The text of a file. Comments must not hold foreign text. */
export function yamlText(head: readonly string[], sections: readonly Section[]): string {
  const lines = head.map((line) => `# ${line}`.trimEnd());
  for (const { key, value, comment = [] } of sections) {
    if (comment.length > 0) lines.push("", ...comment.map((line) => `# ${line}`));
    lines.push(...entryLines(key, value, ""));
  }
  return `${lines.join("\n")}\n`;
}

function entryLines(key: string, value: PlainDocument, indent: string): string[] {
  const start = `${indent}${scalarText(key)}:`;
  return isBlock(value, start) ? [start, ...blockLines(value, `${indent}  `)] : inlineLines(start, value, indent);
}

/** Mappings of mappings are always opened up, and those of the whole file, so that each role or schema has a line. */
function isBlock(value: PlainDocument, start: string): boolean {
  if (isList(value)) return value.some((item) => typeof item === "object") && !fits(start, value);
  if (typeof value !== "object") return false;
  const entries = definedEntries(value);
  if (entries.length === 0) return false;
  const isDeep = entries.some(([, inner]) => typeof inner === "object" && !isList(inner));
  return isDeep || !start.startsWith(" ") || !fits(start, value);
}

function blockLines(value: PlainDocument, indent: string): string[] {
  if (isList(value)) return value.flatMap((item) => itemLines(item, indent));
  if (typeof value !== "object") return [`${indent}${scalarText(value)}`];
  return definedEntries(value).flatMap(([key, inner]) => entryLines(key, inner, indent));
}

function itemLines(item: PlainDocument, indent: string): string[] {
  const start = `${indent}-`;
  if (typeof item !== "object" || isList(item) || fits(start, item)) return inlineLines(start, item, `${indent}  `);
  const [first = "", ...rest] = blockLines(item, `${indent}  `);
  return [`${start} ${first.trimStart()}`, ...rest];
}

/** One line, or a list over several. */
function inlineLines(start: string, value: PlainDocument, indent: string): string[] {
  if (fits(start, value) || !isList(value)) return [`${start} ${flowText(value)}`];
  const lines = [`${start} [`];
  const empty = `${indent}  `;
  let line = empty;
  for (const item of value) {
    const text = `${flowText(item)},`;
    if (line !== empty && line.length + text.length + 1 > WIDTH) {
      lines.push(line);
      line = empty;
    }
    line += line === empty ? text : ` ${text}`;
  }
  return [...lines, line, `${indent}]`];
}

function fits(start: string, value: PlainDocument): boolean {
  return start.length + 1 + flowText(value).length <= WIDTH;
}

function flowText(value: PlainDocument): string {
  if (isList(value)) return `[${value.map(flowText).join(", ")}]`;
  if (typeof value !== "object") return scalarText(value);
  const entries = definedEntries(value).map(([key, inner]) => `${scalarText(key)}: ${flowText(inner)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** Words that some reader of YAML takes for something else than text. */
const RESERVED = new Set(["true", "false", "null", "yes", "no", "on", "off", "y", "n"]);

/** What JSON leaves as it is and a terminal, an editor, a build server or YAML itself would act on. */
const UNSAFE = new RegExp(`#(?=#(?:\\[|vso\\[|teamcity\\[))|[${ACTED_ON}\\ufff0-\\uffff]`, "gu");

function scalarText(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  if (/^[A-Za-z_][\w.-]*$/.test(value) && !RESERVED.has(value.toLowerCase())) return value;
  return JSON.stringify(value).replace(UNSAFE, (character) => escapeOf(character.codePointAt(0) ?? 0));
}

/** As a double-quoted scalar of YAML writes it. */
function escapeOf(code: number): string {
  const digits = code.toString(16);
  return code > 0xffff ? `\\U${digits.padStart(8, "0")}` : `\\u${digits.padStart(4, "0")}`;
}

function definedEntries(value: { readonly [name: string]: PlainDocument | undefined }): [string, PlainDocument][] {
  const isDefined = (entry: [string, PlainDocument | undefined]): entry is [string, PlainDocument] =>
    entry[1] !== undefined;
  return Object.entries(value).filter(isDefined);
}

function isList(value: PlainDocument): value is readonly PlainDocument[] {
  return Array.isArray(value);
}
