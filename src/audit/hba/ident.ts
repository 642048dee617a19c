/** pg_ident.conf: which account of the system may be which role. */

export interface IdentEntry {
  file: string;
  /** 1-based. */
  line: number;
  map: string;
  /** The account, or a pattern that begins with "/". */
  system: string;
  /** From PostgreSQL 16 on also `all`, `+group` and a pattern, as in pg_hba.conf. */
  role: string;
  /** Whether the role was quoted, which takes the meaning of `all` and `+`. Always false from the view. */
  isRoleQuoted: boolean;
}

export interface IdentFacts {
  entries: readonly IdentEntry[];
  problems: readonly { file: string; line: number; reason: string }[];
  /** Whether `all`, `+group` and patterns mean more than their letters in the role's column: from PostgreSQL 16 on. */
  hasRolePatterns: boolean;
}
