/**
 * Handshakes by Node's own TLS: TLS 1.3, which hides its certificates from anybody who does not finish it, TLS without
 * being asked first, and the encrypted line for a question that comes after it.
 *
 * Nothing is verified here: an audit wants to see the certificate that a client should refuse.
 */
import { constants, type X509Certificate } from "node:crypto";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { errorCodeOf } from "../../base/errors.ts";
import { ProbeGap, type ProbeLine } from "./dialer.ts";
import { requestTls } from "./requests.ts";

/** Everything that this library still has, however weak: what a server takes is its own matter. */
const PERMISSIVE: ConnectionOptions = {
  rejectUnauthorized: false,
  checkServerIdentity: () => undefined,
  ciphers: "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ALL:@SECLEVEL=0",
  // Servers from before 2010 do not know of safe renegotiation; we never renegotiate.
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  minVersion: "TLSv1",
  maxVersion: "TLSv1.3",
};

export type ModernOutcome =
  | { kind: "accepted"; certificates: readonly X509Certificate[]; alpn: string | undefined }
  | { kind: "refused" }
  /** It hung up without an alert. */
  | { kind: "closed" };

/** TLS 1.3 and nothing else, after asking for TLS. Throws ProbeGap. */
export async function handshake13(line: ProbeLine, serverName: string | undefined): Promise<ModernOutcome> {
  if ((await requestTls(line)) === "declined") throw new ProbeGap("the server did not offer TLS this time");
  return await handshake(line, { ...nameOption(serverName), minVersion: "TLSv1.3" });
}

/** TLS as the first thing said, as PostgreSQL 17 takes it. Throws ProbeGap. */
export async function directHandshake(line: ProbeLine, serverName: string | undefined): Promise<ModernOutcome> {
  return await handshake(line, { ...nameOption(serverName), minVersion: "TLSv1.2", ALPNProtocols: ["postgresql"] });
}

/** Encrypts the line, by whatever the server takes. Throws ProbeGap when that fails. */
export async function encrypt(line: ProbeLine, serverName: string | undefined): Promise<void> {
  if ((await requestTls(line)) === "declined") throw new ProbeGap("the server did not offer TLS this time");
  const outcome = await handshake(line, nameOption(serverName));
  if (outcome.kind !== "accepted") throw new ProbeGap("TLS could not be agreed on with this machine's library");
}

const nameOption = (servername: string | undefined): ConnectionOptions =>
  servername === undefined ? {} : { servername };

async function handshake(line: ProbeLine, options: ConnectionOptions): Promise<ModernOutcome> {
  const tls = begun({ ...PERMISSIVE, ...options, socket: line.stream });
  // Heard below; this one is for what comes after.
  tls.on("error", () => undefined);
  line.stream = tls;
  const refusal = await line.within(agreed(tls));
  if (refusal !== undefined) return refusal;
  return { kind: "accepted", certificates: chainOf(tls), alpn: tls.alpnProtocol || undefined };
}

/** A library that is held to a standard (FIPS) refuses weak ciphers at once. */
function begun(options: ConnectionOptions): TLSSocket {
  try {
    return connect(options);
  } catch (error) {
    throw new ProbeGap(`the TLS library says ${errorCodeOf(error) ?? "no"}`);
  }
}

/** undefined: TLS was agreed on. */
function agreed(tls: TLSSocket): Promise<ModernOutcome | undefined> {
  return new Promise((resolve, reject) => {
    tls.once("secureConnect", () => resolve(undefined));
    tls.once("close", () => resolve({ kind: "closed" }));
    tls.once("error", (error) => {
      const outcome = outcomeOf(errorCodeOf(error) ?? "");
      if (outcome === undefined) reject(new ProbeGap(`the TLS library says ${errorCodeOf(error) ?? "no"}`));
      else resolve(outcome);
    });
  });
}

/** Alerts by which servers refuse, in the words of the library. */
const REFUSALS =
  /^ERR_SSL_.*ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|INTERNAL_ERROR|ILLEGAL_PARAMETER|MISSING_EXTENSION|NO_APPLICATION_PROTOCOL)$|^ERR_SSL_UNSUPPORTED_PROTOCOL$/;

function outcomeOf(code: string): ModernOutcome | undefined {
  if (REFUSALS.test(code)) return { kind: "refused" };
  return code === "ECONNRESET" || code === "EPIPE" ? { kind: "closed" } : undefined;
}

/** 10: chains have two to four certificates. */
const MAX_CERTIFICATES = 10;

function chainOf(tls: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = tls.getPeerX509Certificate();
  while (next !== undefined && chain.length < MAX_CERTIFICATES) {
    const { fingerprint256 } = next;
    if (chain.some((earlier) => earlier.fingerprint256 === fingerprint256)) break;
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}
