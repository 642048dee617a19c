/** Runs the built program as a person or a pipeline would: a process of its own, with exactly the environment given. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
export const BIN = join(REPOSITORY, "bin/pgkeep.js");

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  input?: string;
  /** Started instead of bin/pgkeep.js, for example through a link of another name. */
  bin?: string;
}

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** What a pipeline has: no terminal, no home with settings, nothing of this machine's own variables. */
const CLEAN = { PATH: process.env.PATH ?? "", HOME: "/nonexistent", LANG: "C.UTF-8" };

/** Runs `pgkeep` with `words` to its end. */
export function pgkeep(words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return pgkeepStarted(words, options).finished;
}

/** Starts `pgkeep` and returns at once, for tests that do something to it while it runs. */
export function pgkeepStarted(
  words: readonly string[],
  options: RunOptions = {},
): { child: ChildProcess; finished: Promise<Finished> } {
  if (!existsSync(join(REPOSITORY, "dist/bundle/main.cjs"))) throw new Error("run npm run build first");
  const child = spawn(process.execPath, [options.bin ?? BIN, ...words], {
    cwd: options.cwd,
    env: { ...CLEAN, ...options.env },
  });
  const chunks = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    chunks.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    chunks.stderr += text;
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, finished: closed.then((status) => ({ status, ...chunks })) };
}
