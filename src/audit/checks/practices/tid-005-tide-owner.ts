/** TID-005: the relay's schema belongs to somebody who can log in, or to a superuser. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { requireTide } from "./tide.ts";

const SQL = `
  with owned as (
    select n.nspowner as owner, false as lends from pg_catalog.pg_namespace as n where n.nspname = 'tide'
     union all
    select c.relowner, false
      from pg_catalog.pg_class as c
     where c.relnamespace = pg_catalog.to_regnamespace('tide') and c.relkind in ('r', 'p', 'v', 'm', 'S')
     union all
    select p.proowner, p.prosecdef
      from pg_catalog.pg_proc as p
     where p.pronamespace = pg_catalog.to_regnamespace('tide'))
  select 'role ' || pg_catalog.quote_ident(r.rolname) as object,
         case when r.rolsuper then 'a superuser' else 'a role that can log in' end || ' owns ' || pg_catalog.count(*) ||
         ' objects of schema tide, ' || pg_catalog.count(*) filter (where o.lends) || ' of them functions with its rights' as detail,
         r.rolname as name, r.rolsuper as super
    from owned as o
    join pg_catalog.pg_roles as r on r.oid = o.owner
   where r.rolsuper or r.rolcanlogin
   group by r.oid, r.rolname, r.rolsuper
   order by 1`;

export default queryCheck({
  id: "TID-005",
  title: "schema tide owned by a login or a superuser",
  severity: "medium",
  why:
    "Functions of the schema lend their owner's rights to those who publish and deliver. A superuser's are more than any of them " +
    "should be able to reach, and an owner who logs in can change what the functions do.",
  remedy:
    "Give the objects to a role that nobody logs in as; pgkeep relay install as a superuser makes tide_owner for that.",
  limits: "In a database where no such role can be made, the role that installed owns the schema: accept it then.",
  references: { manual: ["CREATE FUNCTION: Writing SECURITY DEFINER Functions Safely"] },
  precondition: requireTide,
  sql: SQL,
  found: ({ name, super: isSuper }) => ({
    severity: isSuper === "t" ? "high" : "medium",
    fix: {
      kind: "words",
      text: `Make a role without login, and give it schema tide and all that ${ident(name ?? "")} owns there.`,
    },
  }),
});
