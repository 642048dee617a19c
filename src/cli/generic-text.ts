/**
 * How a result looks when nobody wrote a renderer for it: names beside values, lists of records as aligned columns.
 *
 * Every string may be foreign, so every string is tamed, keys included.
 */
import { tameLine } from "../base/tame.ts";
import type { View } from "./renderer.ts";

/** Text for stdout, ending with a line break unless empty. */
export function genericText(value: unknown, view: View): string {
  const lines = linesOf(value, view, "");
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function linesOf(value: unknown, view: View, indent: string): string[] {
  if (Array.isArray(value)) return listLines(value, view, indent);
  if (!isRecord(value)) return [`${indent}${cellText(value, view)}`];
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const nameWidth = Math.max(
    0,
    ...entries.filter(([, item]) => !isNested(item)).map(([name]) => columns(labelOf(name))),
  );
  return entries.flatMap(([name, item]) => {
    const label = labelOf(name);
    if (!isNested(item)) return [`${indent}${padded(label, nameWidth)}  ${cellText(item, view)}`];
    const inner = linesOf(item, view, `${indent}  `);
    return inner.length === 0 ? [`${indent}${label}  none`] : [`${indent}${label}`, ...inner];
  });
}

const isNested = (value: unknown): boolean => (Array.isArray(value) && value.some(isRecord)) || isRecord(value);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

const labelOf = (name: string): string => tameLine(name).replaceAll("_", " ");

function listLines(items: readonly unknown[], view: View, indent: string): string[] {
  const records = items.filter(isRecord);
  if (records.length < items.length) return items.map((item) => `${indent}${cellText(item, view)}`);
  if (records.some((record) => Object.values(record).some(isNested)))
    return records.flatMap((record, index) => [...(index === 0 ? [] : [""]), ...linesOf(record, view, indent)]);
  return tableLines(records, view, indent);
}

/** Records as columns under their names. The last column is not padded, so no line ends in blanks. */
export function tableLines(records: readonly Record<string, unknown>[], view: View, indent = ""): string[] {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const rows = [names.map(labelOf), ...records.map((record) => names.map((name) => cellText(record[name], view)))];
  const wanted = names.map((_, column) => Math.max(...rows.map((row) => columns(row[column] ?? ""))));
  const widths = view.isFitted ? fitted(wanted, view.width - indent.length) : wanted;
  return rows.map((row) => {
    const cells = row.map((cell, column) => padded(shortened(cell, widths[column] ?? 0), widths[column] ?? 0));
    return `${indent}${cells.join("  ")}`.trimEnd();
  });
}

/** 8 columns: less of a name says nothing, so a table with many columns rather passes the edge. */
const NARROWEST = 8;

/** Widths of columns that fit `width` together, two blanks between them: the widest give way first. */
function fitted(wanted: readonly number[], width: number): number[] {
  const widths = [...wanted];
  let excess = widths.reduce((sum, one) => sum + one + 2, -2) - width;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const now = widths[widest] ?? 0;
    if (now <= NARROWEST) break;
    widths[widest] = now - 1;
    excess--;
  }
  return widths;
}

function cellText(value: unknown, view: View): string {
  if (value === null || value === undefined || value === "") return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isInteger(value) ? value.toLocaleString("en-US") : String(value);
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((item) => cellText(item, view)).join(", ");
  const text = tameLine(typeof value === "string" ? value : JSON.stringify(value));
  return view.isFitted ? shortened(text, view.width) : text;
}

/** Cut in the middle, where names differ least. */
export function shortened(text: string, width: number): string {
  if (columns(text) <= width) return text;
  const half = Math.floor((width - 1) / 2);
  const characters = [...text];
  const end = leading(characters.toReversed(), half).toReversed();
  return `${leading(characters, half).join("")}…${end.join("")}`;
}

/** As many characters from the start as `width` columns hold. */
function leading(characters: readonly string[], width: number): string[] {
  let [used, count] = [0, 0];
  for (const character of characters) {
    used += columns(character);
    if (used > width) break;
    count++;
  }
  return characters.slice(0, count);
}

export const padded = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - columns(text)));

// East Asian wide and full-width blocks and emoji: two columns. Combining marks: none.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const COMBINING = /\p{Mark}/u;

/** Columns a terminal uses for `text`. */
export function columns(text: string): number {
  let total = 0;
  for (const character of text) total += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return total;
}
