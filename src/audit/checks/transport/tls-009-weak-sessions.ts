/** TLS-009: sessions that agreed on an old TLS version or a short key. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select distinct coalesce(a.usename::text, '?') || '@' || coalesce(pg_catalog.host(a.client_addr), 'local') as object,
         s.version || ' ' || s.cipher || ', ' || s.bits::text || ' bits' as detail
    from pg_catalog.pg_stat_activity as a
    join pg_catalog.pg_stat_ssl as s on s.pid = a.pid
   where s.ssl
     and (s.version in ('SSLv3', 'TLSv1', 'TLSv1.1') or s.bits < 128)
   order by 1, 2`;

export default queryCheck({
  id: "TLS-009",
  title: "sessions with old TLS or a short key",
  severity: "high",
  why:
    "These clients got what is known to be breakable, so somebody who records their traffic can read it. They are also what " +
    "keeps the old versions from being switched off.",
  remedy: "Renew the TLS library or driver of these clients, then set ssl_min_protocol_version to TLSv1.2.",
  limits: "Only this moment is seen.",
  references: { manual: ["The Cumulative Statistics System: pg_stat_ssl"] },
  scope: "cluster",
  needs: ["pg_read_all_stats"],
  sql: SQL,
  found: () => ({
    fix: {
      kind: "setting",
      name: "ssl_min_protocol_version",
      value: "TLSv1.2",
      risk: "high",
      riskReason: "these very clients can no longer connect until they are renewed",
    },
  }),
});
