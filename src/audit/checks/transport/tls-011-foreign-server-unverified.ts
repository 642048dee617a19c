/** TLS-011: foreign servers that are reached without verifying them. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";

/** Host and sslmode alone are taken out of the options; the rest may be secret. */
const SQL = `
  with server as (
    select s.srvname,
           (select pg_catalog.string_agg(pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1), ',')
              from pg_catalog.unnest(s.srvoptions) as o
             where o ~ '^(host|hostaddr)=') as hosts,
           (select pg_catalog.substr(o, 9) from pg_catalog.unnest(s.srvoptions) as o where o ~ '^sslmode=') as sslmode
      from pg_catalog.pg_foreign_server as s
      join pg_catalog.pg_foreign_data_wrapper as w on w.oid = s.srvfdw
     where w.fdwname in ('postgres_fdw', 'dblink_fdw')
  )
  select pg_catalog.quote_ident(s.srvname) as object,
         case when s.sslmode is null then 'no sslmode, which means prefer' else 'sslmode=' || s.sslmode end as detail,
         s.srvname as server,
         (s.sslmode is not null)::text as has_mode
    from server as s
   where coalesce(s.sslmode not in ('verify-ca', 'verify-full'), true)
     and exists (
           select
             from pg_catalog.unnest(pg_catalog.string_to_array(s.hosts, ',')) as h
            where h <> '' and h !~* '^(/|@|localhost$|127[.]|::1$)'
         )
   order by 1`;

export default queryCheck({
  id: "TLS-011",
  title: "foreign server without verified TLS",
  severity: "medium",
  why:
    "Queries on foreign tables send the mapped user's password and data to whoever answers at that address. Without a " +
    "verified certificate somebody on the way can be the one who answers.",
  remedy: "Set the option sslmode of the server to verify-full, and give the server's host the root certificate.",
  limits:
    "Servers on the same host or a socket are skipped. Wrappers other than postgres_fdw and dblink are not looked at.",
  references: { manual: ["postgres_fdw", "SSL Support"] },
  sql: SQL,
  found: ({ server, has_mode }) => ({
    fix: {
      kind: "sql",
      sql: [
        `alter server ${ident(server ?? "")} options (${has_mode === "true" ? "set" : "add"} sslmode 'verify-full')`,
      ],
      risk: "medium",
      riskReason: "queries fail until the other server shows a certificate that this host can verify (sslrootcert)",
    },
  }),
});
