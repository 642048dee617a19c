/** NET-039: a superuser is logged in from another machine at this moment. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select a.usename::text as object,
         pg_catalog.string_agg(distinct pg_catalog.host(a.client_addr), ', '
                               order by pg_catalog.host(a.client_addr)) as detail
    from pg_catalog.pg_stat_activity as a
    join pg_catalog.pg_roles as r on r.oid = a.usesysid
   where r.rolsuper
     and a.client_addr is not null
     and not (a.client_addr <<= inet '127.0.0.0/8' or a.client_addr = inet '::1')
   group by 1
   order by 1`;

export default queryCheck({
  id: "NET-039",
  title: "a superuser session from the network",
  severity: "high",
  why:
    "The credential of a superuser is in use, and stored, on another machine. Whoever takes over that machine, or the " +
    "session, has the server.",
  remedy: "Administer from the server's own machine, and reject superusers from the network (NET-011).",
  limits: "Only this moment is seen. A tunnel that ends on the server's machine counts as local.",
  references: { cis: ["4.3"], manual: ["The Cumulative Statistics System: pg_stat_activity"] },
  scope: "cluster",
  needs: ["pg_read_all_stats"],
  sql: SQL,
  found: () => ({ fix: { kind: "words", text: "End the session, and use a role that is no superuser from there." } }),
});
