/**
 * The NATS client's way to its server, made of sockets of ours: dialled under the address policy, verified by our trust.
 *
 * The server's greeting is read here, because TLS stands between it and the client's first word; the client's parser
 * then gets it as its first chunk.
 */
import type * as Nats from "@nats-io/transport-node";
import type { AddressPolicy } from "../../net/address-policy.ts";
import { dial, dialTls, opened, type Socket, type Trust, upgrade } from "../../net/sockets.ts";
import { ConnectorFailure } from "../failures.ts";
import type { NatsServer } from "./nats-settings.ts";

/** 64 KiB: a greeting is under 2 KiB even with hundreds of cluster addresses. */
const MAX_GREETING_BYTES = 65_536;

/** What the transport needs to know, carried through the client's own options. */
export interface Dialling {
  server: NatsServer;
  trust: Trust;
  tlsFirst: boolean;
  addresses: AddressPolicy;
  /** Set by the transport; ends a connection that is still being made. */
  end?: () => void;
}

export class GuardedTransport implements Nats.Transport {
  readonly lang = "nats.js";
  readonly version = "3.4.0";
  closeError?: Error;
  isClosed = false;
  #socket: Socket | undefined;
  #isEncrypted = false;
  #chunks: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  readonly #closed: Promise<Error | undefined>;
  #settleClosed: (error: Error | undefined) => void = () => {};

  constructor() {
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  async connect(_server: unknown, options: Nats.ConnectionOptions & { dialling?: Dialling }): Promise<void> {
    const { dialling } = options;
    if (dialling === undefined) throw new Error("the NATS client of this process is set to pgkeep's transport");
    dialling.end = () => this.#end();
    try {
      const socket = await this.#establish(dialling);
      socket.on("data", (chunk: Uint8Array) => this.#push(chunk));
      socket.on("error", (error) => this.#end(error));
      socket.on("close", () => this.#end());
      socket.resume();
    } catch (error) {
      this.#socket?.destroy();
      throw error;
    }
  }

  /** A socket on which the greeting was read and TLS stands where it must. The greeting is the client's first chunk. */
  async #establish({ server, trust, tlsFirst, addresses }: Dialling): Promise<Socket> {
    if (server.isTls && tlsFirst) {
      const early = this.#use(dialTls(server, trust, addresses));
      await opened(early, "secureConnect");
      this.#isEncrypted = true;
      await this.#greeting(early);
      return early;
    }
    const socket = this.#use(dial(server, addresses));
    await opened(socket, "connect");
    const info = await this.#greeting(socket);
    const isOffered = info.tls_required === true || info.tls_available === true;
    if (server.isTls && !isOffered) {
      throw new ConnectorFailure("tls_verification", "the server offers no TLS, and tls:// asks for it");
    }
    if (!server.isTls && info.tls_required !== true) return socket;
    const encrypted = this.#use(await upgrade(socket, server, trust));
    this.#isEncrypted = true;
    return encrypted;
  }

  #use<S extends Socket>(socket: S): S {
    this.#socket = socket;
    // Until handlers of their own are set, an error is what a wait for the socket reports.
    socket.on("error", () => {});
    return socket;
  }

  /** Reads the server's INFO line and keeps it for the client's parser. */
  #greeting(socket: Socket): Promise<{ tls_required?: boolean; tls_available?: boolean }> {
    return new Promise((resolve, reject) => {
      let text = Buffer.alloc(0);
      const finish = (settle: () => void) => {
        socket.pause();
        socket.off("data", onData).off("error", reject).off("close", onClose);
        settle();
      };
      const onClose = () =>
        finish(() => reject(new ConnectorFailure("unavailable", "the server closed the connection")));
      const onData = (chunk: Buffer) => {
        text = Buffer.concat([text, chunk]);
        const end = text.indexOf("\r\n");
        if (end < 0 && text.length < MAX_GREETING_BYTES) return;
        const info = /^INFO +(\{.*\})\s*$/.exec(text.subarray(0, Math.max(0, end)).toString("utf8"))?.[1];
        const greeting = info === undefined ? undefined : parseObject(info);
        if (greeting === undefined) {
          finish(() => reject(new ConnectorFailure("unknown", "the server does not greet as NATS does")));
          return;
        }
        this.#chunks.push(text);
        finish(() => resolve(greeting));
      };
      socket.on("data", onData).once("error", reject).once("close", onClose);
    });
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  #end(error?: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (error !== undefined) this.closeError = error;
    this.#socket?.destroy();
    this.#wake?.();
    // After the parser had its turn: the server says why it ends a connection just before it does.
    setImmediate(() => this.#settleClosed(error));
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      for (const chunk of chunks) yield chunk;
      if (this.#chunks.length > 0) continue;
      if (this.isClosed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  send(frame: Uint8Array): void {
    if (!this.isClosed) this.#socket?.write(frame);
  }

  async close(error?: Error): Promise<void> {
    this.#end(error);
  }

  disconnect(): void {
    this.#end();
  }

  closed(): Promise<Error | undefined> {
    return this.#closed;
  }

  discard(): void {
    this.isClosed = true;
    this.#socket?.destroy();
  }
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
