/** PRV-015: roles may set server parameters that switch protection off. */
import { literal } from "../../../pg/identifiers.ts";
import type { Facts } from "../../facts/facts.ts";
import { type GrantSource, grantsCheck } from "./grants.ts";

/** Nobody owns a parameter: what is granted comes from the bootstrap superuser. */
const PARAMETERS: GrantSource = {
  kind: "'parameter'",
  from: "pg_catalog.pg_parameter_acl as p",
  acl: "p.paracl",
  owner: "10",
  object: "p.parname",
  name: "p.parname",
};

const DANGEROUS = [
  "session_replication_role",
  "session_preload_libraries",
  "shared_preload_libraries",
  "local_preload_libraries",
  "dynamic_library_path",
  "archive_command",
  "archive_library",
  "restore_command",
  "archive_cleanup_command",
  "recovery_end_command",
  "ssl_passphrase_command",
  "log_statement",
  "log_min_error_statement",
  "log_min_messages",
  "allow_system_table_mods",
  "pgaudit.log",
  "pgaudit.role",
  "lc_messages",
  "event_triggers",
  "extension_control_path",
  "output_plugin_libraries",
  "ignore_checksum_failure",
  "zero_damaged_pages",
];

export default grantsCheck({
  id: "PRV-015",
  title: "role may set a dangerous server parameter",
  severity: "critical",
  since: 15,
  scope: "cluster",
  why:
    "ALTER SYSTEM on a parameter changes the server for everybody, and some parameters load libraries, run programs, stop " +
    "the log or switch triggers off in a session. Such a grant does not show in any list of roles.",
  remedy: "Revoke it; set the parameter in postgresql.conf or for one role with ALTER ROLE.",
  limits:
    "SET on log_statement is accepted for roles that the configuration declares as deploy roles: a deployment may keep its " +
    "statements out of the log, and ALTER SYSTEM is not accepted for them either.",
  references: { manual: ["GRANT", "Setting Parameters"] },
  grants: (facts) => [
    {
      source: PARAMETERS,
      entry: `a.grantee <> 10
     and (a.privilege_type = 'ALTER SYSTEM' or p.parname in (${DANGEROUS.map(literal).join(", ")}))
     and not ${isDeclared(facts)}`,
    },
  ],
  perGrantee: true,
  detail: ({ privileges }) => privileges.join(", "),
  risk: "medium",
  riskReason: "jobs of the role that change the parameter fail afterwards",
});

function isDeclared({ declared: { deployRoles = [] } }: Facts): string {
  if (deployRoles.length === 0) return "false";
  return `(p.parname = 'log_statement' and a.privilege_type = 'SET'
              and a.grantee in (
                select r.oid from pg_catalog.pg_roles as r
                 where r.rolname in (${deployRoles.map(literal).join(", ")})))`;
}
