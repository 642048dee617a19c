/** What the server answers to connections that are no sessions. Made only with --probe: they leave lines in its log. */

/** The server's demand of somebody who wants to log in, before anything was proved. */
export type Demand = "nothing" | "clear text" | "md5" | "scram" | "gss" | "sspi" | "other" | "refused" | "no answer";

export interface LoginProbe {
  role: string;
  /** Whether the role is one that exists; the other one is a name made up for the probe. */
  isKnown: boolean;
  isEncrypted: boolean;
  demand: Demand;
  /** SASL mechanisms, when offered. */
  mechanisms: readonly string[];
}

export interface AcceptedSuite {
  /** "TLSv1.2", "SSLv3". */
  version: string;
  /** Two bytes of the registry: 0xc02f. */
  code: number;
  /** "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256". */
  name: string;
}

export interface ProbeFacts {
  /** From where: the local address of the probes. What they show holds for this address. */
  from: string;
  isLoopback: boolean;
  connections: number;
  /** The answer to a request for TLS. */
  offersTls: boolean;
  offersGssEncryption: boolean;
  /** 17+: TLS from the first byte. */
  acceptsDirectTls: boolean;
  versions: readonly string[];
  suites: readonly AcceptedSuite[];
  acceptsTls13: boolean;
  /** Small curves and Diffie-Hellman groups that it agreed to: "secp224r1", "dh-1024". */
  weakGroups: readonly string[];
  logins: readonly LoginProbe[];
  /** What could not be found out, by check family: a line that broke, a limit that was reached. */
  gaps: readonly string[];
}
