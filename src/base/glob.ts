/**
 * Patterns over names: `*` for any text, `?` for one character, a backslash takes the meaning from what follows.
 *
 * Matched without backtracking over more than one star, because both names and patterns may come from strangers.
 */

const ANY_ONE = Symbol("any character");
const ANY_TEXT = Symbol("any text");

/** One character, or what stands for any. */
export type GlobPiece = string | typeof ANY_ONE | typeof ANY_TEXT;

/** A pattern made ready for `matchesGlob`. */
export function globPieces(pattern: string): readonly GlobPiece[] {
  const pieces: GlobPiece[] = [];
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

/** The pattern that means exactly `name`. */
export function exactPattern(name: string): string {
  return name.replace(/[\\*?]/g, "\\$&");
}

/**
 * Whether all of `text` is what the pattern means. After a mismatch only the last star grows, which is enough: an earlier
 * one could only find the same later.
 */
export function matchesGlob(pieces: readonly GlobPiece[], text: string): boolean {
  const characters = [...text];
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
