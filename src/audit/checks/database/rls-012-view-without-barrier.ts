/** RLS-012: views that hide rows and can be made to tell. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, hasOption, IS_USER_RELATION, RELATION_COLUMNS, relationOf } from "./row-security.ts";
import { isOutsideExtensions } from "./user-objects.ts";

/**
 * The parsed query names CURRENT_USER and its kin (SQLVALUEFUNCTION) or current_setting (functions 2077 and 3294); only
 * such views are written back as text, which costs. Upper case without quotes is a keyword there, never a column.
 */
const SQL = `
  select ${RELATION_COLUMNS},
         'tells its readers'' rows apart and has no security_barrier' as detail
  ${FROM_RELATIONS}
    join pg_catalog.pg_rewrite as w on w.ev_class = c.oid and w.ev_type = '1'
   where c.relkind = 'v'
     and ${IS_USER_RELATION}
     and ${isOutsideExtensions("pg_class", "c.oid")}
     and not ${hasOption("c", "security_barrier")}
     and exists (select from pg_catalog.aclexplode(c.relacl) as a where a.grantee <> c.relowner)
     and case when w.ev_action::pg_catalog.text ~ '\\{SQLVALUEFUNCTION |:funcid (2077|3294) '
              then pg_catalog.pg_get_viewdef(c.oid)
                   ~ '\\mWHERE\\M[^;]*(?<!")\\m((CURRENT_USER|SESSION_USER|CURRENT_ROLE|USER)\\M(?!")|current_setting\\()'
              else false end
   order by 1`;

export default queryCheck({
  id: "RLS-012",
  title: "view filters rows by who reads it, without security_barrier",
  severity: "medium",
  why:
    "The planner may run a reader's own cheap function on rows before the view's condition has sorted them out. A " +
    "function that raises its argument as a notice then shows the hidden rows.",
  remedy: "Set security_barrier on the view.",
  limits:
    "Reported are views whose WHERE names the current or session user or a setting, and which others may use. A view " +
    "with a fixed condition is not taken for a filter between users.",
  references: { manual: ["Rules and Privileges"] },
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`alter view ${relationOf(row)} set (security_barrier = true)`],
      risk: "low",
      riskReason: "conditions of queries are applied after the view's own, which can cost an index",
    },
  }),
});
