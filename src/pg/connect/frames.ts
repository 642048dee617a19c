/**
 * Cuts the byte stream of a server into messages, without trusting it.
 *
 * A message is a type byte, a length and a body. What becomes of the body is decided from type and length before
 * it arrives, so a result of five million rows, or an error of one gigabyte, needs no more memory than a small one:
 *  - kept      the whole message is handed on;
 *  - skipped   the body is counted and dropped (rows nobody asked for, COPY TO STDOUT data);
 *  - shortened the first bytes are handed on as if they were all (texts of errors and notices).
 * Bound: `maxBytes` for one message; the caller raises it once the server has proved who we are to it.
 */
import { PgkeepError } from "../../base/errors.ts";

/** 30,000 bytes: libpq's own limit for a message before authentication. */
export const MAX_BYTES_BEFORE_AUTHENTICATION = 30_000;

/** 1 GiB: the server cannot build a longer message. */
export const MAX_MESSAGE_BYTES = 2 ** 30;

/** 64 KiB of an error or notice are kept: far more than anyone reads, little enough to queue hundreds. */
export const MAX_REPORT_BYTES = 64 * 1024;

/** What to do with one message's body. "shorten" keeps the first MAX_REPORT_BYTES. */
export type Keeping = "keep" | "skip" | "shorten";

export interface FrameReceiver {
  keeping(type: number): Keeping;
  /** `body` excludes the header; empty for skipped messages. */
  message(type: number, body: Buffer): void;
}

const HEADER_BYTES = 5;

export class Framer {
  readonly #receiver: FrameReceiver;
  #maxBytes = MAX_BYTES_BEFORE_AUTHENTICATION;
  #header = Buffer.alloc(HEADER_BYTES);
  #headerFill = 0;
  #type = 0;
  /** Bytes of the current body still to come. */
  #missing = 0;
  /** Of those, bytes still to keep. */
  #missingKept = 0;
  #kept: Buffer[] = [];

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  /** Lifts the limit on message sizes to what a server may send after authentication. */
  allowLargeMessages(): void {
    this.#maxBytes = MAX_MESSAGE_BYTES;
  }

  /** Takes the next chunk and hands on every message it completes. Throws CONNECT_PROTOCOL. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#headerFill < HEADER_BYTES) {
        offset += this.#takeHeader(chunk, offset);
        if (this.#headerFill < HEADER_BYTES) return;
        this.#beginBody();
      }
      offset += this.#takeBody(chunk, offset);
      if (this.#missing === 0) this.#finish();
    }
  }

  #takeHeader(chunk: Buffer, offset: number): number {
    const copied = chunk.copy(this.#header, this.#headerFill, offset, offset + HEADER_BYTES - this.#headerFill);
    this.#headerFill += copied;
    return copied;
  }

  #beginBody(): void {
    const length = this.#header.readInt32BE(1);
    if (length < 4 || length > this.#maxBytes) {
      throw new PgkeepError("CONNECT_PROTOCOL", "the server sent a message of an impossible length", {
        detail: `A message announced ${length} bytes; here it may have 4 to ${this.#maxBytes}.`,
        hint: "Check that host and port name a PostgreSQL server.",
      });
    }
    this.#type = this.#header[0] ?? 0;
    this.#missing = length - 4;
    const keeping = this.#receiver.keeping(this.#type);
    if (keeping === "skip") this.#missingKept = 0;
    else this.#missingKept = keeping === "keep" ? this.#missing : Math.min(this.#missing, MAX_REPORT_BYTES);
  }

  #takeBody(chunk: Buffer, offset: number): number {
    const taken = Math.min(this.#missing, chunk.length - offset);
    const kept = Math.min(this.#missingKept, taken);
    if (kept > 0) this.#kept.push(chunk.subarray(offset, offset + kept));
    this.#missing -= taken;
    this.#missingKept -= kept;
    return taken;
  }

  #finish(): void {
    const [first, ...rest] = this.#kept;
    const body = first === undefined ? EMPTY : rest.length === 0 ? first : Buffer.concat(this.#kept);
    this.#kept = [];
    this.#headerFill = 0;
    this.#receiver.message(this.#type, body);
  }
}

const EMPTY = Buffer.alloc(0);
