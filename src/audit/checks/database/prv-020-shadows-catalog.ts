/**
 * PRV-020: objects that can be taken for one of pg_catalog.
 *
 * pg_catalog is searched first, unless a path names it later. But a function or operator of the same name whose arguments
 * fit better wins wherever it stands, and the same name and arguments serve whoever gets the path wrong.
 */
import { queryCheck } from "../query-check.ts";
import { isOutsideExtensions, isOutsideRelay, isUserSchema } from "./user-objects.ts";

const SQL = `
  select p.oid::pg_catalog.regprocedure::pg_catalog.text as object,
         'same name and arguments as a function of pg_catalog' as detail
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_proc as s
      on s.proname = p.proname
     and s.proargtypes = p.proargtypes
     and s.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
   where ${isUserSchema()}
     and not (p.proname = 'version' and not ${isOutsideRelay()})
     and ${isOutsideExtensions("pg_proc", "p.oid")}
   union all
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
         'same name as a relation of pg_catalog'
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_class as s
      on s.relname = c.relname
     and s.relnamespace = 'pg_catalog'::pg_catalog.regnamespace
     and s.relkind in ('r', 'v')
   where c.relkind in ('r', 'v', 'm', 'f', 'p')
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_class", "c.oid")}
   union all
  select 'operator ' || pg_catalog.quote_ident(n.nspname) || '.' || o.oprname || ' (' ||
         case when o.oprleft = 0 then 'NONE' else pg_catalog.format_type(o.oprleft, null) end || ', ' ||
         pg_catalog.format_type(o.oprright, null) || ')',
         'operator with a name of pg_catalog, outside any extension'
    from pg_catalog.pg_operator as o
    join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
   where exists (
           select from pg_catalog.pg_operator as s
            where s.oprname = o.oprname and s.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace)
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_operator", "o.oid")}
   order by 1`;

export default queryCheck({
  id: "PRV-020",
  title: "object can be taken for one of pg_catalog",
  severity: "high",
  why:
    "A statement that says count(x) or a = b without a schema can end in somebody else's function: where pg_catalog comes " +
    "late in the path, or where the arguments fit theirs better. It runs with the rights of whoever sent the statement.",
  remedy: "Find out who made it and why, then rename or drop it.",
  limits: "Members of extensions are left out, and so are functions that share the name alone.",
  references: { other: ["CVE-2018-1058"], manual: ["Writing SECURITY DEFINER Functions Safely"] },
  sql: SQL,
  found: () => ({ fix: { kind: "words", text: "look at its definition and its owner, then rename or drop it" } }),
});
