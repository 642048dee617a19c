/** FUN-002: SECURITY DEFINER routines that look names up where others can put objects. */
import { queryCheck } from "../query-check.ts";
import { fixedPath, IS_DEFINER, PATH_SCHEMAS, ROUTINE_COLUMNS, SCHEMA_MAKERS } from "./routines.ts";

/**
 * Open to others: a schema in which somebody else may create, "$user", and a name that no schema has yet while somebody
 * else may create schemas.
 */
const SQL = `
  with makers as materialized (${SCHEMA_MAKERS}),
  schema_makers as materialized (
    select coalesce(r.oid, 0) as role
      from pg_catalog.pg_database as d
     cross join lateral pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) as a
      left join pg_catalog.pg_roles as r on r.oid = a.grantee
     where d.datname = pg_catalog.current_database()
       and a.privilege_type = 'CREATE'
       and r.rolsuper is not true
  ),
  definers as materialized (
    select p.oid, ${PATH_SCHEMAS} as schemas
      from pg_catalog.pg_proc as p
      join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
     where ${IS_DEFINER}
  ),
  open as (
    select f.oid,
           pg_catalog.string_agg(pg_catalog.quote_ident(e.schema), ', ' order by e.place) as schemas,
           pg_catalog.array_agg(e.schema) as list
      from definers as f
      join pg_catalog.pg_proc as p on p.oid = f.oid
     cross join lateral pg_catalog.unnest(f.schemas) with ordinality as e (schema, place)
      left join pg_catalog.pg_namespace as s on s.nspname = e.schema
     where e.schema = '$user'
        or exists (select from makers as m where m.schema = s.oid and m.role <> p.proowner)
        or (s.oid is null
            and e.schema <> 'pg_temp'
            and exists (select from schema_makers as m where m.role <> p.proowner))
     group by f.oid
  )
  select ${ROUTINE_COLUMNS},
         'its search_path holds what others can fill: ' || w.schemas as detail,
         (select coalesce(pg_catalog.json_agg(e.schema order by e.place), '[]')
            from pg_catalog.unnest(f.schemas) with ordinality as e (schema, place)
           where not e.schema = any (w.list)) as path_schemas
    from open as w
    join definers as f on f.oid = w.oid
    join pg_catalog.pg_proc as p on p.oid = w.oid
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
   order by 1`;

export default queryCheck({
  id: "FUN-002",
  title: "SECURITY DEFINER routine searches a schema that others can write to",
  severity: "high",
  why:
    "Whoever may create objects in a schema of the path puts a better match for a name there, and the routine uses it " +
    "with its owner's rights. A fixed search_path protects only when every schema on it is closed.",
  remedy: "Take the schema out of the routine's path, or CREATE on the schema away from everybody but the owner.",
  limits:
    "Superusers and the routine's owner are not others. pg_database_owner stands for the owner of the database. Members " +
    "of the role that owns a schema are not followed.",
  references: { manual: ["Writing SECURITY DEFINER Functions Safely"], other: ["pgspot PS004", "CVE-2018-1058"] },
  sql: SQL,
  found: (row) => ({
    fix: fixedPath(row, "names in the schemas that leave the path have to be qualified in the routine's body first"),
  }),
});
