/** ROL-023: tables that belong to a superuser. */
import { ident, qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import type { Fix } from "../../fix.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const SQL = `
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as object,
         'owned by superuser ' || pg_catalog.quote_ident(r.rolname) as detail,
         n.nspname as schema,
         c.relname as name,
         case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind,
         s.rolname as schema_owner
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_roles as r on r.oid = c.relowner
    left join pg_catalog.pg_roles as s on s.oid = n.nspowner and not s.rolsuper and s.rolname !~ '^pg_'
   where r.rolsuper
     and c.relkind in ('r', 'p', 'v', 'm')
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_class", "c.oid")}
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-023",
  title: "table belongs to a superuser",
  severity: "medium",
  why:
    "Migrations of such a table have to run as superuser, and a view or trigger on it works with a superuser's rights. " +
    "Default privileges of the application's owner do not cover it either.",
  remedy: "Give each object to the application's owner. REASSIGN OWNED would also take what is the server's own.",
  limits: "Members of extensions are left out.",
  references: { manual: ["ALTER TABLE"] },
  sql: SQL,
  found: (row) => ({ fix: handOver(row) }),
});

/** The owner of the schema is the one to get it; where that is a superuser as well, somebody has to say who. */
function handOver({ schema, name, kind, schema_owner: owner }: TextRow): Fix {
  if (!owner)
    return { kind: "words", text: "decide who owns the application's objects, then ALTER ... OWNER TO that role" };
  return {
    kind: "sql",
    sql: [`alter ${kind} ${qualified(schema ?? "", name ?? "")} owner to ${ident(owner)}`],
    risk: "medium",
    riskReason: "a view reads with its owner's rights, and jobs that run as the old owner may lose access",
  };
}
