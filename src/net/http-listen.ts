/** Makes Node's server with our limits and has it listen; what goes wrong is said in terms of the address. */
import { createServer, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";

export interface HttpServerTls {
  /** PEM. */
  certificate: string;
  key: string;
  /** PEM of the authority whose clients are let in; undefined: everybody. */
  clientAuthority?: string | undefined;
}

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  tls?: HttpServerTls | undefined;
}

/** What Node itself holds a client to. */
export interface ServerLimits {
  headerBytes: number;
  headersMs: number;
  requestMs: number;
  idleMs: number;
}

/** Throws RELAY_LISTEN_FAILED when the certificate cannot be used. */
export function makeServer({ tls, host, port }: ListenOptions, limits: ServerLimits): Server {
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

/** Throws RELAY_LISTEN_FAILED when the address cannot be had. */
export function listen(server: Server, { host, port }: ListenOptions): Promise<void> {
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

export function portOf(server: Server): number {
  return infoOf(server)?.port ?? 0;
}

/** "127.0.0.1:9090", "[::1]:9090". */
export function addressOf(server: Server): string {
  return hostAndPort(infoOf(server)?.address ?? "", portOf(server));
}
