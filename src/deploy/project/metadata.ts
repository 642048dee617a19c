/**
 * The `<pgmi-meta>` block of an SQL file: a block comment that holds one XML element.
 *
 *     <pgmi-meta id="6f0…" idempotent="true">
 *       <description>Tables of the shop</description>
 *       <sortKeys><key>010/tables</key></sortKeys>
 *     </pgmi-meta>
 *
 * Whether a comment is one is decided by the SQL lexer, so the same text inside a literal or a function body is not
 * metadata. Whatever is wrong with a block is a problem of the project, reported with file and line.
 */

import { tameLine } from "../../base/tame.ts";
import { blockComments } from "../../pg/sql-text/mask.ts";
import { compareBytes } from "./byte-order.ts";
import { type Problems, quotedPath } from "./problems.ts";
import type { FileMetadata, ProjectFile } from "./project.ts";
import { readXmlRoot, type XmlElement, XmlError } from "./xml.ts";

/** 10 KiB in UTF-8. A block describes a file; longer ones are mistakes. */
export const MAX_BLOCK_BYTES = 10_240;

const BLANKS = "[\\t\\n\\f\\r ]";
const BLOCK = new RegExp(`<${BLANKS}*pgmi-meta(?:${BLANKS}|>)`);
const OLD_BLOCK = new RegExp(`<${BLANKS}*pgmi:meta(?:${BLANKS}|>)`);

/** The metadata of one file, undefined when it has none or when a problem was added. */
export function readMetadata(path: string, content: string, problems: Problems): FileMetadata | undefined {
  // The lexer runs only when the words are there at all: most files have no block.
  if (!content.includes("pgmi-meta") && !content.includes("pgmi:meta")) return undefined;
  const reject = (index: number, reason: string, hint?: string): undefined => {
    problems.add({
      code: "DEPLOY_METADATA_INVALID",
      message: `metadata of ${quotedPath(path)} ${reason}`,
      file: path,
      line: lineAt(content, index),
      hint,
    });
    return undefined;
  };
  const comments = blockComments(content).map(({ start, end }) => ({ start, text: commentText(content, start, end) }));
  const old = comments.find(({ text }) => OLD_BLOCK.test(text));
  if (old) return reject(old.start, "has the old element <pgmi:meta>", "Rename the element to <pgmi-meta>.");
  const [block, second] = comments.filter(({ text }) => BLOCK.test(text));
  if (!block) return undefined;
  if (second) return reject(second.start, "has a second <pgmi-meta> block");
  try {
    return parseBlock(block.text);
  } catch (error) {
    if (error instanceof XmlError) return reject(block.start, tameLine(error.message));
    throw error;
  }
}

/** Adds one problem for all ids that more than one file carries. */
export function checkDuplicateIds(files: readonly ProjectFile[], problems: Problems): void {
  const duplicates = duplicateIds(files);
  if (duplicates.length === 0) return;
  problems.add({
    code: "DEPLOY_METADATA_DUPLICATE",
    message: `metadata id used by more than one file: ${duplicates.map(tameLine).join("; ")}`,
    hint: "Give each file an id of its own.",
  });
}

/** "id: ./a, ./b" for every id of several files, ids and paths sorted. */
export function duplicateIds(files: readonly ProjectFile[]): string[] {
  const pathsById = new Map<string, string[]>();
  for (const { path, metadata } of files) {
    if (metadata) pathsById.set(metadata.id, [...(pathsById.get(metadata.id) ?? []), path]);
  }
  return [...pathsById]
    .filter(([, paths]) => paths.length > 1)
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([id, paths]) => `${id}: ${paths.sort(compareBytes).join(", ")}`);
}

/** The comment without its delimiters, trimmed. An unclosed comment has no closing one. */
function commentText(content: string, start: number, end: number): string {
  const text = content.slice(start + 2, end);
  return (text.endsWith("*/") ? text.slice(0, -2) : text).trim();
}

function parseBlock(text: string): FileMetadata {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BLOCK_BYTES) {
    throw new XmlError(`is ${bytes} bytes long, over the limit of ${MAX_BLOCK_BYTES}`);
  }
  const root = readXmlRoot(text);
  if (root.name !== "pgmi-meta") throw new XmlError(`starts with <${root.name}> instead of <pgmi-meta>`);
  return {
    id: parseId(root.attributes.get("id")),
    idempotent: parseIdempotent(root.attributes.get("idempotent")),
    description: parseDescription(root),
    sortKeys: parseSortKeys(root),
  };
}

const NIL_UUID = "0".repeat(32);

/** As written by anybody: with hyphens, braces, `urn:uuid:` or bare. Returned in the usual form. */
function parseId(text: string | undefined): string {
  if (text === undefined) throw new XmlError('lacks the attribute "id"');
  const digits = /^(?:urn:uuid:)?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;
  const inner = /^\{(.*)\}$/.exec(text)?.[1] ?? text;
  const groups = digits.exec(inner)?.slice(1).join("") ?? (/^[0-9a-f]{32}$/i.test(text) ? text : undefined);
  const bracedUrn = inner !== text && /^urn/i.test(inner);
  if (groups === undefined || bracedUrn) throw new XmlError('has an "id" that is not a UUID');
  if (groups === NIL_UUID) throw new XmlError('has the nil UUID as "id"');
  return groups.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const TRUE_WORDS = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE_WORDS = new Set(["0", "f", "F", "FALSE", "false", "False"]);

function parseIdempotent(text: string | undefined): boolean {
  if (text === undefined) throw new XmlError('lacks the attribute "idempotent"');
  const word = text.trim();
  if (TRUE_WORDS.has(word)) return true;
  if (text === "" || FALSE_WORDS.has(word)) return false;
  throw new XmlError('has an "idempotent" that is neither true nor false');
}

function parseDescription(root: XmlElement): string {
  const text = root.children.findLast(({ name }) => name === "description")?.text ?? "";
  if (text !== "" && text.trim() === "") throw new XmlError("has a blank <description>");
  return text;
}

function parseSortKeys(root: XmlElement): string[] {
  const keys = root.children
    .filter(({ name }) => name === "sortKeys")
    .flatMap(({ children }) => children.filter(({ name }) => name === "key").map(({ text }) => text));
  if (keys.some((key) => key.trim() === "")) throw new XmlError("has a blank <key>");
  return keys;
}

function lineAt(content: string, index: number): number {
  let line = 1;
  for (let at = content.indexOf("\n"); at >= 0 && at < index; at = content.indexOf("\n", at + 1)) line++;
  return line;
}
