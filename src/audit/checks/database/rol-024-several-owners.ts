/** ROL-024: schemas whose tables belong to several roles. */
import { queryCheck } from "../query-check.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const SQL = `
  select pg_catalog.quote_ident(n.nspname) as object,
         'tables owned by ' || pg_catalog.string_agg(distinct pg_catalog.quote_ident(r.rolname), ', ') as detail
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_roles as r on r.oid = c.relowner
   where c.relkind in ('r', 'p')
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_class", "c.oid")}
   group by n.nspname
  having pg_catalog.count(distinct c.relowner) > 1
   order by 1`;

export default queryCheck({
  id: "ROL-024",
  title: "tables of one schema have several owners",
  severity: "low",
  why:
    "Default privileges belong to the role that creates a table: with several creators each needs its own, and one is " +
    "forgotten. Migrations fail on the tables of the other owner.",
  remedy: "Choose one owner for the schema and hand the other tables over.",
  references: { manual: ["ALTER DEFAULT PRIVILEGES"] },
  sql: SQL,
  found: () => ({ fix: { kind: "words", text: "choose one owner, then ALTER TABLE ... OWNER TO it for the others" } }),
});
