/**
 * PostgreSQL's COPY text format, written in chunks.
 *
 * One line per row, tabs between columns, `\N` for null. Chunks are gathered up to a size worth sending, so a project
 * of thousands of small files becomes few messages, and a large one is never in memory a second time.
 * Source: PostgreSQL 18 manual, COPY, section "Text Format".
 */

/** null is NULL, an array becomes an array literal. */
export type CopyValue = string | number | boolean | null | readonly (string | number)[];

/** 64 KiB: what the sockets of common systems take in one go. */
const CHUNK_BYTES = 65_536;

const ESCAPED = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** The rows as COPY text. Reads `rows` as it goes, so they may be made on demand. */
export function* copyChunks(rows: Iterable<readonly CopyValue[]>): Generator<Buffer> {
  let pending = "";
  for (const row of rows) {
    if (!row.some(isLong)) {
      pending += rowLine(row);
      if (pending.length < CHUNK_BYTES) continue;
      yield Buffer.from(pending, "utf8");
      pending = "";
      continue;
    }
    for (const piece of rowPieces(row)) {
      pending += piece;
      if (pending.length < CHUNK_BYTES) continue;
      yield Buffer.from(pending, "utf8");
      pending = "";
    }
  }
  if (pending) yield Buffer.from(pending, "utf8");
}

const isLong = (value: CopyValue): boolean => typeof value === "string" && value.length > CHUNK_BYTES;

function rowLine(row: readonly CopyValue[]): string {
  let line = "";
  for (let index = 0; index < row.length; index++) {
    if (index > 0) line += "\t";
    line += copyField(row[index] ?? null);
  }
  return `${line}\n`;
}

/** One row's line in pieces, none much longer than a chunk: a large text is escaped as it goes. */
function* rowPieces(row: readonly CopyValue[]): Generator<string> {
  let line = "";
  for (const [index, value] of row.entries()) {
    if (index > 0) line += "\t";
    if (typeof value !== "string" || value.length <= CHUNK_BYTES) {
      line += copyField(value);
      continue;
    }
    yield line;
    line = "";
    for (const slice of slicesOf(value)) yield escapeText(slice);
  }
  yield `${line}\n`;
}

/** `text` in slices of a chunk, never between the two halves of a character. */
function* slicesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = Math.min(start + CHUNK_BYTES, text.length);
    const isSplit = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
    const stop = isSplit ? end - 1 : end;
    yield text.slice(start, stop);
    start = stop;
  }
}

function copyField(value: CopyValue): string {
  if (value === null) return "\\N";
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "t" : "f";
  return escapeText(typeof value === "string" ? value : arrayLiteral(value));
}

function escapeText(text: string): string {
  if (!ESCAPED.test(text)) return text;
  return text.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? character);
}

/** `{"a","b"}`; every text quoted, so that none can be read as NULL or as an inner array. */
function arrayLiteral(values: readonly (string | number)[]): string {
  const items = values.map((value) =>
    typeof value === "number" ? String(value) : `"${value.replace(/["\\]/g, "\\$&")}"`,
  );
  return `{${items.join(",")}}`;
}
