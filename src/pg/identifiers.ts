/**
 * The one place where a name or a text becomes part of SQL text.
 *
 * Values travel as bound parameters. What the protocol cannot bind (names, literals in DDL) goes through here. Names are
 * always quoted, so neither keywords nor upper case need rules, and checked, because the server would silently cut
 * a long one and then mean another object.
 */
import { ACTED_ON } from "../base/acted-on.ts";
import { PgkeepError } from "../base/errors.ts";

/** 63 bytes: NAMEDATALEN - 1 of every server as it is distributed. Longer names are cut by the server. */
export const MAX_IDENTIFIER_BYTES = 63;

/** Why `name` cannot be an identifier; undefined when it can. */
export function identifierProblem(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.includes("\0")) return "it holds a NUL character";
  if (!name.isWellFormed()) return "it is not valid Unicode";
  const bytes = Buffer.byteLength(name, "utf8");
  if (bytes > MAX_IDENTIFIER_BYTES) return `it has ${bytes} bytes, the server keeps ${MAX_IDENTIFIER_BYTES}`;
  return undefined;
}

/** Throws CONFIG_VALUE_INVALID when the server could not keep `name` as it is. `what` says whose name: "role". */
export function checkIdentifier(name: string, what = "object"): void {
  const problem = identifierProblem(name);
  if (problem === undefined) return;
  throw new PgkeepError("CONFIG_VALUE_INVALID", `the name of a ${what} cannot be used`, {
    detail: `The name is refused because ${problem}.`,
    hint: `Use a name of 1 to ${MAX_IDENTIFIER_BYTES} bytes.`,
  });
}

/**
 * Line breaks and other characters that a terminal, a log or a psql session would act on: C0, DEL, C1, line and
 * paragraph separators, and those that turn the direction of writing.
 */
const ESCAPED = new RegExp(`[\\u0000-\\u001f${ACTED_ON}]`, "u");

/**
 * `name` as a quoted identifier: `"Order"`, `"say ""hi"""`, and with escapes when a character could act on whoever reads
 * or pastes the statement: `U&"two\000alines"`. Throws CONFIG_VALUE_INVALID when it cannot be one.
 */
export function ident(name: string): string {
  checkIdentifier(name);
  const doubled = name.replaceAll('"', '""');
  if (!ESCAPED.test(name)) return `"${doubled}"`;
  const escaped = [...doubled.replaceAll("\\", "\\\\")].map((character) =>
    ESCAPED.test(character) ? escapeOf(character.codePointAt(0) ?? 0) : character,
  );
  return `U&"${escaped.join("")}"`;
}

/** The form with a plus sign is for characters that four digits cannot name. */
function escapeOf(code: number): string {
  return code > 0xffff ? `\\+${code.toString(16).padStart(6, "0")}` : `\\${code.toString(16).padStart(4, "0")}`;
}

/** `schema.name`, both quoted. */
export function qualified(schema: string, name: string): string {
  return `${ident(schema)}.${ident(name)}`;
}

/**
 * `text` as a literal that means the same whatever standard_conforming_strings is: backslashes force the E'' form,
 * with a space before it so that the E cannot join a word in front.
 * Throws CONFIG_VALUE_INVALID for NUL, which no text of the server can hold.
 */
export function literal(text: string): string {
  if (text.includes("\0")) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "a text value holds a NUL character", {
      detail: "PostgreSQL's text types cannot hold it.",
      hint: "Remove the NUL character, or store the value as bytea.",
    });
  }
  const quoted = text.replaceAll("'", "''");
  return quoted.includes("\\") ? ` E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}
