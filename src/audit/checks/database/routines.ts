/**
 * Functions and procedures that people made: the SQL that finds them, and their names in statements.
 *
 * Queries use the aliases `p` for pg_proc and `n` for its schema. A routine's signature is returned as names of its
 * argument types, so that no printed text becomes part of a statement.
 */
import { ident, qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import type { SqlFix } from "../../fix.ts";
import { textRowsOf, textsOf } from "./json-texts.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

/** Columns by which `routineOf` names it; `object` is its printed name. */
export const ROUTINE_COLUMNS = `
         p.oid::pg_catalog.regprocedure::pg_catalog.text as object,
         n.nspname as schema,
         p.proname as name,
         (select pg_catalog.json_agg(pg_catalog.json_build_array(tn.nspname, t.typname) order by a.place)
            from pg_catalog.unnest(p.proargtypes) with ordinality as a (type, place)
            join pg_catalog.pg_type as t on t.oid = a.type
            join pg_catalog.pg_namespace as tn on tn.oid = t.typnamespace) as arguments`;

/** Outside the server's schemas and outside extensions. */
export const IS_USER_ROUTINE = `${isUserSchema()}
     and ${isOutsideExtensions("pg_proc", "p.oid")}`;

/** Routines that run with their owner's rights. */
export const IS_DEFINER = `p.prosecdef
     and ${IS_USER_ROUTINE}`;

/** Only the trigger machinery calls these; no EXECUTE is asked for then. */
export const IS_CALLABLE = `p.prorettype not in ('pg_catalog.trigger'::pg_catalog.regtype,
                              'pg_catalog.event_trigger'::pg_catalog.regtype)`;

/** The routine has a search_path of its own. */
export const HAS_SEARCH_PATH = `exists (
         select from pg_catalog.unnest(p.proconfig) as c (entry) where c.entry like 'search_path=%')`;

/** Schemas of the routine's own search_path in order, unquoted, as text[]; NULL without one and for an empty one. */
export const PATH_SCHEMAS = `(
         select pg_catalog.array_agg(
                  coalesce(pg_catalog.replace(e.part[1], '""', '"'), pg_catalog.lower(e.part[2])) order by e.place)
           from pg_catalog.unnest(p.proconfig) as c (entry)
          cross join lateral pg_catalog.regexp_matches(
                  pg_catalog.substr(c.entry, 13), '"((?:[^"]|"")+)"|([^",\\s]+)', 'g') with ordinality as e (part, place)
          where c.entry like 'search_path=%')`;

/**
 * Rows (schema, role): who besides superusers may create objects in a schema, PUBLIC as 0. The schema's owner counts;
 * pg_database_owner stands for the database's owner.
 */
export const SCHEMA_MAKERS = `
  select made.schema, made.role
    from (
      select s.oid as schema, a.grantee as role
        from pg_catalog.pg_namespace as s
       cross join lateral pg_catalog.aclexplode(s.nspacl) as a
       where a.privilege_type = 'CREATE'
       union
      select s.oid, s.nspowner
        from pg_catalog.pg_namespace as s
    ) as granted
   cross join lateral (
      select granted.schema,
             case when granted.role = 6171
                  then (select d.datdba from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
                  else granted.role end as role
    ) as made
    left join pg_catalog.pg_roles as r on r.oid = made.role
   where r.rolsuper is not true`;

/** The routine in a statement: `"app"."f"(in "pg_catalog"."int4")`. */
export function routineOf({ schema, name, arguments: argumentsJson }: TextRow): string {
  // "in" tells a procedure's arguments from its results; without it a name could mean two procedures.
  const types = textRowsOf(argumentsJson).map(([owner = "", type = ""]) => `in ${qualified(owner, type)}`);
  return `${qualified(schema ?? "", name ?? "")}(${types.join(", ")})`;
}

/** `row.path_schemas` (JSON) as the routine's own search_path, with pg_temp at its end and nowhere else. */
export function fixedPath(row: TextRow, riskReason: string): SqlFix {
  const schemas = textsOf(row.path_schemas).filter((schema) => schema !== "pg_temp");
  const path = [...schemas, "pg_temp"].map(ident).join(", ");
  return {
    kind: "sql",
    sql: [`alter routine ${routineOf(row)} set search_path = ${path}`],
    risk: "medium",
    riskReason,
  };
}
