/** SEC-004: the standby's password among the settings. */
import { queryCheck } from "../query-check.ts";
import { hasPassword } from "./credential-patterns.ts";

/** A sighup setting: nobody can plant another value for our session, and its value stays on the server. */
const SQL = `
  select s.name as object,
         'holds a password' as detail
    from pg_catalog.pg_settings as s
   where s.name = 'primary_conninfo'
     and ${hasPassword("s.setting")}`;

export default queryCheck({
  id: "SEC-004",
  title: "password in primary_conninfo",
  severity: "medium",
  why:
    "Every member of pg_monitor or pg_read_all_settings can show the setting, and it lies in postgresql.auto.conf and " +
    "its backups. A replication password copies the whole cluster.",
  remedy: "Write passfile=... instead of password=..., reload, and change the password.",
  references: { manual: ["Streaming Replication", "The Password File"] },
  scope: "cluster",
  needs: ["pg_read_all_settings"],
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "Replace password=... by passfile=... in primary_conninfo and reload; then change the password.",
    },
  }),
});
