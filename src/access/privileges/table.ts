/**
 * Tables and everything that GRANT ... ON TABLE covers: partitioned and foreign tables, views, materialized views.
 *
 * Columns come with a query of their own (catalog/queries.ts), because few have a list.
 */
import { qualified } from "../../pg/identifiers.ts";
import type { TextRow } from "../../pg/session.ts";
import type { CatalogObject, ObjectSubkind } from "./catalog-object.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, schemasWanted, text } from "./rows.ts";

const SUBKINDS: Readonly<Record<string, ObjectSubkind>> = {
  r: "table",
  p: "partitioned table",
  v: "view",
  m: "materialized view",
  f: "foreign table",
};

const OWNER_KEYWORDS: Readonly<Record<string, string>> = {
  view: "VIEW",
  "materialized view": "MATERIALIZED VIEW",
  "foreign table": "FOREIGN TABLE",
};

export default definePrivilegeKind({
  name: "table",
  summary: "Tables, views, materialized views, foreign and partitioned tables",
  keyword: "TABLE",
  ownerKeyword: ({ subkind }) => OWNER_KEYWORDS[subkind ?? ""] ?? "TABLE",
  privileges: ["insert", "select", "update", "delete", "truncate", "references", "trigger", "maintain"],
  publicByDefault: [],
  defaults: { on: "tables", keyword: "TABLES", objectType: "r", inSchema: true },
  allInSchema: "ALL TABLES",
  shared: false,
  extensionCatalog: "pg_class",
  inspect: ({ includeSystem }) => `
    select c.oid, n.nspname as schema, c.relname as name, pg_catalog.pg_get_userbyid(c.relowner) as owner,
           c.relacl::pg_catalog.text as acl, c.relkind as form,
           nullif(c.relrowsecurity::pg_catalog.int4 + 2 * c.relforcerowsecurity::pg_catalog.int4, 0) as rls,
           case when c.relkind = 'v' and c.reloptions is not null
                then (select pg_catalog.bool_or(pg_catalog.substr(o.option, 18)::pg_catalog.bool)
                        from pg_catalog.unnest(c.reloptions) as o (option)
                       where o.option like 'security\\_invoker=%')
           end as invoker,
           i.inhparent as parent, c.relispartition as partition
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      left join pg_catalog.pg_inherits as i on i.inhrelid = c.oid and i.inhseqno = 1
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and ${schemasWanted(includeSystem)}
     order by n.nspname, c.relname`,
  read: (row, acl) => ({
    kind: "table",
    subkind: SUBKINDS[text(row, "form")],
    schema: text(row, "schema"),
    name: text(row, "name"),
    sql: qualified(text(row, "schema"), text(row, "name")),
    ...common(row, acl),
    rowSecurity: rowSecurityOf(Number(row.rls ?? 0)),
    ...(row.invoker === "t" ? { securityInvoker: true } : {}),
    ...parentOf(row),
  }),
});

/** The four cases are shared, because most tables have the first. */
const ROW_SECURITY = [0, 1, 2, 3].map((bits) => ({ enabled: (bits & 1) !== 0, forced: (bits & 2) !== 0 }));

function rowSecurityOf(bits: number): { enabled: boolean; forced: boolean } | undefined {
  return ROW_SECURITY[bits];
}

function parentOf(row: TextRow): Pick<CatalogObject, "parent"> {
  if (row.parent === null || row.parent === undefined) return {};
  return { parent: { oid: Number(row.parent), relation: row.partition === "t" ? "partition" : "inheritance" } };
}
