/**
 * pg_hba.conf as checks see it: rules in the order in which the server tries them, each with the place where it stands.
 *
 * Read from the file when it can be read, because the server's view forgets quotes: `"all"` is a database of that name and
 * `all` is every database. Rules from the view have `isExact` false, and what depends on quotes is then unknown.
 */
import type { Network } from "../../net/ip.ts";

export type HbaType = "local" | "host" | "hostssl" | "hostnossl" | "hostgssenc" | "hostnogssenc";

/** How a connection may be protected when a rule lets it in. */
export type ConnectionKind = "local" | "plain" | "ssl" | "gss";

/** One word of the database or user column. */
export interface HbaToken {
  text: string;
  /** Quoted words are names, whatever they spell, except patterns. Always false from the view. */
  isQuoted: boolean;
  /** A regular expression behind a slash, quoted or not; never before PostgreSQL 16. */
  isPattern: boolean;
}

export type HbaAddress =
  | { kind: "all" }
  | { kind: "samehost" }
  | { kind: "samenet" }
  | {
      kind: "network";
      /** As long as its mask has ones in front; exact unless the mask has gaps. */
      network: Network;
      /** Bits that are compared; with gaps when somebody wrote 255.0.255.0. */
      mask: bigint;
      text: string;
    }
  | { kind: "name"; name: string };

export interface HbaRule {
  file: string;
  /** 1-based, of the first physical line. */
  line: number;
  type: HbaType;
  databases: readonly HbaToken[];
  users: readonly HbaToken[];
  /** undefined for local. */
  address: HbaAddress | undefined;
  /** Lower case: "scram-sha-256". `ident` of a local rule is "peer". */
  method: string;
  /** Lower-case names, booleans as "1" and "0". Values of ldapbindpasswd and radiussecrets are not kept. */
  options: ReadonlyMap<string, string>;
  /** The rule in one spelling, the same from the file and from the view: what it is known by between runs. */
  text: string;
}

export interface HbaProblem {
  file: string;
  line: number;
  /** Why the server could not load it. */
  reason: string;
}

export interface HbaFacts {
  rules: readonly HbaRule[];
  problems: readonly HbaProblem[];
  /** Whether quotes are known. */
  isExact: boolean;
  /** When one of its files changed last, and when the server loaded them; undefined where that cannot be seen. */
  changedAt: Date | undefined;
  loadedAt: Date | undefined;
}
