/**
 * Types and domains: who may use them in definitions of their own.
 *
 * Array types, multiranges and the row types of tables are left out: their lists are those of the type or table that
 * they came with.
 */
import { qualified } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, schemasWanted, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "type",
  summary: "Types and domains",
  keyword: "TYPE",
  ownerKeyword: ({ subkind }) => (subkind === "domain" ? "DOMAIN" : "TYPE"),
  privileges: ["usage"],
  publicByDefault: ["usage"],
  defaults: { on: "types", keyword: "TYPES", objectType: "T", inSchema: true },
  shared: false,
  extensionCatalog: "pg_type",
  inspect: ({ includeSystem }) => `
    select t.oid, n.nspname as schema, t.typname as name, pg_catalog.pg_get_userbyid(t.typowner) as owner,
           t.typacl::pg_catalog.text as acl, t.typtype as form
      from pg_catalog.pg_type as t
      join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
      left join pg_catalog.pg_class as c on c.oid = t.typrelid
     where t.typtype <> 'm' and (c.oid is null or c.relkind = 'c') and ${schemasWanted(includeSystem)}
       and not (t.typelem <> 0 and t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc)
     order by n.nspname, t.typname`,
  read: (row, acl) => ({
    kind: "type",
    subkind: row.form === "d" ? "domain" : "type",
    schema: text(row, "schema"),
    name: text(row, "name"),
    sql: qualified(text(row, "schema"), text(row, "name")),
    ...common(row, acl),
  }),
});
