/** Finds the name somebody probably meant, for "did you mean" hints. */

/** 2 edits: closer words are typing errors, farther ones are other words. */
const MAX_EDITS = 2;

/** The known name nearest to `word`, at most two edits away (one for words of up to three letters); undefined when none is. */
export function nearestName(word: string, known: Iterable<string>): string | undefined {
  // Two edits turn any two letters into any other two.
  const maxEdits = word.length <= 3 ? 1 : MAX_EDITS;
  let best: string | undefined;
  let bestEdits = maxEdits + 1;
  for (const name of known) {
    if (Math.abs(name.length - word.length) > maxEdits) continue;
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
