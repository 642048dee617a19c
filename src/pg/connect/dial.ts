/**
 * Opens the byte channel to one server: TCP or Unix socket, then TLS when it is wanted.
 *
 * A name that resolves to several addresses is tried address by address, so `localhost` works with a server that listens
 * on only one of ::1 and 127.0.0.1. What is said before TLS cannot be trusted: the answer to the request for TLS is one
 * byte, anything more is refused, and the text of an error at that point is never shown.
 */
import { lookup } from "node:dns/promises";
import { connect as connectSocket, isIP, type Socket, type TcpNetConnectOpts } from "node:net";
import { join } from "node:path";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { PgkeepError } from "../../base/errors.ts";
import type { ConnectionSettings, HostAddress } from "../session.ts";
import { toServer } from "./messages.ts";
import { tlsOptions, tlsReason } from "./tls.ts";

/** Where the bytes went in the end: for the second connection of a cancel request. */
export type Endpoint = { path: string } | { host: string; port: number };

export interface Line {
  socket: Socket;
  endpoint: Endpoint;
  /** The TLS layer, which is `socket` itself then. */
  tls: TLSSocket | undefined;
  /** The server's answer to the request for TLS; undefined: it was not asked. */
  offersTls: boolean | undefined;
}

export interface DialOptions {
  settings: ConnectionSettings;
  address: HostAddress;
  /** "ask": take TLS when the server has it; "always": fail without. */
  encryption: "never" | "ask" | "always";
  signal: AbortSignal;
  /** Skips resolution and goes to this very place. */
  endpoint?: Endpoint | undefined;
}

/** TLS could not be agreed on, with a server that was reached. Where TLS is only preferred, there is another way. */
export class TlsAttemptFailed extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super("TLS failed");
    this.cause = cause;
  }
}

/** 107 bytes: sun_path of Linux without its final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

/** 30 s idle, then the system probes: a dead peer is noticed even when nothing is sent. */
const KEEP_ALIVE_MS = 30_000;

export function isSocketDirectory(host: string): boolean {
  return host.startsWith("/");
}

