/** PRC-002: several applications under one name. */
import { queryCheck } from "../query-check.ts";

/** Three: two names are often one application and its migration or worker. */
const SQL = `
  with client as (
    select a.usename,
           nullif(pg_catalog.regexp_replace(a.application_name, '[-_ ./:#@]*[0-9]+$', ''), '') as application
      from pg_catalog.pg_stat_activity as a
     where a.backend_type = 'client backend'
       and a.usename is not null
       and a.pid <> pg_catalog.pg_backend_pid()
       and a.application_name <> 'pgkeep-audit')
  select pg_catalog.quote_ident(c.usename) as object,
         pg_catalog.count(distinct c.application) || ' applications use it: ' ||
         pg_catalog.string_agg(distinct pg_catalog."left"(c.application, 40), ', ' order by pg_catalog."left"(c.application, 40)) as detail
    from client as c
   group by c.usename
  having pg_catalog.count(distinct c.application) >= 3
   order by 1`;

export default queryCheck({
  id: "PRC-002",
  title: "one login role used by several applications",
  severity: "medium",
  why:
    "When applications share a login, the log cannot tell who did something, each has the rights of all, and a password that " +
    "leaked in one has to be changed in every one.",
  remedy: "Give each application a login of its own, and let the logins share a role with the rights.",
  limits:
    "Goes by application_name, without a number at its end, at this moment. Connections without a name are not told apart, and a " +
    "pooler shows its own name for all behind it.",
  references: { stig: ["unique identification"] },
  scope: "cluster",
  needs: ["pg_read_all_stats"],
  profiles: { dev: "info" },
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "Make a login for each application, member of the role that has the rights, and move them over.",
    },
  }),
});
