/**
 * PRV-014: functions that reach into the server's files or its operation were granted.
 *
 * The names count in pg_catalog and in extensions; a function of an application that happens to be called so is none of
 * them. A list that is NULL gives PUBLIC what every function gives it, and the server ships none of these so.
 */
import { type GrantSource, grantsCheck, ROUTINES } from "./grants.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isOutsideExtensions } from "./user-objects.ts";

const NAMES = [
  "pg_read_file",
  "pg_read_binary_file",
  "pg_ls_dir",
  "pg_stat_file",
  "lo_import",
  "lo_export",
  "pg_file_write",
  "pg_file_read",
  "pg_file_rename",
  "pg_file_unlink",
  "pg_file_sync",
  "pg_logdir_ls",
  "dblink_connect_u",
  "pg_reload_conf",
  "pg_rotate_logfile",
  "pg_current_logfile",
  "pg_ls_logdir",
  "pg_create_restore_point",
  "pg_switch_wal",
  "pg_promote",
  "pg_backup_start",
  "pg_start_backup",
  "pg_stat_reset",
  "pg_stat_reset_shared",
  "pg_replication_origin_create",
  "pg_replication_origin_drop",
  "pg_read_server_files",
  "heap_force_kill",
  "heap_force_freeze",
  "binary_upgrade_create_empty_extension",
];

const WHERE = `p.proname in (${NAMES.map((name) => `'${name}'`).join(", ")})
     and (n.nspname = 'pg_catalog' or not (${isOutsideExtensions("pg_proc", "p.oid")}))
     and not coalesce(e.rolsuper, false)
     and coalesce(e.rolname, '') !~ '^pg_'
     and ${notOfProvider("coalesce(e.rolname, '')")}`;

const RESTRICTED: GrantSource = { ...ROUTINES, acl: "p.proacl" };

export default grantsCheck({
  id: "PRV-014",
  title: "restricted server function is granted",
  severity: "critical",
  why:
    "These functions read, write or list files of the server, open connections as the server's account or disturb its log, " +
    "its archive and its statistics. Only superusers and the shipped pg_ roles may run them, until somebody grants one.",
  remedy: "Revoke EXECUTE; where a job needs one, wrap it in a function that does that one thing.",
  limits:
    "Superusers, the server's own pg_ roles and a managed service's roles are left out. Memberships are ROL-013 to ROL-016.",
  references: { cis: ["4.5"], manual: ["System Administration Functions"] },
  grants: () => [{ source: RESTRICTED, entry: "a.grantee <> 10", where: WHERE }],
  perGrantee: true,
  detail: () => "EXECUTE on a restricted server function",
  risk: "medium",
  riskReason: "backup, monitoring or maintenance that calls it fails afterwards",
});
