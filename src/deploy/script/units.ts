/**
 * Splits a script into the messages that are sent: an atomic head, then one message per statement.
 *
 * The head reaches to the first statement that ends a transaction. The server runs one message as one transaction, so
 * a script without such a statement happens wholly or not at all. What follows goes statement by statement, as psql
 * would send it, because some statements (VACUUM, CREATE INDEX CONCURRENTLY) must be alone in their message.
 *
 * Each message of the tail is led by line breaks and blanks that put it on the line and column it has in the script,
 * so that whoever reads the server's log finds it. The text is made when it is asked for: in a long script the blanks
 * of all statements together are far larger than the script.
 */
import { maskSql } from "../../pg/sql-text/mask.ts";
import { countOf, indexOfCodePoint } from "./positions.ts";
import { endsTransaction, firstCode, type StatementSpan, statementSpans } from "./statements.ts";

/** 1,000 blanks: wider lines are not written by people, and one line of thousands of statements must stay cheap. */
const MAX_COLUMN_BLANKS = 1_000;

export class ScriptUnit {
  readonly #script: string;
  readonly start: number;
  readonly end: number;
  readonly #line: number;
  readonly #blanks: number;

  constructor(script: string, { start, end }: StatementSpan, place: { line: number; lineStart: number }) {
    this.#script = script;
    this.start = start;
    this.end = end;
    this.#line = place.line;
    const column = start - place.lineStart;
    this.#blanks = column > MAX_COLUMN_BLANKS ? 0 : column;
  }

  /** The message to send. */
  sql(): string {
    return `${"\n".repeat(this.#line - 1)}${" ".repeat(this.#blanks)}${this.#script.slice(this.start, this.end)}`;
  }

  /** UTF-16 index in the script of the server's position (1-based, code points) in the message. */
  indexOf(position: number): number {
    const inUnit = position - (this.#line - 1) - this.#blanks;
    return this.start + indexOfCodePoint(this.#script.slice(this.start, this.end), Math.max(1, inUnit));
  }
}

/** The messages of `script`: at least the head, which is all of it when nothing follows the first terminator. */
export function splitScript(script: string): [head: ScriptUnit, ...tail: ScriptUnit[]] {
  const mask = maskSql(script);
  const spans = statementSpans(script, mask);
  const terminator = spans.findIndex((span) => endsTransaction(mask, span));
  const headEnd = terminator < 0 ? undefined : spans[terminator]?.end;
  const hasTail = headEnd !== undefined && firstCode(mask, headEnd) < mask.length && terminator < spans.length - 1;
  const head = { start: 0, end: hasTail ? headEnd : script.length };
  const tail = hasTail ? spans.slice(terminator + 1) : [];
  return [new ScriptUnit(script, head, { line: 1, lineStart: 0 }), ...tailUnits(script, tail)];
}

function tailUnits(script: string, spans: readonly StatementSpan[]): ScriptUnit[] {
  let counted = 0;
  let line = 1;
  let lineStart = 0;
  return spans.map((span) => {
    // Only what is new since the last unit is looked at: a script of one line can have thousands of them.
    const between = script.slice(counted, span.start);
    line += countOf(between, "\n");
    const lastBreak = between.lastIndexOf("\n");
    if (lastBreak !== -1) lineStart = counted + lastBreak + 1;
    counted = span.start;
    return new ScriptUnit(script, span, { line, lineStart });
  });
}
