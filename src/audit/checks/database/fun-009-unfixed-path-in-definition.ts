/** FUN-009: functions that definitions depend on and that look names up along the session's path. */
import { queryCheck } from "../query-check.ts";
import { fixedPath, HAS_SEARCH_PATH, IS_USER_ROUTINE, ROUTINE_COLUMNS } from "./routines.ts";

const SQL = `
  select ${ROUTINE_COLUMNS},
         'used by ' || u.users || ' and sets no search_path of its own' as detail,
         pg_catalog.json_build_array('pg_catalog', n.nspname) as path_schemas
    from (
      select d.refobjid as oid,
             pg_catalog.string_agg(distinct case d.classid
               when 'pg_catalog.pg_constraint'::pg_catalog.regclass then 'a constraint'
               when 'pg_catalog.pg_policy'::pg_catalog.regclass then 'a policy'
               when 'pg_catalog.pg_attrdef'::pg_catalog.regclass then 'a default or generated column'
               else 'an index' end, ', ') as users
        from pg_catalog.pg_depend as d
        left join pg_catalog.pg_class as k
          on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and k.oid = d.objid
       where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
         and (d.classid in ('pg_catalog.pg_constraint'::pg_catalog.regclass,
                            'pg_catalog.pg_policy'::pg_catalog.regclass,
                            'pg_catalog.pg_attrdef'::pg_catalog.regclass)
              or k.relkind in ('i', 'I'))
       group by d.refobjid
    ) as u
    join pg_catalog.pg_proc as p on p.oid = u.oid
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
   where l.lanname not in ('c', 'internal')
     and not p.prosecdef
     and p.prosqlbody is null
     and not ${HAS_SEARCH_PATH}
     and ${IS_USER_ROUTINE}
   order by 1`;

export default queryCheck({
  id: "FUN-009",
  title: "function in an index, constraint, default or policy without a search_path of its own",
  severity: "low",
  why:
    "Such a function runs in sessions that nobody planned for: maintenance, restore, another user's query. With another " +
    "path it finds other objects or none, and an index or a policy then means something else; a dump may not restore.",
  remedy: "Give the function a fixed search_path, or write its body in the form BEGIN ATOMIC.",
  limits: "Functions in C and those with a parsed body are left out: both resolve names once.",
  references: {
    manual: ["CREATE FUNCTION"],
    other: ["Release notes of PostgreSQL 17: maintenance with a safe search_path"],
  },
  sql: SQL,
  found: (row) => ({
    fix: fixedPath(row, "a function in SQL with settings of its own is no longer inlined, which can slow queries down"),
  }),
});
