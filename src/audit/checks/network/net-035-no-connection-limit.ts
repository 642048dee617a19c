/** NET-035: one role can take all connections. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select r.rolname as object, 'no connection limit' as detail
    from pg_catalog.pg_roles as r
   where r.rolcanlogin
     and not r.rolsuper
     and r.rolname !~ '^pg_'
     and r.rolconnlimit = -1
   order by 1`;

export default queryCheck({
  id: "NET-035",
  title: "login roles without a connection limit",
  severity: "low",
  why:
    "One application that leaks connections, or one stolen credential, takes every slot of the server and keeps all other " +
    "applications out.",
  remedy: "Give each login role a limit: what its pool needs, and a few more.",
  limits: "Superusers have no limit that would hold them.",
  references: { cis: ["5.5"], manual: ["CREATE ROLE"] },
  scope: "cluster",
  sql: SQL,
  found: () => ({ fix: { kind: "words", text: "alter role ... connection limit N, N above what its pool opens." } }),
});
