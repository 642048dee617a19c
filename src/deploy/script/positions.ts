/**
 * Places in a text, as the server, editors and JavaScript count them.
 *
 * The server counts characters (code points) from 1, JavaScript counts UTF-16 units from 0, people count lines and
 * columns from 1. Columns here are code points, so an emoji is one column.
 */

export interface TextPlace {
  /** 1-based. */
  line: number;
  /** 1-based, in code points. */
  column: number;
  /** The whole line, without its line break. */
  sourceLine: string;
}

/** UTF-16 index of the `position`-th code point (1-based); the text's length when it has fewer. */
export function indexOfCodePoint(text: string, position: number): number {
  let index = 0;
  for (let passed = 1; passed < position && index < text.length; passed++) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}

/** Line, column and line text of a UTF-16 index. */
export function placeOf(text: string, index: number): TextPlace {
  const before = text.slice(0, index);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineEnd = text.indexOf("\n", lineStart);
  return {
    line: countOf(before, "\n") + 1,
    column: codePoints(before.slice(lineStart)) + 1,
    sourceLine: text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd).replace(/\r$/, ""),
  };
}

/** Number of code points in `text`. */
export function codePoints(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

export function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}
