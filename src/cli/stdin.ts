/**
 * Standard input for operations that take a secret from it.
 *
 * It is read only when an operation asks, because reading takes from whoever else was to have it: in a shell loop every
 * command shares the loop's input.
 */
import { fstatSync } from "node:fs";
import { PgkeepError } from "../base/errors.ts";
import { STDIN_MAX_BYTES } from "../base/operation.ts";

const STDIN = 0;

/** The reader, when something may have been sent: a pipe, a socket or a file. */
export function stdinReader(signal: AbortSignal): (() => Promise<string>) | undefined {
  return isSendable() ? () => readAll(signal) : undefined;
}

function isSendable(): boolean {
  try {
    const stats = fstatSync(STDIN);
    return stats.isFIFO() || stats.isSocket() || stats.isFile();
  } catch {
    // Closed.
    return false;
  }
}

async function readAll(signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { stdin } = process;
  const onAbort = (): void => void stdin.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const chunk of stdin) {
      chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
      if (bytes > STDIN_MAX_BYTES) throw tooMuch();
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    signal.throwIfAborted();
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooMuch(): PgkeepError {
  return new PgkeepError("CONFIG_VALUE_INVALID", "standard input holds more than 64 KiB", {
    hint: "Send the secret alone.",
  });
}
