/**
 * The server's notices on their way to the person and to the result.
 *
 * Each is passed on as it arrives; the result keeps only the last MAX_KEPT, so a script that raises a million notices
 * costs no memory. A ring, because shifting an array of 200 for every one of a million is work for nothing.
 */
import { redactCredentials } from "../../base/credentials.ts";
import type { ServerNotice } from "../../pg/session.ts";
import { type NoticeLine, noticeLine } from "./report.ts";

/** A notice without secrets. Done before anything cuts it, because half a secret is not recognised. */
export function withoutSecrets(notice: ServerNotice): ServerNotice {
  const { message, detail, hint } = notice;
  return {
    ...notice,
    message: redactCredentials(message),
    detail: detail === undefined ? undefined : redactCredentials(detail),
    hint: hint === undefined ? undefined : redactCredentials(hint),
  };
}

/** The server's function behind RAISE of PL/pgSQL. */
const RAISE = "exec_stmt_raise";

/**
 * Whether a debug message is the server's own ("building index ..."). With --verbose the session asks for debug messages,
 * because RAISE DEBUG is one; what the server itself adds at that level is about its work and not the project's. A message
 * that does not name its origin is kept: better one line too many than one of the project's missing.
 */
export function isServerInternal({ severity, routine }: ServerNotice): boolean {
  return severity.startsWith("DEBUG") && routine !== undefined && routine !== RAISE;
}

/** 200: what the reference's clients get. */
export const MAX_KEPT = 200;

/** 4,000 characters of one notice in the result: the whole text has been streamed already. */
const MAX_TEXT = 4_000;

export class NoticeRing {
  readonly #ring: NoticeLine[] = [];
  #count = 0;

  add(notice: ServerNotice): void {
    this.#ring[this.#count % MAX_KEPT] = noticeLine({
      ...notice,
      message: cut(notice.message) ?? "",
      detail: cut(notice.detail),
      hint: cut(notice.hint),
    });
    this.#count++;
  }

  get truncated(): boolean {
    return this.#count > MAX_KEPT;
  }

  /** Oldest first. */
  lines(): NoticeLine[] {
    if (!this.truncated) return [...this.#ring];
    const start = this.#count % MAX_KEPT;
    return [...this.#ring.slice(start), ...this.#ring.slice(0, start)];
  }
}

function cut(text: string | undefined): string | undefined {
  return text && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
