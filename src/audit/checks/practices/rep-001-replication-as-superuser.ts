/** REP-001: standbys and receivers that are connected as a superuser. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select pg_catalog.quote_ident(a.usename) || '@' || coalesce(pg_catalog.host(a.client_addr), 'local') as object,
         case pg_catalog.count(*)
           when 1 then 'a replication connection as superuser'
           else pg_catalog.count(*) || ' replication connections as superuser'
         end as detail
    from pg_catalog.pg_stat_replication as a
    join pg_catalog.pg_roles as r on r.oid = a.usesysid
   where r.rolsuper
   group by a.usename, a.client_addr
   order by 1`;

export default queryCheck({
  id: "REP-001",
  title: "replication as superuser",
  severity: "medium",
  why:
    "The password of a replication connection lies on every standby and backup host. If it is a superuser's, whoever gets into " +
    "one of them owns the primary; a role with REPLICATION alone can copy data but not run commands.",
  remedy: "Make a role with LOGIN and REPLICATION and nothing else, use it in primary_conninfo and the backup tools.",
  limits: "Connections of this moment are looked at.",
  references: { cis: ["7.1"], manual: ["Streaming Replication: Authentication"] },
  scope: "cluster",
  needs: ["pg_read_all_stats"],
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "Make a role with LOGIN REPLICATION for the standby, change its primary_conninfo, and let it connect again.",
    },
  }),
});
