/**
 * The small HTTP server below everything that pgkeep lets others call: webhooks, metrics, health.
 *
 * It trusts nobody. Every limit is a constant here: connections, bytes of headers and body, time for each, requests at
 * once, bytes held for all of them, requests of one address. Whoever opens connections and says nothing, or dribbles a
 * body, loses them to whoever speaks. A request is routed by its head alone, so that a wrong path, method or size is answered before a byte
 * of the body is read; what is refused so is closed, not drained.
 *
 * Node's parser is strict: a request with both Content-Length and Transfer-Encoding, two lengths, folded or malformed
 * headers is answered with 400 by it. What it tolerates and others read differently is refused in http-request.ts.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Clock, systemClock } from "../base/clock.ts";
import { answerBrokenRequest, type HttpAnswer, send } from "./http-answer.ts";
import { clientOf, HttpConnections } from "./http-connections.ts";
import { addressOf, type ListenOptions, listen, makeServer, portOf } from "./http-listen.ts";
import { headOf, problemOf, type RequestHead } from "./http-request.ts";
import { RequestRate } from "./request-rate.ts";

/** Per listener. */
export const HTTP_SERVER_LIMITS = {
  /** 64: a receiver behind a proxy needs fewer; each costs a socket and a parser. */
  connections: 64,
  /** 16 KiB for the request line and all headers. */
  headerBytes: 16 * 1024,
  /** 100: no webhook sender comes near. */
  headerCount: 100,
  /** 5 s until the headers are there, from the first moment of the connection. */
  headersMs: 5_000,
  /** 15 s for a whole request: 1 MiB at 70 KiB a second. */
  requestMs: 15_000,
  /** 1 s for a body before its connection may be taken from it by another client, when there are too many. */
  slowBodyMs: 1_000,
  /** 5 s between two requests of a connection. */
  idleMs: 5_000,
  /** Requests being read or worked on; a pipelining client could otherwise have any number on one connection. */
  requests: 64,
  /** 32 MiB of bodies, of all requests together. */
  bufferedBytes: 32 * 1024 * 1024,
  /** Requests on one connection before it is closed, so that connections spread over instances again. */
  requestsPerConnection: 100_000,
} as const;

/** What to do with a request that may send a body. */
export interface BodyRoute {
  maxBodyBytes: number;
  /** `signal` aborts when the client has gone or the server ends. A rejection is answered with 500. */
  handle(body: Buffer, signal: AbortSignal): Promise<HttpAnswer> | HttpAnswer;
}

export type Route = (head: RequestHead) => HttpAnswer | BodyRoute | Promise<HttpAnswer | BodyRoute>;

export interface HttpServerOptions extends ListenOptions {
  route: Route;
  /** Requests a second of one address before it is answered with 429; undefined: no limit. */
  requestsPerSecond?: number | undefined;
  /** What went wrong in a route, for the log. The client is told nothing but 500. */
  onError?: ((error: unknown) => void) | undefined;
  clock?: Clock | undefined;
  /** Tests: shorter times, fewer connections. */
  limits?: Partial<Record<keyof typeof HTTP_SERVER_LIMITS, number>> | undefined;
}

export interface HttpServer {
  /** "127.0.0.1:9090", "[::1]:9090": where it listens. */
  readonly address: string;
  readonly port: number;
  /** Takes no more connections, lets requests end for `graceMs` (default 2 s), then cuts. Never throws. */
  close(graceMs?: number): Promise<void>;
}

/** Listens. Throws RELAY_LISTEN_FAILED when the address cannot be had or the certificate cannot be used. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const limits = { ...HTTP_SERVER_LIMITS, ...options.limits };
  const state = new ServerState(options, limits);
  const server = makeServer(options, limits);
  // Node leaves out what is beyond; one more tells that there was.
  server.maxHeadersCount = limits.headerCount + 1;
  server.maxRequestsPerSocket = limits.requestsPerConnection;
  // Connections beyond the limit are taken and closed by us, so that an idle one can give way first.
  server.on("connection", (socket: Socket) => state.admit(socket));
  const answer = (request: IncomingMessage, response: ServerResponse) => void state.answer(request, response);
  server.on("request", answer);
  // Without this listener Node would ask for the body before anybody has looked at the head.
  server.on("checkContinue", answer);
  server.on("checkExpectation", (_request, response) => state.refuse(response, { status: 417 }));
  server.on("clientError", answerBrokenRequest);
  await listen(server, options);
  return {
    address: addressOf(server),
    port: portOf(server),
    close: (graceMs = 2_000) => closeServer(server, state, graceMs),
  };
}

type Limits = Record<keyof typeof HTTP_SERVER_LIMITS, number>;

/** Connections, requests and bytes of one listener. */
class ServerState {
  readonly #options: HttpServerOptions;
  readonly #limits: Limits;
  readonly #rate: RequestRate | undefined;
  readonly #connections: HttpConnections;
  readonly #ending = new AbortController();
  #requests = 0;
  #buffered = 0;

