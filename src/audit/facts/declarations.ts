/**
 * What nobody can find out by asking the server, and an operator may therefore tell: in `audit:` of pgkeep.yaml.
 *
 * A declaration is shown as such in the report; it never turns evidence to the contrary into a pass.
 */
export interface Declarations {
  /** How backups are made and where they go, in words: "pgBackRest to s3://..., restore tested 2026-10". */
  backup?: string | undefined;
  /** Directories with dumps, absolute. */
  backupDirectories?: readonly string[] | undefined;
  /** How logs leave the host, in words. */
  logShipping?: string | undefined;
  /** Sets of data that no login may reach together: schema or "database.schema" names. */
  separations?: readonly (readonly [string, string])[] | undefined;
  /** Columns that hold personal data: "schema.table.column", `*` for any. */
  sensitive?: readonly string[] | undefined;
  /** Roles that may change log_statement, as the deploy guide allows it. */
  deployRoles?: readonly string[] | undefined;
  /** Extensions that are wanted although they widen the attack surface. */
  extensions?: readonly string[] | undefined;
  /** Prefix lengths below which a network counts as very wide. Defaults 16 and 48. */
  wideNetworks?: { ipv4?: number | undefined; ipv6?: number | undefined } | undefined;
  /** Days before its end at which a certificate is reported. Default 30. */
  certificateDays?: number | undefined;
  /** Directories of SQL projects whose files are looked at, absolute. */
  projects?: readonly string[] | undefined;
}

/** What an access model says that the database does not, as `access diff` lists it. */
export interface Drift {
  object: string;
  detail: string;
}
