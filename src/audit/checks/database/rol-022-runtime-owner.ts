/** ROL-022: applications that run as the owner of their tables. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const SQL = `
  with owned as (
    select c.relowner, pg_catalog.count(*) as relations
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      join pg_catalog.pg_roles as r on r.oid = c.relowner
     where c.relkind in ('r', 'p', 'v', 'm', 'f')
       and r.rolcanlogin
       and not r.rolsuper
       and r.rolname !~ '^pg_'
       and ${isUserSchema()}
       and ${isOutsideExtensions("pg_class", "c.oid")}
       and ${notOfProvider("r.rolname")}
     group by c.relowner
  ), shared as (
    select distinct c.relowner
      from pg_catalog.pg_class as c
     cross join lateral pg_catalog.aclexplode(c.relacl) as a
      join pg_catalog.pg_roles as g on g.oid = a.grantee and not g.rolsuper
     where c.relkind in ('r', 'p', 'v', 'm', 'f')
       and a.grantee <> c.relowner
       and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  )
  select pg_catalog.quote_ident(r.rolname) as object,
         'can log in, owns ' || o.relations || ' table' || case when o.relations = 1 then '' else 's' end ||
         ' or views, and nobody else may use them' as detail
    from owned as o
    join pg_catalog.pg_roles as r on r.oid = o.relowner
   where not exists (select from shared as s where s.relowner = o.relowner)
   order by 1`;

export default queryCheck({
  id: "ROL-022",
  title: "application runs as the owner of its tables",
  severity: "high",
  profiles: { dev: "medium" },
  why:
    "An owner drops and alters its tables, takes off row level security and grants them away. When the application logs " +
    "in as the owner, one hole in it does the same; a role with SELECT, INSERT, UPDATE and DELETE could not.",
  remedy: "Let a role own the tables that only migrations use, and give the application a second one.",
  limits:
    "That nobody else has privileges is the sign, PUBLIC and superusers not counted. An application that works through " +
    "functions alone looks the same.",
  references: { other: ["least privilege"] },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "pgkeep access init makes a model with an owner, a migrator and an application role" },
  }),
});
