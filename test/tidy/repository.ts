/**
 * What the tidy tests know of the repository: its files and their text, without what git leaves out.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LEFT_OUT = new Set(["node_modules", "dist", ".git", ".pgkeep", "coverage"]);

/** Paths below `folder` whose name ends with one of `extensions`, "/" separators, sorted; empty when it is absent. */
export function filesBelow(folder: string, ...extensions: string[]): string[] {
  const found: string[] = [];
  const visit = (path: string): void => {
    for (const entry of entriesOf(path)) {
      if (LEFT_OUT.has(entry.name)) continue;
      const child = path === "." ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) visit(child);
      else if (extensions.length === 0 || extensions.some((extension) => child.endsWith(extension))) found.push(child);
    }
  };
  visit(folder);
  return found.sort();
}

function entriesOf(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

export function read(path: string): string {
  return readFileSync(join(process.cwd(), path), "utf8");
}

/** TypeScript or JavaScript text without its comments, line numbers kept. Good enough for searching; not a parser. */
export function withoutComments(source: string): string {
  const blank = (text: string): string => text.replace(/[^\n]/g, " ");
  return source.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(^|[\s;,{}()])\/\/[^\n]*/g, blank);
}

/** "path:line  text" of every line of `source` that `pattern` matches. */
export function linesMatching(path: string, source: string, pattern: RegExp): string[] {
  return source
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}  ${line.trim()}`] : []));
}
