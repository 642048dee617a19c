/** FUN-008: functions that claim to tell nothing about their arguments. */
import { queryCheck } from "../query-check.ts";
import { IS_USER_ROUTINE, ROUTINE_COLUMNS, routineOf } from "./routines.ts";

const SQL = `
  select ${ROUTINE_COLUMNS},
         'LEAKPROOF' as detail
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
   where p.proleakproof
     and ${IS_USER_ROUTINE}
   order by 1`;

export default queryCheck({
  id: "FUN-008",
  title: "function declared LEAKPROOF by hand",
  severity: "medium",
  why:
    "The planner runs leakproof functions on rows before row security and barrier views have sorted them out. One error " +
    "message or side effect with an argument in it shows rows that the caller may not see.",
  remedy: "Declare the function NOT LEAKPROOF unless somebody proved that it cannot fail or tell.",
  references: { manual: ["Rules and Privileges", "CREATE FUNCTION"] },
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`alter function ${routineOf(row)} not leakproof`],
      risk: "low",
      riskReason: "queries on protected tables may no longer use an index through this function",
    },
  }),
});
