/**
 * What an auditor may have to be allowed, each with the question whether it is and the statements that allow it.
 *
 * `question` is one SQL expression, asked once per session for the current role; rights that are not the server's to give
 * have none and are answered by the run itself (a host that can be looked at, probes that were allowed).
 */
import { ident } from "../pg/identifiers.ts";

interface Right {
  /** As a reader calls it: "superuser", "member of pg_read_all_stats". */
  name: string;
  /** A boolean SQL expression, every name qualified; undefined: not the server's to give. */
  question: string | undefined;
  /** First major that has what is asked; before it, nobody has the right. */
  since?: number | undefined;
  /** Statements that give it to `role`, in the database that is audited first; empty: only another login helps. */
  grant(role: string): readonly string[];
  /** What to do instead of granting. */
  instead?: string | undefined;
}

const memberOf = (group: string): Right => ({
  name: `member of ${group}`,
  question: `pg_catalog.pg_has_role(current_user, '${group}', 'USAGE')`,
  grant: (role) => [`grant ${group} to ${ident(role)}`],
});

/** A view over a function of the same name, both closed to everybody. */
const viewAndFunction = (view: string, routine: string, since?: number): Right => ({
  name: `select on ${view}`,
  question: `pg_catalog.has_table_privilege('pg_catalog.${view}', 'SELECT') and pg_catalog.has_function_privilege('pg_catalog.${routine}()', 'EXECUTE')`,
  since,
  grant: (role) => [
    `grant select on pg_catalog.${view} to ${ident(role)}`,
    `grant execute on function pg_catalog.${routine}() to ${ident(role)}`,
  ],
});

export const RIGHTS = {
  superuser: {
    name: "superuser",
    question: "(select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user)",
    grant: () => [],
    instead: "run the audit once as a superuser",
  },
  pg_read_all_settings: memberOf("pg_read_all_settings"),
  pg_read_all_stats: memberOf("pg_read_all_stats"),
  /** Password hashes. Whoever has it can try passwords offline, so no grant is offered. */
  pg_authid: {
    name: "select on pg_authid",
    question:
      "pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT') and pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolname', 'SELECT')",
    grant: () => [],
    instead: "run the audit once as a superuser",
  },
  hba: viewAndFunction("pg_hba_file_rules", "pg_hba_file_rules"),
  ident: viewAndFunction("pg_ident_file_mappings", "pg_ident_file_mappings", 15),
  file_settings: viewAndFunction("pg_file_settings", "pg_show_all_file_settings"),
  /** Files and processes of the server's machine. */
  host: {
    name: "the server's host",
    question: undefined,
    grant: () => [],
    instead: "run pgkeep audit on the server's own machine, as root or as the server's account",
  },
  /** Connections of our own that are no sessions. */
  network: {
    name: "live probes",
    question: undefined,
    grant: () => [],
    instead: "run pgkeep audit --probe",
  },
} as const satisfies Record<string, Right>;

export type RightName = keyof typeof RIGHTS;

export const RIGHT_NAMES = Object.keys(RIGHTS).filter((name): name is RightName => Object.hasOwn(RIGHTS, name));

/** The definition of one right. */
export function rightOf(name: RightName): Right {
  return RIGHTS[name];
}
