/** PRV-023: triggers that run a function of somebody with less to say than the table's owner. */
import { ident, qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import type { Fix } from "../../fix.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

/** Triggers of partitions are the parent's (tgparentid), and foreign keys bring their own (tgisinternal). */
const SQL = `
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || ' / ' ||
         pg_catalog.quote_ident(t.tgname) as object,
         'runs ' || p.oid::pg_catalog.regprocedure::pg_catalog.text || ', owned by ' ||
         pg_catalog.quote_ident(f.rolname) || '; the table belongs to ' || pg_catalog.quote_ident(o.rolname) as detail,
         s.nspname as schema,
         p.proname as name,
         o.rolname as owner,
         pg_catalog.min(o.rolname::pg_catalog.text) over same <>
         pg_catalog.max(o.rolname::pg_catalog.text) over same as is_shared
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_class as c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace as s on s.oid = p.pronamespace
    join pg_catalog.pg_roles as f on f.oid = p.proowner
    join pg_catalog.pg_roles as o on o.oid = c.relowner
   where not t.tgisinternal
     and t.tgparentid = 0
     and t.tgenabled <> 'D'
     and p.proowner <> c.relowner
     and not f.rolsuper
     and ${isUserSchema()}
     and ${notOfProvider("f.rolname")}
     and ${isOutsideExtensions("pg_proc", "p.oid")}
     and not pg_catalog.pg_has_role(p.proowner, c.relowner, 'MEMBER')
  window same as (partition by p.oid)
   order by 1`;

export default queryCheck({
  id: "PRV-023",
  title: "trigger runs a function of a lesser role than the table's owner",
  severity: "high",
  why:
    "A trigger runs with the rights of whoever writes to the table. The function's owner can replace its body, and then " +
    "gets at whatever the writers get at, a superuser's repair job included.",
  remedy: "Read the body, then give the function to the owner of the table.",
  limits:
    "Functions of extensions and of superusers, of members of the table's owner, and disabled triggers are left out.",
  references: { manual: ["Triggers"] },
  sql: SQL,
  found: (row) => ({ fix: handOver(row) }),
});

function handOver({ schema, name, owner, is_shared: isShared }: TextRow): Fix {
  if (isShared === "t") {
    return {
      kind: "words",
      text: "tables of several owners use the function: choose one owner for it, after reading its body",
    };
  }
  return {
    kind: "sql",
    sql: [`alter function ${qualified(schema ?? "", name ?? "")}() owner to ${ident(owner ?? "")}`],
    risk: "medium",
    riskReason: "read the body first; where it is SECURITY DEFINER it then runs with the new owner's rights",
  };
}
