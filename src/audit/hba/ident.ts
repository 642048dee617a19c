/** pg_ident.conf: which account of the system may be which role. */

export interface IdentEntry {
  file: string;
  /** 1-based. */
  line: number;
  map: string;
  /** The account, or a pattern that begins with "/". */
  system: string;
  role: string;
}

export interface IdentFacts {
  entries: readonly IdentEntry[];
  problems: readonly { file: string; line: number; reason: string }[];
}
