/**
 * Long results one screen at a time, for a person at a terminal and nobody else.
 *
 * The pager is the person's own choice (PGMI_PAGER, then PAGER); what it gets has been scrubbed. Credentials left the
 * process environment at start, so the pager does not inherit them.
 */
import { spawnSync } from "node:child_process";
import { errorCodeOf } from "../base/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The command to page with; undefined when the person wants none. */
export function pagerOf(environment: Environment, platform: string = process.platform): string | undefined {
  const otherwise = platform === "win32" ? "more" : "less -R";
  const command = (environment.PGMI_PAGER || environment.PAGER || otherwise).trim();
  return command === "cat" || command === "" ? undefined : command;
}

/** Whether `text` has more lines than the screen. */
export function isLong(text: string, rows: number | undefined): boolean {
  if (rows === undefined || rows === 0) return false;
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1 && lines < rows; at = text.indexOf("\n", at + 1)) lines++;
  return lines >= rows;
}

/**
 * Shows `text` in the pager and waits for the person. False when it could not be started, so nothing was shown.
 *
 * The words of `command` are the program and its arguments; there is no shell, so quotes and pipes mean nothing.
 */
export function page(text: string, command: string): boolean {
  const [program = "", ...words] = command.split(/\s+/);
  const { error } = spawnSync(program, words, { input: text, stdio: ["pipe", "inherit", "inherit"] });
  // EPIPE: the person left before the end.
  return error === undefined || errorCodeOf(error) === "EPIPE";
}
