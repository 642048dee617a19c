/** FUN-007: routines in languages that act as the server's account. */
import { queryCheck } from "../query-check.ts";
import { IS_USER_ROUTINE, ROUTINE_COLUMNS, routineOf } from "./routines.ts";

const SQL = `
  select ${ROUTINE_COLUMNS},
         'written in ' || pg_catalog.quote_ident(l.lanname) || ', owned by '
         || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.proowner)) as detail
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
   where not l.lanpltrusted
     and l.lanname not in ('internal', 'c')
     and ${IS_USER_ROUTINE}
   order by 1`;

export default queryCheck({
  id: "FUN-007",
  title: "routine in an untrusted language",
  severity: "medium",
  why:
    "Code in such a language reads files, opens connections and starts programs as the server's account, whoever calls " +
    "it. Permissions of the database do not hold it.",
  remedy: "Move the work out of the server or into an extension that is versioned and reviewed; then drop the routine.",
  limits: "Routines in C have a check of their own, FUN-011. Members of extensions are not reported.",
  references: { manual: ["Installing Procedural Languages"], stig: ["external executables"] },
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`drop routine ${routineOf(row)}`],
      risk: "high",
      riskReason: "what calls the routine stops working; keep its definition first",
    },
  }),
});
