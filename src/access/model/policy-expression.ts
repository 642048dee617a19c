/**
 * Keeps an expression of the model inside the parentheses that a statement puts around it.
 *
 * The expression is the author's SQL, and nobody who reads a plan for a policy expects more than a policy of it. So
 * it may not end the parentheses, the statement or the line: no parenthesis that closes what it did not open, no
 * semicolon, no comment, no literal without an end, and no backslash outside of quotes, which psql would take for a command.
 */
import { sqlRegions } from "../../pg/sql-text/mask.ts";

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]" };

/** Why `expression` could become more than one expression; undefined when it cannot. */
export function policyExpressionProblem(expression: string): string | undefined {
  if (expression.trim() === "") return "is empty";
  if (expression.includes("\0")) return "holds a NUL character";
  // What follows an open literal is part of it, so the parenthesis behind the expression is code only when none is open.
  const wrapped = `(${expression})`;
  const regions = sqlRegions(wrapped);
  if (regions.some(({ kind }) => kind === "line comment" || kind === "block comment")) return "holds a comment";
  const last = regions.at(-1);
  if (last?.kind !== "code") return "holds a quote that is not closed";
  const open: string[] = [];
  for (const { kind, start, end } of regions) {
    if (kind !== "code") continue;
    for (let at = start; at < end; at++) {
      const character = wrapped[at] ?? "";
      if (character === ";") return "holds a semicolon";
      if (character === "\\") return "holds a backslash outside of quotes";
      const closing = CLOSING[character];
      if (closing !== undefined) open.push(closing);
      else if ((character === ")" || character === "]") && open.pop() !== character) return UNBALANCED;
      if (open.length === 0 && at < wrapped.length - 1) return UNBALANCED;
    }
  }
  return open.length === 0 ? undefined : UNBALANCED;
}

const UNBALANCED = "has parentheses that do not match";
