/**
 * The small HTTP server below everything that pgkeep lets others call: webhooks, metrics, health.
 *
 * It trusts nobody. Every limit is a constant here: connections, bytes of headers and body, time for each, requests at
 * once, bytes held for all of them, requests of one address. Whoever opens connections and says nothing, or dribbles a
 * body, loses them to whoever speaks. A request is routed by its head alone, so that a wrong path, method or size is answered before a byte
 * of the body is read; what is refused so is closed, not drained.
 *
 * Node's parser is strict: a request with both Content-Length and Transfer-Encoding, two lengths, folded or malformed
 * headers is answered with 400 by it. What it tolerates and others read differently is refused in `problemOf`.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../base/clock.ts";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
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

export interface RequestHead {
  /** "GET", "POST": upper case. */
  method: string;
  /** As sent, without the query; begins with "/". */
  path: string;
  /** What follows "?", "" when nothing does. */
  query: string;
  /** Names in lower case; a header that came twice is joined by ", ". */
  headers: Readonly<Record<string, string>>;
  remoteAddress: string;
}

export interface HttpAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Default: the words of the status, as text. */
  body?: string | Buffer;
  /** Default: "text/plain; charset=utf-8". */
  contentType?: string;
}

/** What to do with a request that may send a body. */
export interface BodyRoute {
  maxBodyBytes: number;
  /** `signal` aborts when the client has gone or the server ends. A rejection is answered with 500. */
  handle(body: Buffer, signal: AbortSignal): Promise<HttpAnswer> | HttpAnswer;
}

export type Route = (head: RequestHead) => HttpAnswer | BodyRoute | Promise<HttpAnswer | BodyRoute>;

export interface HttpServerTls {
  /** PEM. */
  certificate: string;
  key: string;
  /** PEM of the authority whose clients are let in; undefined: everybody. */
  clientAuthority?: string | undefined;
}

export interface HttpServerOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  route: Route;
  tls?: HttpServerTls | undefined;
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

function makeServer({ tls, host, port }: HttpServerOptions, limits: Limits): Server {
  const settings: ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(500, Math.ceil(limits.headersMs / 4)),
    insecureHTTPParser: false,
    requireHostHeader: true,
    joinDuplicateHeaders: true,
    noDelay: true,
  };
  if (!tls) return createServer(settings);
  try {
    return createTlsServer({
      ...settings,
      cert: tls.certificate,
      key: tls.key,
      minVersion: "TLSv1.2",
      handshakeTimeout: limits.headersMs,
      ...(tls.clientAuthority ? { ca: tls.clientAuthority, requestCert: true, rejectUnauthorized: true } : {}),
    });
  } catch (error) {
    throw new PgkeepError("RELAY_LISTEN_FAILED", `could not use the certificate for ${hostAndPort(host, port)}`, {
      detail: "The certificate or its key is not PEM, or they do not belong together.",
      hint: "Give both as PEM, the certificate with the chain below it.",
      state: "not listening",
      cause: error,
    });
  }
}

function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(listenFailure(error, host, port)));
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      // A failing accept() (no descriptor free) is no reason to end: the next one may work.
      server.on("error", () => undefined);
      resolve();
    });
  });
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "Something else listens there.",
  EACCES: "Ports below 1024 need a right that this process lacks.",
  EADDRNOTAVAIL: "This machine does not have that address.",
  ENOTFOUND: "The name has no address.",
};

function listenFailure(error: unknown, host: string, port: number): PgkeepError {
  return new PgkeepError("RELAY_LISTEN_FAILED", `could not listen on ${hostAndPort(host, port)}`, {
    detail: LISTEN_REASONS[errorCodeOf(error) ?? ""] ?? `The system says ${errorCodeOf(error) ?? "no more"}.`,
    hint: "Choose another address or port; port 0 takes any free one.",
    state: "not listening",
    cause: error,
  });
}

