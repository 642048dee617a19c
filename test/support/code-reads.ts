/**
 * What the built program reads of itself while it runs, and what the process list showed of it at the first read.
 *
 * A file that Node loads before the program watches `readFileSync`, by which the program loads its code.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { BIN } from "./pgkeep.ts";
import { temporaryDirectory } from "./project.ts";

export interface CodeRead {
  /** Name of the file in dist/bundle. */
  file: string;
  bytes: number;
  /** The process' own line in the process list at that moment. */
  commandLine: string;
}

const WATCHER = `
const fs = require("node:fs");
const read = fs.readFileSync;
const seen = [];
fs.readFileSync = (path, ...rest) => {
  const file = /[\\\\/]dist[\\\\/]bundle[\\\\/]([^\\\\/]+)$/.exec(String(path))?.[1];
  const commandLine = file && read("/proc/self/cmdline", "utf8");
  const content = read(path, ...rest);
  if (file) seen.push({ file, bytes: Buffer.byteLength(content), commandLine });
  return content;
};
process.on("exit", () => fs.writeFileSync(process.env.SEEN, JSON.stringify(seen)));
`;

/** Runs the program with `words` and returns its code in the order in which it was read. */
export function codeReadBy(words: readonly string[]): CodeRead[] {
  using folder = temporaryDirectory({ "watcher.cjs": WATCHER });
  const seen = folder.at("seen.json");
  spawnSync(process.execPath, ["--require", folder.at("watcher.cjs"), BIN, ...words], {
    stdio: "ignore",
    env: { ...process.env, SEEN: seen },
  });
  return JSON.parse(readFileSync(seen, "utf8"));
}
