/**
 * Connections of a probe: few at a time, not many in all, and none for long.
 *
 * A probe asks one question per connection and hangs up. Everything that keeps a question from its answer is a ProbeGap,
 * which names the reason; a closed line is none, for refusing is what servers close lines for. The limits hold for
 * servers that never answer, answer a byte at a time, or answer without end.
 */
import { connect, type Socket } from "node:net";
import { errorCodeOf } from "../../base/errors.ts";

export interface ProbeTarget {
  /** An IP address. */
  address: string;
  port: number;
  /** Sent as the name of the server inside TLS; undefined for none. */
  serverName: string | undefined;
}

export interface ProbeLimits {
  /** Connections open at once. */
  parallel: number;
  /** Connections in all. */
  connections: number;
  /** For one connection, from dialling to the end of the answer. */
  connectionMs: number;
  /** For everything. */
  totalMs: number;
}

/**
 * 3 at once: a small server with max_connections 20 has room for them. 300 in all: a server that takes every suite of
 * its library in three versions needs about 200. 3 s each: far below authentication_timeout, far above a slow line. 30 s:
 * twice what a server with every suite takes at the other end of the world (100 ms away).
 */
export const PROBE_LIMITS: ProbeLimits = { parallel: 3, connections: 300, connectionMs: 3_000, totalMs: 30_000 };

/** 64 KiB: a chain of certificates has 3 to 10. */
export const MAX_ANSWER_BYTES = 65_536;

/** Why a question has no answer; the message is one line, lower case. */
export class ProbeGap extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "ProbeGap";
  }
}

/** Bytes of an answer, and whether the server hung up behind them. */
export interface Answer {
  bytes: Buffer;
  isClosed: boolean;
}

/** One connection. `stream` is the socket, or TLS over it. */
export class ProbeLine {
  stream: Socket;
  readonly localAddress: string;
  readonly #gap: Promise<never>;

  constructor(socket: Socket, gap: Promise<never>) {
    this.stream = socket;
    this.localAddress = socket.localAddress ?? "";
    this.#gap = gap;
  }

  send(bytes: Buffer): void {
    this.stream.write(bytes);
  }

  /**
   * What arrives until `isEnough`, or until the server hangs up. Throws ProbeGap when that takes too long or too much, and
   * what `isEnough` throws.
   */
  async receive(isEnough: (bytes: Buffer) => boolean): Promise<Answer> {
    const { stream } = this;
    let bytes: Buffer = Buffer.alloc(0);
    let stop: () => void = () => undefined;
    const arrived = new Promise<Answer>((resolve, reject) => {
      const onData = (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        try {
          if (bytes.length > MAX_ANSWER_BYTES) throw new ProbeGap(`the answer had more than ${MAX_ANSWER_BYTES} bytes`);
          if (isEnough(bytes)) resolve({ bytes, isClosed: false });
        } catch (error) {
          reject(error);
        }
      };
      const onEnd = () => resolve({ bytes, isClosed: true });
      stream.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onEnd);
      stop = () => stream.pause().off("data", onData).off("end", onEnd).off("close", onEnd).off("error", onEnd);
      if (stream.destroyed || stream.readableEnded) onEnd();
      else stream.resume();
    });
    try {
      return await Promise.race([arrived, this.#gap]);
    } finally {
      stop();
    }
  }

  /** Waits for something of ours that hangs on this connection. */
  async within<Result>(work: Promise<Result>): Promise<Result> {
    return await Promise.race([work, this.#gap]);
  }
}

/** Makes the connections of one probe. */
export class Dialer {
  readonly target: ProbeTarget;
  readonly #limits: ProbeLimits;
  readonly #signal: AbortSignal;
  readonly #overall: AbortController;
  readonly #timer: NodeJS.Timeout;
  #made = 0;
  #open = 0;
  #waiting: (() => void)[] = [];

  constructor(target: ProbeTarget, limits: ProbeLimits, signal: AbortSignal) {
    this.target = target;
    this.#limits = limits;
    this.#signal = signal;
    this.#overall = new AbortController();
    this.#timer = setTimeout(() => this.#overall.abort(), limits.totalMs);
  }

  /** Connections so far. */
  get connections(): number {
    return this.#made;
  }

  /** Stops the clock of the whole; nothing may be asked afterwards. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** Asks one question over a connection of its own. Throws ProbeGap, and the signal's reason when it aborts. */
  async ask<Result>(question: (line: ProbeLine) => Promise<Result>): Promise<Result> {
    await this.#turn();
    try {
      this.#signal.throwIfAborted();
      if (this.#overall.signal.aborted) throw this.#outOfTime();
      if (this.#made >= this.#limits.connections) {
        throw new ProbeGap(`the limit of ${this.#limits.connections} connections was reached`);
      }
      this.#made += 1;
      return await this.#connected(question);
    } finally {
      this.#open -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    while (this.#open >= this.#limits.parallel) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#open += 1;
  }

  async #connected<Result>(question: (line: ProbeLine) => Promise<Result>): Promise<Result> {
    const { address, port } = this.target;
    const limit = this.#limit();
    const socket = connect({ host: address, port, noDelay: true });
    // An error after somebody listened would end the process; every question hears of it by the line's end.
    socket.on("error", () => undefined);
    try {
      await Promise.race([established(socket), limit.gap]);
      return await question(new ProbeLine(socket, limit.gap));
    } finally {
      limit.end();
      socket.destroy();
    }
  }

  /** A promise that fails when this connection, the whole or the caller has had enough. */
  #limit(): { gap: Promise<never>; end: () => void } {
    const { connectionMs } = this.#limits;
    let end: () => void = () => undefined;
    const gap = new Promise<never>((_resolve, reject) => {
      const timer = setTimeout(() => reject(new ProbeGap(`no answer within ${connectionMs / 1_000} s`)), connectionMs);
      const onAbort = () => reject(this.#signal.reason);
      const onOverall = () => reject(this.#outOfTime());
      this.#signal.addEventListener("abort", onAbort, { once: true });
      this.#overall.signal.addEventListener("abort", onOverall, { once: true });
      end = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener("abort", onAbort);
        this.#overall.signal.removeEventListener("abort", onOverall);
      };
    });
    gap.catch(() => undefined);
    return { gap, end };
  }

  #outOfTime(): ProbeGap {
    return new ProbeGap(`the probes took longer than ${this.#limits.totalMs / 1_000} s`);
  }
}

function established(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (error) => reject(new ProbeGap(`could not connect: ${errorCodeOf(error) ?? "failed"}`)));
  });
}
