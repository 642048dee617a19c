/** FUN-001: SECURITY DEFINER routines whose caller chooses where names are looked up. */
import { queryCheck } from "../query-check.ts";
import { fixedPath, HAS_SEARCH_PATH, IS_DEFINER, ROUTINE_COLUMNS, SCHEMA_MAKERS } from "./routines.ts";

/** The proposed path leaves out the routine's schema when others may put objects there. */
const SQL = `
  with makers as materialized (${SCHEMA_MAKERS})
  select ${ROUTINE_COLUMNS},
         'runs as ' || pg_catalog.quote_ident(o.rolname) || ' and sets no search_path of its own' as detail,
         case when exists (select from makers as m where m.schema = n.oid and m.role <> p.proowner)
              then pg_catalog.json_build_array('pg_catalog')
              else pg_catalog.json_build_array('pg_catalog', n.nspname) end as path_schemas
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_roles as o on o.oid = p.proowner
   where ${IS_DEFINER}
     and not ${HAS_SEARCH_PATH}
   order by 1`;

export default queryCheck({
  id: "FUN-001",
  title: "SECURITY DEFINER routine without a search_path of its own",
  severity: "high",
  why:
    "The routine works with its owner's rights but looks names up along the path of whoever calls it. A caller who puts " +
    "a table or an operator of the same name into a schema of his own has it run as the owner.",
  remedy: "Give the routine a fixed search_path: pg_catalog, the schemas it needs, and pg_temp last.",
  limits: "Members of extensions are not reported: their scripts decide, and an update would undo a change.",
  references: {
    cis: ["4.5"],
    manual: ["Writing SECURITY DEFINER Functions Safely"],
    other: ["pgspot PS003", "splinter 0011", "CVE-2018-1058"],
  },
  sql: SQL,
  found: (row) => ({
    fix: fixedPath(row, "names in schemas outside this path have to be qualified in the routine's body first"),
  }),
});
