/**
 * Collects what is wrong with a project, so that one run reports it all.
 *
 * Up to MAX_REPORTED problems are listed; the rest is counted. One problem alone is thrown as it is, with its file and
 * line; several become one error with the code of the first and a line each in the detail.
 */
import { type ErrorCode, PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";

/** 8: enough to see the pattern, few enough to read. */
export const MAX_REPORTED = 8;

export interface Problem {
  code: ErrorCode;
  /** What is wrong, names included, as the message of an error. Already tamed. */
  message: string;
  /** Project-relative path, untamed. */
  file?: string | undefined;
  /** 1-based. */
  line?: number | undefined;
  hint?: string | undefined;
}

export class Problems {
  #reported: Problem[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(problem: Problem): void {
    this.#count++;
    if (this.#reported.length < MAX_REPORTED) this.#reported.push(problem);
  }

  /** Throws what was collected; returns when nothing was. */
  throwIfAny(): void {
    const [first] = this.#reported;
    if (!first) return;
    throw this.#count === 1 ? single(first) : this.#combined(first);
  }

  #combined(first: Problem): PgkeepError {
    const lines = this.#reported.map(({ message, line }) =>
      line === undefined ? message : `${message} (line ${line})`,
    );
    const more = this.#count - lines.length;
    if (more > 0) lines.push(`… and ${more} more`);
    const hints = new Set(this.#reported.flatMap(({ hint }) => hint ?? []));
    return new PgkeepError(first.code, `the project has ${this.#count} problems`, {
      detail: lines.join("\n"),
      hint: hints.size === 1 ? first.hint : undefined,
      state: "nothing was started",
    });
  }
}

function single({ code, message, file, line, hint }: Problem): PgkeepError {
  return new PgkeepError(code, message, { hint, file, line, state: "nothing was started" });
}

/** A path as part of a message: quoted, on one line. */
export function quotedPath(path: string): string {
  return `"${tameLine(path)}"`;
}
