/** PRV-024: partitions and child tables that belong to another role than their parent. */
import { ident, qualified } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { isUserSchema } from "./user-objects.ts";

const SQL = `
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as object,
         'owned by ' || pg_catalog.quote_ident(o.rolname) || ', parent ' ||
         pg_catalog.string_agg(pg_catalog.quote_ident(pn.nspname) || '.' || pg_catalog.quote_ident(pc.relname) ||
           ' by ' || pg_catalog.quote_ident(po.rolname), ', ' order by i.inhseqno) as detail,
         n.nspname as schema,
         c.relname as name,
         pg_catalog.max(po.rolname::pg_catalog.text) as owner,
         pg_catalog.count(distinct pc.relowner) as owners
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_roles as o on o.oid = c.relowner
    join pg_catalog.pg_class as pc on pc.oid = i.inhparent
    join pg_catalog.pg_namespace as pn on pn.oid = pc.relnamespace
    join pg_catalog.pg_roles as po on po.oid = pc.relowner
   where c.relkind in ('r', 'p', 'f')
     and c.relowner <> pc.relowner
     and ${isUserSchema()}
   group by n.nspname, c.relname, o.rolname
   order by 1`;

export default queryCheck({
  id: "PRV-024",
  title: "partition belongs to another role than its parent",
  severity: "medium",
  why:
    "Queries on the parent read and write the child under the parent's privileges, while the child's owner reads it, alters " +
    "it and hangs triggers on it. ALTER TABLE ... OWNER TO on the parent leaves children as they are.",
  remedy: "Give every child to the owner of its parent.",
  references: { manual: ["ALTER TABLE", "Table Partitioning"] },
  sql: SQL,
  found: ({ schema, name, owner, owners }) => ({
    fix:
      owners === "1"
        ? {
            kind: "sql",
            sql: [`alter table ${qualified(schema ?? "", name ?? "")} owner to ${ident(owner ?? "")}`],
            risk: "medium",
            riskReason: "the old owner loses what it did with the child directly",
          }
        : { kind: "words", text: "its parents have several owners: choose one for all, then ALTER TABLE ... OWNER TO" },
  }),
});
