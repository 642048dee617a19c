/** Our own connection as evidence: what was agreed with this server, seen from this place, without asking anything more. */
import type { X509Certificate } from "node:crypto";
import { isWithin, parseIp, parseNetwork, unmapped } from "../../net/ip.ts";
import type { ConnectionSettings, Session, SslMode, TlsVersion } from "../../pg/session.ts";

export interface LineTls {
  /** "TLSv1.3". */
  protocol: string;
  /** As the registry names it: "TLS_AES_256_GCM_SHA384". */
  cipher: string;
  /** The newest version that we offered: an older `protocol` is then the server's choice. */
  newestOffered: TlsVersion;
  /** Whether the certificate had to lead to an authority that we were told to trust. */
  isVerified: boolean;
  /** The server's certificate and what it sent along, first the server's own. */
  chain: readonly X509Certificate[];
}

export interface LineFacts {
  /** "tcp" or "socket"; undefined in a run without a server. */
  transport: "tcp" | "socket" | undefined;
  /** As it was written: the name that a certificate has to hold. */
  host: string;
  port: number;
  /** The address that was dialled; undefined on sockets. */
  address?: string | undefined;
  isLoopback: boolean;
  /** The server's answer when it was asked for TLS; undefined: it was not asked. */
  offersTls?: boolean | undefined;
  /** undefined: the session is not encrypted. */
  tls: LineTls | undefined;
  /** How the connection was asked for; undefined on sockets. */
  sslMode: SslMode | undefined;
  /** What the server asked us for: "scram-sha-256-plus", "md5", "none". */
  authentication: string;
}

/** What `session`, opened with `settings`, shows of its own line. Ask while it is open. */
export function lineOf(session: Session, { sslMode }: Pick<ConnectionSettings, "sslMode">): LineFacts {
  const { target, line } = session;
  const { host, port, authentication } = target;
  if ("path" in line.endpoint) {
    return { transport: "socket", host, port, isLoopback: true, tls: undefined, sslMode: undefined, authentication };
  }
  const address = line.endpoint.host;
  const { offersTls } = line;
  const isLoopback = isLoopbackAddress(address);
  return { transport: "tcp", host, port, address, isLoopback, offersTls, tls: tlsOf(session), sslMode, authentication };
}

function tlsOf({ line: { tls }, target }: Session): LineTls | undefined {
  if (tls === undefined) return undefined;
  const { protocol, cipher, newestOffered, certificates } = tls;
  return { protocol, cipher, newestOffered, isVerified: target.tls?.verified ?? false, chain: certificates };
}

/** What a run without a server has for a line. */
export const NO_LINE: LineFacts = {
  transport: undefined,
  host: "",
  port: 0,
  isLoopback: false,
  tls: undefined,
  sslMode: undefined,
  authentication: "",
};

const LOOPBACK = ["127.0.0.0/8", "::1"].map(parseNetwork);

/** Whether an address, mapped ones included, is one of this machine's loopback addresses. */
export function isLoopbackAddress(text: string): boolean {
  const address = parseIp(text);
  if (address === undefined) return false;
  const plain = unmapped(address);
  return LOOPBACK.some((network) => network !== undefined && isWithin(plain, network));
}
