/** REP-005: there are standbys and no role made for them. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select 'roles with REPLICATION' as object,
         'none beside superusers, while ' ||
         (select pg_catalog.count(*) from pg_catalog.pg_stat_replication) || ' replicate' as detail
   where exists (select from pg_catalog.pg_stat_replication)
     and not exists (select from pg_catalog.pg_roles as r where r.rolreplication and not r.rolsuper)`;

export default queryCheck({
  id: "REP-005",
  title: "standbys exist, no replication-only role",
  severity: "low",
  why:
    "Whatever replicates here does it with a superuser's password, because there is no other role that could. That password lies " +
    "on machines that need none of its power.",
  remedy: "Make a role with LOGIN and REPLICATION and nothing else, and let the standbys and backup tools use it.",
  references: { cis: ["7.1"], manual: ["Streaming Replication: Authentication"] },
  scope: "cluster",
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "create role replicator login replication; give it a password with \\password, and use it in primary_conninfo.",
    },
  }),
});
