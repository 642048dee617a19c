/**
 * Which objects a model means: exact names, `*` and `?` over names, and signatures of routines.
 *
 * A backslash takes the meaning from the character after it, so every name can be written. Exact names, of which a
 * generated model has thousands, are looked up in a set; globs are matched without backtracking over more than one star,
 * because both names and patterns may come from strangers.
 */
import type { CatalogObject, ObjectSubkind } from "../catalog/snapshot.ts";
import type { ObjectTarget } from "./model.ts";

/** Whether an object is one of those that `target` means. Makes a function, because patterns are prepared once. */
export function objectMatcher(target: ObjectTarget): (object: CatalogObject) => boolean {
  const { kind, schema } = target;
  const subkinds = target.subkinds && new Set<ObjectSubkind | undefined>(target.subkinds);
  const named = nameMatcher(target.patterns);
  return (object) =>
    object.kind === kind &&
    (schema === undefined || object.schema === schema) &&
    (subkinds === undefined || subkinds.has(object.subkind)) &&
    (named(object.name) || (kind === "routine" && named(bareRoutineName(object.name))));
}

/** Whether a name is one that `patterns` mean. */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.includes("*")) return () => true;
  const exact = new Set<string>();
  const globs: (readonly Piece[])[] = [];
  for (const pattern of patterns) {
    const pieces = piecesOf(normalSignature(pattern));
    if (pieces.every((piece) => typeof piece === "string")) exact.add(pieces.join(""));
    else globs.push(pieces);
  }
  return (name) => exact.has(name) || globs.some((pieces) => matchesGlob(pieces, [...name]));
}

/** Whether `pattern` means exactly one name: no star, no question mark. */
export function isExactPattern(pattern: string): boolean {
  return piecesOf(pattern).every((piece) => typeof piece === "string");
}

/** The pattern that means exactly `name`. */
export function exactPattern(name: string): string {
  return name.replace(/[\\*?]/g, "\\$&");
}

/** "total(integer, text)" -> "total": a pattern without arguments means all routines of the name. */
function bareRoutineName(signature: string): string {
  const open = signature.indexOf("(");
  return open <= 0 ? signature : signature.slice(0, open);
}

/** People leave out the space after a comma; the catalog never does. Only within the arguments. */
function normalSignature(pattern: string): string {
  if (!pattern.endsWith(")") || pattern.includes('"')) return pattern;
  const open = pattern.indexOf("(");
  if (open <= 0) return pattern;
  return pattern.slice(0, open) + pattern.slice(open).replace(/,(?! )/g, ", ");
}

/** One character, or what stands for any. */
type Piece = string | typeof ANY_ONE | typeof ANY_TEXT;

const ANY_ONE = Symbol("any character");
const ANY_TEXT = Symbol("any text");

function piecesOf(pattern: string): Piece[] {
  const pieces: Piece[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*") pieces.push(ANY_TEXT);
    else if (character === "?") pieces.push(ANY_ONE);
    else if (character === "\\" && at + 1 < characters.length) pieces.push(characters[++at] ?? "");
    else pieces.push(character);
  }
  return pieces;
}

/** After a mismatch only the last star grows, which is enough: an earlier one could only find the same later. */
function matchesGlob(pieces: readonly Piece[], characters: readonly string[]): boolean {
  let piece = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < characters.length) {
    const expected = pieces[piece];
    if (expected === ANY_TEXT) {
      star = piece++;
      starAt = at;
    } else if (expected === ANY_ONE || expected === characters[at]) {
      piece++;
      at++;
    } else if (star >= 0) {
      piece = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (pieces[piece] === ANY_TEXT) piece++;
  return piece === pieces.length;
}
