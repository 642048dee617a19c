/** TLS-008: sessions from other machines that are not encrypted at this moment. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select coalesce(a.usename::text, '?') || '@' || pg_catalog.host(a.client_addr) as object,
         pg_catalog.count(*)::text || case when pg_catalog.count(*) = 1 then ' session' else ' sessions' end
           || ' without TLS or GSSAPI encryption' as detail
    from pg_catalog.pg_stat_activity as a
    join pg_catalog.pg_stat_ssl as s on s.pid = a.pid
    left join pg_catalog.pg_stat_gssapi as g on g.pid = a.pid
   where a.client_addr is not null
     and not (a.client_addr <<= inet '127.0.0.0/8' or a.client_addr = inet '::1')
     and not s.ssl
     and not coalesce(g.encrypted, false)
   group by 1
   order by 1`;

export default queryCheck({
  id: "TLS-008",
  title: "unencrypted sessions from the network",
  severity: "high",
  why:
    "These clients talk in plain text right now: their queries, results and whatever passwords they set can be read and " +
    "changed on the way. A rule that allows it is a risk; this is its use.",
  remedy: "Make their rules hostssl, and set sslmode=verify-full on these clients.",
  limits:
    "A pooler on a private link that is protected otherwise can be accepted with a waiver. Only this moment is seen.",
  references: { manual: ["The Cumulative Statistics System: pg_stat_ssl"] },
  scope: "cluster",
  needs: ["pg_read_all_stats"],
  sql: SQL,
  found: () => ({
    fix: {
      kind: "file",
      file: "pg_hba.conf",
      lines: ["hostnossl all all all reject"],
      how: "put before every other host line, reload, and change the clients first",
      risk: "high",
      riskReason: "clients that do not ask for TLS can no longer connect",
    },
  }),
});
