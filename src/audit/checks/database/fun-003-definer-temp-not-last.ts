/** FUN-003: SECURITY DEFINER routines that find the caller's temporary objects first. */
import { queryCheck } from "../query-check.ts";
import { fixedPath, IS_DEFINER, PATH_SCHEMAS, ROUTINE_COLUMNS } from "./routines.ts";

const SQL = `
  select ${ROUTINE_COLUMNS},
         'pg_temp is not the last schema of its search_path' as detail,
         pg_catalog.to_json(e.schemas) as path_schemas
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
   cross join lateral (select ${PATH_SCHEMAS} as schemas) as e
   where ${IS_DEFINER}
     and e.schemas[pg_catalog.cardinality(e.schemas)] <> 'pg_temp'
   order by 1`;

export default queryCheck({
  id: "FUN-003",
  title: "SECURITY DEFINER routine whose search_path does not end in pg_temp",
  severity: "low",
  why:
    "A path that does not name pg_temp has it in front, for tables and types. A caller's temporary table then hides the " +
    "one that the routine means.",
  remedy: "Write pg_temp as the last schema of the routine's search_path.",
  limits: "An empty path is accepted: such a routine has to qualify every name anyhow.",
  references: { manual: ["Writing SECURITY DEFINER Functions Safely"] },
  sql: SQL,
  found: (row) => ({ fix: fixedPath(row, "temporary tables that the routine finds by bare names come last then") }),
});
