/** TLS-012: subscriptions that take changes from a server that they do not verify. */
import { Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import { queryCheck } from "../query-check.ts";

const MAY_READ = `
  select pg_catalog.has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'SELECT') as may`;

/** The connection string never leaves the server: only its mode does, and whether it goes to another host. */
const SQL = String.raw`
  with own as (
    select s.subname,
           ' ' || pg_catalog.regexp_replace(s.subconninfo, $re$password\s*=\s*('([^'\\]|\\.)*'|[^\s&]*)$re$, '', 'gi') as conninfo
      from pg_catalog.pg_subscription as s
      join pg_catalog.pg_database as d on d.oid = s.subdbid
     where d.datname = pg_catalog.current_database()
  ), read as (
    select o.subname,
           substring(o.conninfo from $re$.*[\s?&]sslmode\s*=\s*'?([a-z-]+)$re$) as sslmode,
           coalesce(
             substring(o.conninfo from $re$[\s?&]host(?:addr)?\s*=\s*'?([^\s'&]+)$re$),
             substring(o.conninfo from $re$://(?:[^@/]*@)?([^/?]+)$re$)
           ) as host
      from own as o
  )
  select pg_catalog.quote_ident(r.subname) as object,
         case when r.sslmode is null then 'no sslmode, which means prefer' else 'sslmode=' || r.sslmode end as detail
    from read as r
   where coalesce(r.sslmode not in ('verify-ca', 'verify-full'), true)
     and r.host is not null
     and r.host !~* '^(/|@|%2f|localhost(:|,|$)|127[.]|::1$|\[::1\])'
   order by 1`;

export default queryCheck({
  id: "TLS-012",
  title: "subscription without verified TLS",
  severity: "medium",
  why:
    "The subscription hands its password to whoever answers at that address, and applies whatever rows that one sends. " +
    "Without a verified certificate that can be somebody on the way.",
  remedy: "Add sslmode=verify-full and sslrootcert to the connection string of the subscription.",
  limits: "Subscriptions to the same host are skipped. The connection string itself is never read out.",
  references: { manual: ["Logical Replication: Security"] },
  precondition: mayRead,
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "Run ALTER SUBSCRIPTION ... CONNECTION with the same connection string and sslmode=verify-full sslrootcert=... added.",
    },
  }),
});

async function mayRead(facts: Facts): Promise<void> {
  const [row] = await facts.query(MAY_READ);
  if (row?.may !== "t") throw new Unanswered("pg_subscription.subconninfo may not be read", "superuser");
}
