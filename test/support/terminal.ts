/** Runs the built program in a real pseudo terminal, where it asks questions, and types the answers. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { needs } from "./needs.ts";
import { BIN, REPOSITORY } from "./pgkeep.ts";

const DRIVER = join(REPOSITORY, "test/support/terminal.py");

/** What Python's pseudo terminals need is there. */
export const needsTerminal = needs(
  spawnSync("python3", ["-c", "import pty"]).status === 0,
  "python3 makes the pseudo terminal",
);

export interface TerminalStep {
  /** Text that has to appear first. */
  expect: string;
  /** Keys, "\r" for Enter and "\u0003" for Ctrl-C. */
  type?: string;
  /** Sent to the program instead of keys. */
  signal?: "SIGTERM" | "SIGINT";
}

export interface TerminalRun {
  /** null: it did not end in time. */
  status: number | null;
  /** Everything shown, without colours and cursor movements. */
  screen: string;
  /** Steps whose text never appeared. */
  left: number;
}

/** 30 s: several times what a deploy of a small project takes on a busy machine. */
const LIMIT_SECONDS = 30;

/** Runs `pgkeep` with `words` and goes through `steps`. */
export async function inTerminal(
  words: readonly string[],
  steps: readonly TerminalStep[],
  { cwd, env = {}, rows = 40 }: { cwd: string; env?: Record<string, string>; rows?: number },
): Promise<TerminalRun> {
  const plan = {
    argv: [process.execPath, BIN, ...words],
    cwd,
    env: { PATH: process.env.PATH ?? "", HOME: cwd, LANG: "C.UTF-8", TERM: "xterm", NO_COLOR: "1", ...env },
    rows,
    limit_seconds: LIMIT_SECONDS,
    steps,
  };
  const child = spawn("python3", [DRIVER, JSON.stringify(plan)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await new Promise((resolve) => child.once("close", resolve));
  return JSON.parse(output);
}
