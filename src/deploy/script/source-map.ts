/**
 * A text with replacements, that remembers where everything came from.
 *
 * What is sent to the server is not the deploy.sql that somebody wrote: macros are expanded and calls are added. The
 * server's positions refer to what was sent; people want the line they wrote.
 */
import { assert } from "../../base/assert.ts";
import { placeOf, type TextPlace } from "./positions.ts";

export interface Edit {
  /** UTF-16 indexes in the original; equal for an insertion. */
  start: number;
  end: number;
  replacement: string;
  /** macro: text made from a macro call. instrumentation: our own, of no interest to anybody. */
  kind: "macro" | "instrumentation";
}

export interface OriginalPlace extends TextPlace {
  /** Set when the place is inside the text that a macro became; line and column are then those of the macro. */
  insideMacro: boolean;
  /** Whether the place is after everything that was written. */
  isAtEnd: boolean;
}

export class SourceMap {
  readonly original: string;
  /** The text after all edits. */
  readonly text: string;
  readonly #edits: readonly Edit[];

  /** `edits` must not overlap; any order. */
  constructor(original: string, edits: readonly Edit[]) {
    this.original = original;
    this.#edits = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
    const pieces: string[] = [];
    let copied = 0;
    for (const { start, end, replacement } of this.#edits) {
      assert(start >= copied && end >= start, "edits do not overlap");
      pieces.push(original.slice(copied, start), replacement);
      copied = end;
    }
    this.text = pieces.join("") + original.slice(copied);
  }

  /** The original index of an index in `text`: that of the replaced part for anything inside a replacement. */
  originalIndex(index: number): { index: number; edit: Edit | undefined } {
    let shift = 0;
    for (const edit of this.#edits) {
      const start = edit.start + shift;
      if (index < start) break;
      if (index < start + edit.replacement.length) return { index: edit.start, edit };
      shift += edit.replacement.length - (edit.end - edit.start);
    }
    return { index: index - shift, edit: undefined };
  }

  /** Where an index in `text` was written. */
  place(index: number): OriginalPlace {
    const { index: originalIndex, edit } = this.originalIndex(index);
    const isAtEnd = originalIndex >= this.original.length;
    return { ...placeOf(this.original, originalIndex), insideMacro: edit?.kind === "macro", isAtEnd };
  }
}
