/**
 * The open connections of one listener, and who has to go when there are too many.
 *
 * First one that waits for its next request, the longest without one; then the one that has been sending a body for
 * the longest time; when there is neither, the newcomer.
 */
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";

export interface ConnectionLimits {
  connections: number;
  slowBodyMs: number;
}

interface Connection {
  socket: Socket;
  requests: number;
  /** Monotonic time since when a body is being read; undefined: none is. */
  readingSinceMs: number | undefined;
}

export class HttpConnections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  /** By the client's address and port; the one longest without a request first. */
  readonly #connections = new Map<string, Connection>();

  constructor(limits: ConnectionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Closes an idle or slow connection when there are too many; the new one when there is none. */
  admit(socket: Socket): void {
    const key = clientOf(socket);
    if (this.#connections.size >= this.#limits.connections) {
      const worst = [...this.#connections].find(([, { requests }]) => requests === 0) ?? this.#slowest();
      if (worst) this.#connections.delete(worst[0]);
      (worst?.[1].socket ?? socket).destroy();
      if (!worst) return;
    }
    const connection: Connection = { socket, requests: 0, readingSinceMs: undefined };
    this.#connections.set(key, connection);
    socket.once("close", () => this.#connections.get(key) === connection && this.#connections.delete(key));
  }

  /** The connection that has been sending one body for the longest time, longer than an honest client takes. */
  #slowest(): [string, Connection] | undefined {
    let slowest: [string, Connection] | undefined;
    let sinceMs = this.#clock.monotonicMs() - this.#limits.slowBodyMs;
    for (const entry of this.#connections) {
      const { readingSinceMs } = entry[1];
      if (readingSinceMs === undefined || readingSinceMs > sinceMs) continue;
      slowest = entry;
      sinceMs = readingSinceMs;
    }
    return slowest;
  }

  /** One request more or fewer of that client. */
  count(client: string, change: 1 | -1): void {
    const connection = this.#connections.get(client);
    if (!connection) return;
    connection.requests += change;
    // Taken out and put in again: the map's order is by last use.
    this.#connections.delete(client);
    this.#connections.set(client, connection);
  }

  /** A body of the client on `socket` is being read; call what is returned when it is read no more. */
  reading(socket: Socket): () => void {
    const connection = this.#connections.get(clientOf(socket));
    if (!connection) return () => undefined;
    connection.readingSinceMs = this.#clock.monotonicMs();
    return () => {
      connection.readingSinceMs = undefined;
    };
  }

  cut(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }
}

/** The same for a connection and for the TLS connection on it. */
export function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
