/** What the checks of files and processes share: looking at many, modes in words, commands to paste. */
import { shellWord } from "../../../base/shell.ts";
import { Unanswered } from "../../answers.ts";
import type { Found } from "../../check.ts";
import type { FileStatus } from "../../facts/host.ts";
import type { Fix } from "../../fix.ts";

/**
 * Findings of all `items`. One that may not be looked at is a gap: with findings elsewhere those stand, without any the
 * check has no answer.
 */
export async function lookAtEach<Item>(
  items: Iterable<Item>,
  look: (item: Item) => readonly Found[] | Promise<readonly Found[]>,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  const gaps: Unanswered[] = [];
  for (const item of items) {
    try {
      found.push(...(await look(item)));
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      gaps.push(error);
    }
  }
  const [first] = gaps;
  if (found.length > 0 || first === undefined) return found;
  const others = gaps.length === 1 ? "" : `, and ${gaps.length - 1} more`;
  throw new Unanswered(`${first.message}${others}`, first.right);
}

/** "mode 0644". */
export function modeText({ mode }: FileStatus): string {
  return `mode ${mode.toString(8).padStart(4, "0")}`;
}

export function chmod(mode: string, path: string): Fix {
  return { kind: "shell", commands: [`chmod ${mode} ${shellWord(path)}`], risk: "low" };
}

export const WRITABLE_BY_OTHERS = 0o022;
export const READABLE_BY_EVERYBODY = 0o004;
/** Anything for the group or for others. */
export const NOT_PRIVATE = 0o077;
