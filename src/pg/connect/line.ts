/** What a session can show of its own line afterwards: where it goes, and what TLS agreed on. */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { ConnectionSettings, SessionLine, SessionTls } from "../session.ts";
import type { Line } from "./dial.ts";

/** 10: chains have two to four certificates. */
const MAX_CERTIFICATES = 10;

export function sessionLine({ endpoint, offersTls, tls }: Line, settings: ConnectionSettings): SessionLine {
  if (tls === undefined) return { endpoint, offersTls, tls: undefined };
  return { endpoint, offersTls, tls: new AgreedTls(tls, settings) };
}

/** Certificates are decoded when somebody asks, which few sessions do; the line must be open then. */
class AgreedTls implements SessionTls {
  readonly protocol: string;
  readonly cipher: string;
  readonly newestOffered: SessionTls["newestOffered"];
  readonly #socket: TLSSocket;
  #certificates: readonly X509Certificate[] | undefined;

  constructor(socket: TLSSocket, { tlsVersions }: ConnectionSettings) {
    this.#socket = socket;
    this.protocol = socket.getProtocol() ?? "unknown";
    this.cipher = socket.getCipher().standardName;
    this.newestOffered = tlsVersions?.max ?? "TLSv1.3";
  }

  get certificates(): readonly X509Certificate[] {
    this.#certificates ??= chainOf(this.#socket);
    return this.#certificates;
  }
}

/** The certificate of the other side and those above it; each once, for a root is its own issuer. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && !seen.has(next.fingerprint256) && chain.length < MAX_CERTIFICATES) {
    chain.push(next);
    seen.add(next.fingerprint256);
    next = next.issuerCertificate;
  }
  return chain;
}
