/**
 * What would remove a finding: as data where pgkeep knows how to do it, as words where a person has to decide.
 *
 * The kinds differ in who does it. `setting` becomes ALTER SYSTEM and a reload or restart. `revoke` goes through the access
 * planner, which knows grantors and dependants. `sql` is shown, ordered and proved, and run by hand. `file` is lines for
 * a configuration file, and `words` is advice.
 */
export type Risk = "low" | "medium" | "high";

/** ALTER SYSTEM SET name = value, or RESET for null. */
export interface SettingFix {
  kind: "setting";
  name: string;
  /** As in postgresql.conf without quotes; null: back to the built-in default. */
  value: string | null;
  risk: Risk;
  riskReason?: string | undefined;
}

/** REVOKE of privileges from one grantee on one object. */
export interface RevokeFix {
  kind: "revoke";
  /** Kinds of objects as the access model names them: "schema", "table", "routine", "database". */
  on: string;
  /** As the server writes it in SQL, quoted and qualified: `public`, `"app"."orders"`, `app.f(integer)`. */
  object: string;
  /** "CREATE", "EXECUTE"; empty: all. */
  privileges: readonly string[];
  /** Role name, unquoted; PUBLIC is the empty name. */
  from: string;
  /** Only the right to grant on. */
  grantOptionOnly?: boolean | undefined;
  /** The statement as it would be written by hand. */
  sql: string;
  risk: Risk;
  riskReason?: string | undefined;
}

/** Statements for the database of the finding, each without a semicolon, every name quoted. */
export interface SqlFix {
  kind: "sql";
  sql: readonly string[];
  risk: Risk;
  riskReason?: string | undefined;
}

/** Lines of a configuration file, with what to do with them. */
export interface FileFix {
  kind: "file";
  /** "pg_hba.conf", "pg_ident.conf", "postgresql.conf". */
  file: string;
  /** Lines to write instead of, or before, the one that was found. */
  lines: readonly string[];
  /** How: "replace line 12 by", "put before every other line". */
  how: string;
  risk: Risk;
  riskReason?: string | undefined;
}

/** Commands for a shell on the server's host. */
export interface ShellFix {
  kind: "shell";
  commands: readonly string[];
  risk: Risk;
  riskReason?: string | undefined;
}

/** What no statement can say. */
export interface WordsFix {
  kind: "words";
  text: string;
}

export type Fix = SettingFix | RevokeFix | SqlFix | FileFix | ShellFix | WordsFix;
