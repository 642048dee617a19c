/** PRV-025: grants on every table of a schema that new tables will not have. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

/**
 * Partitions are left out: they are reached through their parents, and rarely have grants. Lists are taken apart once each:
 * most tables of a schema have the same.
 */
const SQL = `
  with lists as (
    select n.oid as schema_oid, n.nspname, c.relowner, c.relacl, pg_catalog.count(*) as tables
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p')
       and not c.relispartition
       and ${isUserSchema()}
       and ${isOutsideExtensions("pg_class", "c.oid")}
     group by n.oid, n.nspname, c.relowner, c.relacl
  ), totals as (
    select t.schema_oid, t.relowner, pg_catalog.sum(t.tables) as tables
      from lists as t
     group by t.schema_oid, t.relowner
  ), held as (
    select t.schema_oid, t.nspname, t.relowner, a.grantee, a.privilege_type, pg_catalog.sum(t.tables) as tables
      from lists as t
     cross join lateral (
       select distinct x.grantee, x.privilege_type from pg_catalog.aclexplode(t.relacl) as x) as a
     where a.grantee not in (0, t.relowner)
     group by t.schema_oid, t.nspname, t.relowner, a.grantee, a.privilege_type
  ), defaults as (
    select distinct d.defaclrole, d.defaclnamespace, a.grantee, a.privilege_type
      from pg_catalog.pg_default_acl as d
     cross join lateral pg_catalog.aclexplode(d.defaclacl) as a
     where d.defaclobjtype = 'r'
  )
  select pg_catalog.quote_ident(h.nspname) || ' / ' || pg_catalog.quote_ident(o.rolname) || ' <- ' ||
         pg_catalog.quote_ident(g.rolname) as object,
         pg_catalog.string_agg(h.privilege_type, ', ' order by h.privilege_type) || ' on all ' || t.tables ||
         ' tables of the owner, and on no new one' as detail,
         h.nspname as schema,
         o.rolname as owner,
         g.rolname as grantee,
         pg_catalog.string_agg(pg_catalog.lower(h.privilege_type), ', ' order by h.privilege_type) as privileges
    from held as h
    join totals as t on t.schema_oid = h.schema_oid and t.relowner = h.relowner and t.tables = h.tables
    join pg_catalog.pg_roles as o on o.oid = h.relowner
    join pg_catalog.pg_roles as g on g.oid = h.grantee
   where t.tables >= 2
     and not exists (
       select from defaults as d
        where d.defaclrole = h.relowner
          and d.defaclnamespace in (0, h.schema_oid)
          and d.grantee in (h.grantee, 0)
          and d.privilege_type = h.privilege_type)
   group by h.nspname, o.rolname, g.rolname, t.tables
   order by 1`;

export default queryCheck({
  id: "PRV-025",
  title: "grants cover every table, and no new one",
  severity: "low",
  why:
    "GRANT ... ON ALL TABLES reaches tables that exist. The next migration adds one that the application cannot use, and " +
    "in the hurry somebody grants too much.",
  remedy: "Set default privileges for the role that creates the tables.",
  limits: "Asked from two tables on. Default privileges count for the creator only: several owners need one each.",
  references: { manual: ["ALTER DEFAULT PRIVILEGES"] },
  sql: SQL,
  found: ({ schema, owner, grantee, privileges }) => ({
    fix: {
      kind: "sql",
      sql: [
        `alter default privileges for role ${ident(owner ?? "")} in schema ${ident(schema ?? "")} ` +
          `grant ${privileges} on tables to ${ident(grantee ?? "")}`,
      ],
      risk: "low",
      riskReason: "tables made later are open to the role, also those that should not be",
    },
  }),
});