/** "127.0.0.1:80", "[::1]:80". */
export function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function infoOf(server: Server): AddressInfo | undefined {
  const info = server.address();
  return typeof info === "object" && info !== null ? info : undefined;
}

function portOf(server: Server): number {
  return infoOf(server)?.port ?? 0;
}

function addressOf(server: Server): string {
  return hostAndPort(infoOf(server)?.address ?? "", portOf(server));
}

/** Connections, requests and bytes of one listener. */
class ServerState {
  readonly #options: HttpServerOptions;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #rate: RequestRate | undefined;
  /** By the client's address and port; the one longest without a request first. */
  readonly #connections = new Map<string, Connection>();
  readonly #ending = new AbortController();
  #requests = 0;
  #buffered = 0;

  constructor(options: HttpServerOptions, limits: Limits) {
    this.#options = options;
    this.#limits = limits;
    const perSecond = options.requestsPerSecond;
    this.#clock = options.clock ?? systemClock;
    this.#rate = perSecond === undefined ? undefined : new RequestRate(perSecond, this.#clock);
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

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Kept, because a closed socket does not know its client any more.
    const client = clientOf(request.socket);
    this.#requests++;
    this.#count(client, 1);
    response.once("close", () => {
      this.#requests--;
      this.#count(client, -1);
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

  cut(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #count(client: string, change: 1 | -1): void {
    const connection = this.#connections.get(client);
    if (!connection) return;
    connection.requests += change;
    // Taken out and put in again: the map's order is by last use.
    this.#connections.delete(client);
    this.#connections.set(client, connection);
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
      const connection = this.#connections.get(clientOf(request.socket));
      if (connection) connection.readingSinceMs = this.#clock.monotonicMs();
      const settle = (body: Buffer | undefined, error?: Error) => {
        if (connection) connection.readingSinceMs = undefined;
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

interface Connection {
  socket: Socket;
  requests: number;
  /** Monotonic time since when a body is being read; undefined: none is. */
  readingSinceMs: number | undefined;
}

/** The connection broke while its body was read: there is nobody to answer. */
class ClientGone extends Error {}

/** The same for a connection and for the TLS connection on it. */
function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function headOf(request: IncomingMessage): RequestHead {
  const target = request.url ?? "/";
  const mark = target.indexOf("?");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return {
    method: request.method ?? "",
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    remoteAddress: request.socket.remoteAddress ?? "",
  };
}

/** What Node lets through and a server in front may read in another way. */
function problemOf(request: IncomingMessage, limits: Limits): HttpAnswer | undefined {
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  if (names.length > limits.headerCount) return { status: 431 };
  for (const name of ["host", "content-length", "transfer-encoding"]) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) return { status: 400 };
  }
  const coding = request.headers["transfer-encoding"];
  if (coding !== undefined && coding.trim().toLowerCase() !== "chunked") return { status: 400 };
  if (coding !== undefined && request.httpVersion !== "1.1") return { status: 400 };
  if (names.includes("content-encoding") && request.headers["content-encoding"] !== "identity") return { status: 415 };
  return request.url?.startsWith("/") ? undefined : { status: 400 };
}

function send(response: ServerResponse, answer: HttpAnswer, closes = false): void {
  if (response.headersSent || response.destroyed) return;
  const body = answer.body ?? `${STATUS_CODES[answer.status] ?? answer.status}\n`;
  const isHead = response.req.method === "HEAD";
  response.writeHead(answer.status, {
    "content-type": answer.contentType ?? "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...answer.headers,
    ...(closes ? { connection: "close" } : {}),
  });
  response.end(isHead ? undefined : body);
}

/** By the parser's code; everything else that it cannot read is a bad request. */
const BROKEN: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

function answerBrokenRequest(error: Error, socket: Duplex): void {
  if (!socket.writable || errorCodeOf(error) === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = BROKEN[errorCodeOf(error) ?? ""] ?? 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  setTimeout(() => socket.destroy(), 250).unref();
}

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
