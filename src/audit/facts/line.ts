/** Our own connection as evidence: what was agreed with this server, seen from this place. */
import type { X509Certificate } from "node:crypto";

export interface LineFacts {
  /** "tcp" or "socket"; undefined in a run without a server. */
  transport: "tcp" | "socket" | undefined;
  host: string;
  port: number;
  isLoopback: boolean;
  /** undefined: the session is not encrypted. */
  tls:
    | {
        /** "TLSv1.3". */
        protocol: string;
        cipher: string;
        /** The server's certificate and what it sent along, first the server's own. */
        chain: readonly X509Certificate[];
      }
    | undefined;
  /** How the connection was asked for; undefined on sockets. */
  sslMode: string | undefined;
  /** What the server asked us for: "scram-sha-256-plus", "md5", "none". */
  authentication: string;
}
