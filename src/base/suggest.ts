/** Finds the name somebody probably meant, for "did you mean" hints. */

/** 2 edits: closer words are typing errors, farther ones are other words. */
const MAX_EDITS = 2;

/** The known name nearest to `word`, at most two edits away; undefined when none is that near. */
export function nearestName(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestEdits = MAX_EDITS + 1;
  for (const name of known) {
    if (Math.abs(name.length - word.length) > MAX_EDITS) continue;
    const edits = editDistance(word, name);
    if (edits < bestEdits) [best, bestEdits] = [name, edits];
  }
  return best;
}

function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substituted = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
