/** Reads the definitions of sql/access, each once per process. */
import { readFileSync } from "node:fs";

const DIRECTORY = new URL("../../../sql/access/", import.meta.url);

const files = new Map<string, string>();

/** The text of one file, without the comment lines that are for its readers. */
export function sqlFile(name: string): string {
  let text = files.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(name, DIRECTORY), "utf8").replace(/^[ \t]*--.*\n/gm, "");
    files.set(name, text);
  }
  return text;
}