/** "db.example.org:5432", "[::1]:5432", or the path of a socket. */
export function placeOf({ host, port }: HostAddress): string {
  if (isSocketDirectory(host)) return `${host}/.s.PGSQL.${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Opens a line to `address`. Throws the system's error, or PgkeepError for TLS. The caller owns the socket. */
export async function dial(options: DialOptions): Promise<Line> {
  const { settings, address, encryption, signal } = options;
  const endpoints = options.endpoint
    ? [options.endpoint]
    : await endpointsOf(address, settings.loadBalanceHosts, signal);
  const isLocal = endpoints.every((endpoint) => "path" in endpoint);
  const secure = isLocal || encryption === "never" ? undefined : await tlsOptions(settings, address);
  const { socket, endpoint } = await connectFirst(endpoints, signal);
  const plain: Line = { socket, endpoint, tls: undefined, offersTls: undefined };
  if (secure === undefined) return plain;
  try {
    return await encrypt(plain, secure, options);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function endpointsOf(
  { host, port, address }: HostAddress,
  isShuffled: boolean,
  signal: AbortSignal,
): Promise<Endpoint[]> {
  if (isSocketDirectory(host)) return [{ path: socketPath(host, port) }];
  const literal = address ?? host;
  if (isIP(literal) !== 0 || literal.includes("%")) return [{ host: literal, port }];
  const found = (await unlessAborted(lookup(host, { all: true }), signal)).map(({ address: ip }) => ip);
  // Some systems know only one of the two loopback addresses by that name, and the server may listen on the other.
  const all = host === "localhost" ? [...new Set([...found, "127.0.0.1", "::1"])] : found;
  const endpoints = all.map((ip) => ({ host: ip, port }));
  return isShuffled ? shuffled(endpoints) : endpoints;
}

function socketPath(directory: string, port: number): string {
  const path = join(directory, `.s.PGSQL.${port}`);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the path of the Unix socket is too long", {
    detail: `It has ${Buffer.byteLength(path)} bytes; systems take ${MAX_SOCKET_PATH_BYTES}.`,
    hint: "Use a shorter unix_socket_directories on the server, or a symbolic link to it.",
    state: "not connected",
  });
}

/** The resolver of names cannot be interrupted, so it is left behind. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}

/** The items in random order (Fisher-Yates). */
export function shuffled<Item>(items: readonly Item[], random: () => number = Math.random): Item[] {
  const rest = [...items];
  const order: Item[] = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return order;
}

async function connectFirst(
  endpoints: Endpoint[],
  signal: AbortSignal,
): Promise<{ socket: Socket; endpoint: Endpoint }> {
  const failures: unknown[] = [];
  for (const endpoint of endpoints) {
    try {
      return { socket: await connectTo(endpoint, signal), endpoint };
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  // The first address is the one that people mean; the others often do not exist on this machine at all.
  throw failures[0] ?? Object.assign(new Error("the name has no address"), { code: "ENOTFOUND" });
}

function connectTo(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const tuning: Partial<TcpNetConnectOpts> = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  const socket = connectSocket({ ...endpoint, ...tuning });
  // For the moments between two steps in which nobody waits: an unheard "error" would end the process.
  socket.on("error", () => undefined);
  return untilEvent(socket, "connect", signal).then(() => socket);
}

/** Resolves at `event`; destroys the socket and rejects on error, early end and abort. */
function untilEvent(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed) return reject(hungUp());
    const settle = (error?: unknown) => {
      socket.off(event, succeed).off("error", settle).off("close", closed);
      signal.removeEventListener("abort", aborted);
      if (error !== undefined) socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const succeed = () => settle();
    const closed = () => settle(hungUp());
    const aborted = () => settle(signal.reason ?? new Error("aborted"));
    socket.on(event, succeed).on("error", settle).on("close", closed);
    signal.addEventListener("abort", aborted, { once: true });
  });
}

function hungUp(): Error {
  return Object.assign(new Error("the server closed the connection"), { code: "ECONNRESET" });
}

async function encrypt(plain: Line, secure: ConnectionOptions, options: DialOptions): Promise<Line> {
  const { settings, encryption, signal } = options;
  if (settings.sslNegotiation === "postgres" && !(await serverAcceptsTls(plain.socket, signal))) {
    if (encryption === "ask") return { ...plain, offersTls: false };
    throw withoutTls(settings, options.address);
  }
  const { connect: connectTls } = await import("node:tls");
  const tls = startTls(() => connectTls({ ...secure, socket: plain.socket }));
  tls.on("error", () => undefined);
  await untilEvent(tls, "secureConnect", signal).catch((error: unknown) => {
    throw new TlsAttemptFailed(error);
  });
  if (settings.sslNegotiation === "direct" && tls.alpnProtocol !== "postgresql") {
    tls.destroy();
    throw tlsFailure(
      "the server does not speak PostgreSQL inside direct TLS",
      "It did not confirm the protocol (ALPN).",
    );
  }
  return { socket: tls, endpoint: plain.endpoint, tls, offersTls: true };
}

function withoutTls({ sslMode }: ConnectionSettings, address: HostAddress): PgkeepError {
  return new PgkeepError("CONNECT_TLS_FAILED", `the server on ${placeOf(address)} does not offer TLS`, {
    detail: `sslmode ${sslMode} does not go on without it.`,
    state: "not connected",
    hint: "Set ssl = on on that server. If it should have TLS already, somebody on the way may be taking it away: do not lower sslmode.",
  });
}

/** Errors at this point are about our own files: a key that does not decrypt or does not match. */
function startTls(start: () => TLSSocket): TLSSocket {
  try {
    return start();
  } catch (error) {
    throw new PgkeepError("CONNECT_TLS_FILE", "could not use the certificate files", {
      detail: tlsReason(error).detail,
      state: "not connected",
      hint: "Check sslcert, sslkey, sslpassword, sslrootcert and sslcrl.",
      cause: error,
    });
  }
}

const SSL_YES = 0x53;
const SSL_NO = 0x4e;

async function serverAcceptsTls(socket: Socket, signal: AbortSignal): Promise<boolean> {
  const answer = firstBytes(socket, signal);
  socket.write(toServer.sslRequest());
  const bytes = await answer;
  if (bytes.length === 1 && bytes[0] === SSL_YES) return true;
  if (bytes.length === 1 && bytes[0] === SSL_NO) return false;
  if (bytes.length > 1 && (bytes[0] === SSL_YES || bytes[0] === SSL_NO)) {
    throw tlsFailure(
      "the server's answer to the request for TLS is not acceptable",
      "Bytes followed that no server sends.",
    );
  }
  const reason = "It was neither yes nor no.";
  throw new TlsAttemptFailed(tlsFailure("the server's answer to the request for TLS is not acceptable", reason));
}

/** What arrives first, with the socket paused again so that nothing of it is lost. */
function firstBytes(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  socket.once("data", (chunk: Buffer) => {
    socket.pause();
    bytes = chunk;
  });
  return untilEvent(socket, "data", signal).then(() => bytes);
}

function tlsFailure(message: string, detail: string): PgkeepError {
  return new PgkeepError("CONNECT_TLS_FAILED", message, {
    detail,
    state: "not connected",
    hint: "Check host, port and the server's ssl setting; an impostor on the way could answer like this.",
  });
}