  constructor(options: HttpServerOptions, limits: Limits) {
    this.#options = options;
    this.#limits = limits;
    const { requestsPerSecond: perSecond, clock = systemClock } = options;
    this.#connections = new HttpConnections(limits, clock);
    this.#rate = perSecond === undefined ? undefined : new RequestRate(perSecond, clock);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Kept, because a closed socket does not know its client any more.
    const client = clientOf(request.socket);
    this.#requests++;
    this.#connections.count(client, 1);
    response.once("close", () => {
      this.#requests--;
      this.#connections.count(client, -1);
    });
    try {
      const head = headOf(request);
      const answer = this.#overload(head) ?? problemOf(request, this.#limits) ?? (await this.#options.route(head));
      if ("status" in answer) this.refuse(response, answer);
      else await this.#answerBody(request, response, answer);
    } catch (error) {
      if (error instanceof ClientGone) return;
      this.#options.onError?.(error);
      this.refuse(response, { status: 500 });
    }
  }

  /** An answer without the body being read: nothing else can follow on this connection when there was one. */
  refuse(response: ServerResponse, answer: HttpAnswer): void {
    const { req: request } = response;
    const sendsBody = "transfer-encoding" in request.headers || Number(request.headers["content-length"] ?? 0) > 0;
    send(response, answer, sendsBody);
    if (!sendsBody) request.resume();
    // The client may go on sending for a moment and must be able to read why; it is not read from any more.
    else response.once("finish", () => setTimeout(() => request.socket.destroy(), 250).unref());
  }

  end(): void {
    this.#ending.abort();
  }

  admit(socket: Socket): void {
    this.#connections.admit(socket);
  }

  cut(): void {
    this.#connections.cut();
  }

  #overload({ remoteAddress }: RequestHead): HttpAnswer | undefined {
    if (this.#requests > this.#limits.requests || this.#buffered > this.#limits.bufferedBytes) return TOO_MANY;
    return this.#rate && !this.#rate.allows(remoteAddress) ? TOO_MANY : undefined;
  }

  async #answerBody(request: IncomingMessage, response: ServerResponse, route: BodyRoute): Promise<void> {
    if (Number(request.headers["content-length"] ?? 0) > route.maxBodyBytes) {
      return this.refuse(response, { status: 413 });
    }
    if (request.headers.expect !== undefined) response.writeContinue();
    const body = await this.#read(request, route.maxBodyBytes);
    if (body === undefined) return this.refuse(response, { status: 413 });
    const gone = new AbortController();
    const abort = () => gone.abort();
    response.once("close", abort);
    this.#ending.signal.addEventListener("abort", abort, { once: true });
    try {
      send(response, await route.handle(body, gone.signal));
    } finally {
      this.#buffered -= body.length;
      this.#ending.signal.removeEventListener("abort", abort);
    }
  }

  /** The body; its bytes stay counted until the request is answered. undefined: it is larger than it may be. */
  #read(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const stopReading = this.#connections.reading(request.socket);
      const settle = (body: Buffer | undefined, error?: Error) => {
        stopReading();
        request.removeAllListeners("data");
        if (body === undefined) this.#buffered -= size;
        if (error) reject(error);
        else resolve(body);
      };
      request.on("data", (chunk: Buffer) => {
        size += chunk.length;
        this.#buffered += chunk.length;
        if (size > maxBytes) {
          request.pause();
          settle(undefined);
        } else chunks.push(chunk);
      });
      request.once("end", () => size <= maxBytes && settle(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
      request.once("error", () => settle(undefined, new ClientGone()));
    });
  }
}

const TOO_MANY: HttpAnswer = { status: 429, headers: { "retry-after": "1" } };

/** The connection broke while its body was read: there is nobody to answer. */
class ClientGone extends Error {}

async function closeServer(server: Server, state: ServerState, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    state.end();
    state.cut();
  }, graceMs);
  await closed;
  clearTimeout(timer);
  state.end();
}
