/**
 * Ids in test names. A test that proves a contract case or a threat's mitigation names it in brackets: "[SA-06] ...",
 * "[D-05, T-09] ...". Only names count, not comments or values.
 */
import { filesBelow, read, withoutComments } from "./repository.ts";

const NAMED = /\b(?:it|test|describe)(?:\.\w+)*\s*(?:\([^"'`]*\)\s*)?\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/gs;
/** A name may also be the first cell of a table that `it.each` reads. */
const CELL = /[[{,:(]\s*(["'`])(\[[A-Z]{1,3}-\d{2}(?:(?!\1)[^\\\n])*)\1/g;
const IDS = /\[([A-Z]{1,3}-\d{2}(?:[,\s]+[A-Z]{1,3}-\d{2})*)\]/g;

/** Id -> files whose test names hold it. */
export function testedIds(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of filesBelow("test", ".test.ts")) {
    const source = withoutComments(read(path));
    const names = [...source.matchAll(NAMED), ...source.matchAll(CELL)].map((match) => match[2] ?? "");
    const ids = names.flatMap((name) => [...name.matchAll(IDS)].flatMap((match) => (match[1] ?? "").split(/[,\s]+/)));
    for (const id of new Set(ids)) found.set(id, [...(found.get(id) ?? []), path]);
  }
  return found;
}
