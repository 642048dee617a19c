/** What a renderer is told about where its text goes. */
import type { View } from "../../src/cli/renderer.ts";

/** A program's view: no colour, not fitted, 100 columns; `changes` win. */
export function viewOf(changes: Partial<View> = {}): View {
  return {
    colour: false,
    ascii: false,
    width: 100,
    isFitted: false,
    isTerminal: false,
    verbose: false,
    quiet: false,
    program: "pgkeep",
    elapsedMs: 0,
    ...changes,
  };
}
