/**
 * What the documents say about commands, as data: the blocks of a page that are run, and what they should print.
 *
 * A block marked `sh` is run as it stands. A `text` block right after it is what it prints, on both streams; numbers
 * that differ from run to run (durations, times, ports, process ids) or that nobody relies on (how many probes) are compared by
 * shape, and a line `...` stands for any number of lines.
 *
 * What a page takes for granted, such as a server with roles, is a block inside an HTML comment: run like the others,
 * and not seen by readers.
 */
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

export interface CommandBlock {
  /** 1-based line of the fence. */
  line: number;
  script: string;
  /** undefined: nothing is said about the output. */
  output: string | undefined;
}

const BLOCK = /^( *)```(\w*)\n([\s\S]*?)^ *```$/gm;

/** The `sh` blocks of a page in order. */
export function commandBlocks(path: string): CommandBlock[] {
  const page = readFileSync(path, "utf8");
  const blocks = [...page.matchAll(BLOCK)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    language: match[2] ?? "",
    text: (match[3] ?? "").replaceAll(new RegExp(`^${match[1] ?? ""}`, "gm"), ""),
  }));
  return blocks.flatMap((block, index) => {
    if (block.language !== "sh") return [];
    const next = blocks[index + 1];
    const follows = next?.language === "text" && page.slice(block.end, next.start).trim() === "";
    const line = page.slice(0, block.start).split("\n").length;
    return [{ line, script: block.text, output: follows ? next.text : undefined }];
  });
}

/** Output without what differs from run to run. */
export function withoutVariation(output: string): string[] {
  return stripVTControlCharacters(output)
    .split("\n")
    .map((line) => line.trimEnd().replaceAll(/\b\d+([.,]\d+)*( ?(?:ms|s|MB|kB)\b)/g, "#$2"))
    .map((line) => line.replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/g, "<time>"))
    .map((line) => line.replaceAll(/\b\d+ passed, \d+ computed\b/g, "# passed, # computed"))
    .map((line) => line.replaceAll(/\b(port|pid|:)(\s*)\d{3,}\b/g, "$1$2#").replaceAll(/\s{2,}/g, " "))
    .filter((line) => line !== "");
}

/** Whether `actual` is what `expected` shows; `...` on a line of its own stands for any lines. */
export function shows(expected: string[], actual: string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first.trim() === "...") return actual.some((_, index) => shows(rest, actual.slice(index))) || shows(rest, []);
  return actual[0] === first && shows(rest, actual.slice(1));
}
