/**
 * One open socket to a server: messages in, bytes out, and the end of it.
 *
 * Until a listener is set, messages wait in a queue that `next()` empties: the handshake reads them one by one.
 * Afterwards the session's listener gets them as they arrive. Whatever ends the connection is reported once, to
 * whoever is waiting then.
 */
import type { Socket } from "node:net";
import { PgkeepError } from "../../base/errors.ts";
import { type FrameReceiver, Framer, type Keeping } from "./frames.ts";

export interface WireMessage {
  type: number;
  body: Buffer;
}

export interface WireListener extends FrameReceiver {
  /** The connection has ended; called once. `error` is undefined when the server simply closed. */
  ended(error: Error | undefined): void;
}

/** 1,000 messages before a listener is set: a handshake has about 30. */
const MAX_QUEUED_MESSAGES = 1_000;

export class Wire {
  readonly socket: Socket;
  readonly #framer: Framer;
  #listener: WireListener | undefined;
  #queue: WireMessage[] = [];
  #waiting: { resolve(message: WireMessage): void; reject(error: Error): void } | undefined;
  #end: { error: Error | undefined } | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#framer = new Framer({
      keeping: (type) => this.#keeping(type),
      message: (type, body) => this.#receive(type, body),
    });
    socket.on("data", (chunk: Buffer) => this.#push(chunk));
    socket.on("error", (error) => this.#finish(error));
    socket.on("close", () => this.#finish(undefined));
    // The negotiation of TLS leaves the socket paused.
    socket.resume();
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Lifts the limits that hold before the server has accepted us. */
  trust(): void {
    this.#framer.allowLargeMessages();
  }

  /** The next message of the handshake. Rejects when the connection ends. */
  next(): Promise<WireMessage> {
    const queued = this.#queue.shift();
    if (queued) return Promise.resolve(queued);
    if (this.#end) return Promise.reject(this.#end.error ?? closedByServer());
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** From now on `listener` gets every message, those first that are still queued. */
  listen(listener: WireListener): void {
    this.#listener = listener;
    for (const { type, body } of this.#queue.splice(0)) listener.message(type, body);
    if (this.#end) listener.ended(this.#end.error);
  }

  /** Sends `bytes`. False when the caller should wait for `drained` before sending more. */
  send(bytes: Buffer): boolean {
    return this.socket.writable ? this.socket.write(bytes) : true;
  }

  /** Resolves when the socket can take more, or has ended. */
  drained(): Promise<void> {
    const { socket } = this;
    if (!socket.writable || !socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
  }

  /** Ends the connection at once. */
  destroy(error?: Error): void {
    this.#finish(error);
    this.socket.destroy();
  }

  #keeping(type: number): Keeping {
    return this.#listener?.keeping(type) ?? "shorten";
  }

  #push(chunk: Buffer): void {
    if (this.#end) return;
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #receive(type: number, body: Buffer): void {
    if (this.#listener) {
      this.#listener.message(type, body);
    } else if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ type, body });
    } else {
      this.#enqueue({ type, body });
    }
  }

  #enqueue(message: WireMessage): void {
    if (this.#queue.length >= MAX_QUEUED_MESSAGES) {
      throw new PgkeepError("CONNECT_PROTOCOL", "the server sent too many messages before it was ready");
    }
    this.#queue.push(message);
  }

  #finish(error: Error | undefined): void {
    if (this.#end) return;
    this.#end = { error };
    this.#waiting?.reject(error ?? closedByServer());
    this.#waiting = undefined;
    this.#listener?.ended(error);
  }
}

function closedByServer(): Error {
  return Object.assign(new Error("the server closed the connection"), { code: "ECONNRESET" });
}
