/**
 * The only way out of the process: every byte for stdout, stderr or an output file passes here, and scrubbing secrets is
 * the last thing that happens to it.
 *
 * Writes are synchronous. They keep the order of the two streams, give back-pressure to whoever produces the text, and
 * leave nothing to flush when the process ends. A reader that went away ends the output quietly and never the program;
 * any other failure to write is the run's failure.
 */
import { writeSync } from "node:fs";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
import { scrub, scrubDeep } from "../base/secrets.ts";
import { tameJson } from "../base/tame.ts";
import { asciiText } from "./ascii.ts";

const STDOUT = 1;
const STDERR = 2;

/** 5 ms: the pause before writing again to a pipe whose reader is slow. */
const PIPE_FULL_WAIT_MS = 5;

export class Output {
  /** Whether lines for stderr may hold ASCII only. */
  isAsciiOnly = false;
  readonly #closed = new Set<number>();
  readonly #write: (fd: number, bytes: Buffer, offset: number) => number;

  constructor(write: (fd: number, bytes: Buffer, offset: number) => number = writeSync) {
    this.#write = write;
  }

  /** Text for stdout, as it stands. Throws FILE_WRITE_FAILED, for example on a full disk. */
  result(text: string): void {
    this.#send(STDOUT, scrub(text));
  }

  /** A JSON document for stdout. Values are scrubbed before they are encoded, so that the document stays valid. */
  json(value: unknown, indent?: number): void {
    this.#send(STDOUT, `${jsonText(value, indent)}\n`);
  }

  /** Text for stdout that `jsonText` or `scrub` has already made safe; scrubbing a JSON text again could break it. */
  send(safeText: string): void {
    this.#send(STDOUT, safeText);
  }

  /** A line for stderr. Never throws: when stderr is gone there is nobody left to tell. */
  say(line: string): void {
    try {
      const text = scrub(line);
      this.#send(STDERR, `${this.isAsciiOnly ? asciiText(text) : text}\n`);
    } catch {
      this.#closed.add(STDERR);
    }
  }

  /** As `say`, for a line that `jsonText` has already made safe. */
  log(safeLine: string): void {
    try {
      this.#send(STDERR, `${safeLine}\n`);
    } catch {
      this.#closed.add(STDERR);
    }
  }

  #send(fd: number, text: string): void {
    if (this.#closed.has(fd)) return;
    const bytes = Buffer.from(text, "utf8");
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += this.#write(fd, bytes, offset);
      } catch (error) {
        if (errorCodeOf(error) !== "EAGAIN") {
          this.#fail(fd, error);
          return;
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_FULL_WAIT_MS);
      }
    }
  }

  #fail(fd: number, error: unknown): void {
    this.#closed.add(fd);
    if (errorCodeOf(error) === "EPIPE") return;
    throw new PgkeepError("FILE_WRITE_FAILED", "could not write the result to stdout", {
      detail: `The system reported ${errorCodeOf(error) ?? "an error"}.`,
      cause: error,
    });
  }
}

/** A value as JSON text, harmless to show, with its secrets replaced. Numbers that are not finite become null. */
export function jsonText(value: unknown, indent?: number): string {
  return tameJson(JSON.stringify(scrubDeep(value), null, indent));
}
