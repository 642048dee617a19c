/**
 * Finds the calls of the test macro, `CALL pgmi_test(...)`, in a deploy.sql.
 *
 * The macro is text, not SQL: before anything runs each call is replaced by statements that the server generates from
 * the loaded tests. Only code counts: not comments, not literals, not the bodies of DO blocks. A call with arguments
 * of another form (a doubled quote, E'', a dollar quote) is left alone, and the server refuses it.
 */
import { maskSql } from "../../pg/sql-text/mask.ts";

export interface MacroCall {
  /** UTF-16 indexes of what is replaced, the semicolon included when there is one. */
  start: number;
  end: number;
  /** A regular expression for paths of tests; undefined: all tests. */
  pattern: string | undefined;
  /** Name of the callback function; undefined: the default reporter. */
  callback: string | undefined;
}

const BLANKS = "[ \\t\\n\\r\\f\\v]*";
const TEXT = "'[^']*'(?!')";
const MACRO = new RegExp(
  `(?<![\\w$\\u0080-\\uffff])call[ \\t\\n\\r\\f\\v]+(?:pg_temp${BLANKS}\\.${BLANKS})?pgmi_test${BLANKS}\\(${BLANKS}` +
    `(?:(?<first>${TEXT}|null)${BLANKS}(?:,${BLANKS}(?<second>${TEXT})${BLANKS})?)?\\)(?:${BLANKS};)?`,
  "dgi",
);

/** The macro calls of `text` in order. */
export function findMacros(text: string, mask: string = maskSql(text)): MacroCall[] {
  const calls: MacroCall[] = [];
  for (const match of mask.matchAll(MACRO)) {
    calls.push({
      start: match.index,
      end: match.index + match[0].length,
      pattern: argument(text, match.indices?.groups?.first),
      callback: argument(text, match.indices?.groups?.second),
    });
  }
  return calls;
}

/** The text between the quotes at these indexes; undefined for NULL, an empty text and an absent argument. */
function argument(text: string, indexes: [number, number] | undefined): string | undefined {
  if (!indexes || text[indexes[0]] !== "'") return undefined;
  return text.slice(indexes[0] + 1, indexes[1] - 1) || undefined;
}
