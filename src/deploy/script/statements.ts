/**
 * Finds where the top-level statements of a script begin and end, without parsing them.
 *
 * A semicolon ends a statement unless it is inside parentheses (`CREATE RULE ... DO (a; b)`) or inside the SQL-standard
 * body of a routine (`BEGIN ATOMIC ... END`). Everything else that may hold a semicolon (literals, comments, dollar
 * quotes) is blank in the mask that this works on. Positions are UTF-16 indexes; they hold in text and mask alike.
 */
import { maskSql } from "../../pg/sql-text/mask.ts";

export interface StatementSpan {
  /** Index of the statement's first character, comments and blanks before it left out. */
  start: number;
  /** Index after its semicolon, or after its last character when the script ends without one. */
  end: number;
}

/** What the server takes for white space; unlike `\s`, not the blanks outside ASCII. */
const BLANKS = "[ \\t\\n\\r\\f\\v]";

const CODE = /[^ \t\n\r\f\v]/g;
const BREAKS = /[;()]/g;
const ROUTINE = new RegExp(`create${BLANKS}+(?:or${BLANKS}+replace${BLANKS}+)?(?:function|procedure)\\b`, "iy");
const BEGIN_ATOMIC = new RegExp(`(?<![\\w$.\\u0080-\\uffff])begin${BLANKS}+atomic(?![\\w$\\u0080-\\uffff])`, "gi");
const WORDS = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\./g;
const TERMINATOR = new RegExp(
  `^(?:commit|end|rollback|abort)(?:${BLANKS}+(?:work|transaction))?` +
    `(?:${BLANKS}+and${BLANKS}+(?:no${BLANKS}+)?chain)?${BLANKS}*;?$`,
  "i",
);

/** The top-level statements of `text` in order; pieces without code are left out. */
export function statementSpans(text: string, mask: string = maskSql(text)): StatementSpan[] {
  const spans: StatementSpan[] = [];
  let start = firstCode(mask, 0);
  while (start < mask.length) {
    const end = statementEnd(mask, start);
    if (mask[start] !== ";") spans.push({ start, end: mask[end - 1] === ";" ? end : lastCode(mask, end) });
    start = firstCode(mask, end);
  }
  return spans;
}

/** Whether the statement ends a transaction: COMMIT, END, ROLLBACK, ABORT, but neither ROLLBACK TO nor ... PREPARED. */
export function endsTransaction(mask: string, { start, end }: StatementSpan): boolean {
  const head = mask.slice(start, start + 8).toLowerCase();
  if (!/^(?:commit|end|rollback|abort)/.test(head)) return false;
  return TERMINATOR.test(mask.slice(start, end));
}

const PREPARES = new RegExp(`^prepare${BLANKS}+transaction(?![\\w$\\u0080-\\uffff])`, "i");

/** Whether a statement of the text takes its transaction out of the session: PREPARE TRANSACTION. */
export function preparesTransaction(text: string, mask: string = maskSql(text)): boolean {
  return statementSpans(text, mask).some(({ start, end }) => PREPARES.test(mask.slice(start, end)));
}

/** Index of the first code at or after `from`; the mask's length when there is none. */
export function firstCode(mask: string, from: number): number {
  CODE.lastIndex = from;
  return CODE.exec(mask)?.index ?? mask.length;
}

function lastCode(mask: string, end: number): number {
  let at = end;
  while (at > 0 && /[ \t\n\r\f\v]/.test(mask[at - 1] ?? "")) at--;
  return at;
}

/** Index after the semicolon that ends the statement at `start`, or the mask's length. */
function statementEnd(mask: string, start: number): number {
  let depth = 0;
  let mayHaveBody = matchesAt(ROUTINE, mask, start);
  BREAKS.lastIndex = start;
  for (let match = BREAKS.exec(mask); match; match = BREAKS.exec(mask)) {
    if (match[0] === "(") depth++;
    else if (match[0] === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0) {
      const body = mayHaveBody ? atomicBody(mask, start, match.index) : undefined;
      if (body === undefined) return match.index + 1;
      mayHaveBody = false;
      BREAKS.lastIndex = body;
    }
  }
  return mask.length;
}

/** Index after the END of the BEGIN ATOMIC body that begins before `limit`; undefined when none begins there. */
function atomicBody(mask: string, start: number, limit: number): number | undefined {
  BEGIN_ATOMIC.lastIndex = start;
  const begin = BEGIN_ATOMIC.exec(mask);
  if (!begin || begin.index >= limit) return undefined;
  let open = 1;
  let previous = "";
  WORDS.lastIndex = begin.index + begin[0].length;
  for (let match = WORDS.exec(mask); match; match = WORDS.exec(mask)) {
    const word = match[0].toLowerCase();
    // After AS or a dot these words are names.
    const isName = previous === "as" || previous === ".";
    if (!isName && word === "case") open++;
    else if (!isName && word === "end" && --open === 0) return match.index + word.length;
    previous = word;
  }
  return mask.length;
}

function matchesAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}
