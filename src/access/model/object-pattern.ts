/**
 * Which objects a model means: exact names, `*` and `?` over names, and signatures of routines.
 *
 * A backslash takes the meaning from the character after it, so every name can be written. Exact names, of which a
 * generated model has thousands, are looked up in a set; globs are matched without backtracking over more than one star,
 * because both names and patterns may come from strangers.
 */
import { type GlobPiece, globPieces, matchesGlob } from "../../base/glob.ts";
import type { CatalogObject, ObjectSubkind } from "../privileges/catalog-object.ts";
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
  const globs: (readonly GlobPiece[])[] = [];
  for (const pattern of patterns) {
    const pieces = globPieces(normalSignature(pattern));
    if (pieces.every((piece) => typeof piece === "string")) exact.add(pieces.join(""));
    else globs.push(pieces);
  }
  return (name) => exact.has(name) || globs.some((pieces) => matchesGlob(pieces, name));
}

/** Whether `pattern` means exactly one name: no star, no question mark. */
export function isExactPattern(pattern: string): boolean {
  return globPieces(pattern).every((piece) => typeof piece === "string");
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
