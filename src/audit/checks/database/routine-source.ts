/**
 * SQL expressions about a routine's body. A body may hold secrets, so it is judged on the server and only booleans come
 * out.
 *
 * Aliases as in routines.ts. Bodies written in SQL's own form (BEGIN ATOMIC) have no text; the server writes one.
 */
import { literal } from "../../../pg/identifiers.ts";

/** The body as text. */
export const SOURCE = "coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)";

const STRING = "'(?:[^']|'')*'";

/** A string, a comment to the end of the line, or a comment in slashes: one pass, so neither hides in another. */
const STRING_OR_COMMENT = String.raw`(${STRING})|--[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/`;

/** The body with strings and without comments. */
export const CODE = `pg_catalog.regexp_replace(${SOURCE}, ${literal(STRING_OR_COMMENT)}, ${literal("\\1")}, 'g')`;

/** `code` with its strings emptied. */
export function withoutStrings(code: string): string {
  return `pg_catalog.regexp_replace(${code}, ${literal(STRING)}, '''''', 'g')`;
}
