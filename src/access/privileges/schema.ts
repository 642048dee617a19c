/** Schemas: USAGE is the condition for reaching anything in them, CREATE is the right to add to them. */
import { ident } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, schemasWanted, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "schema",
  summary: "Schemas",
  keyword: "SCHEMA",
  ownerKeyword: () => "SCHEMA",
  privileges: ["usage", "create"],
  publicByDefault: [],
  defaults: { on: "schemas", keyword: "SCHEMAS", objectType: "n", inSchema: false },
  shared: false,
  extensionCatalog: "pg_namespace",
  inspect: ({ includeSystem }) => `
    select n.oid, n.nspname as name, pg_catalog.pg_get_userbyid(n.nspowner) as owner, n.nspacl::pg_catalog.text as acl
      from pg_catalog.pg_namespace as n
     where ${schemasWanted(includeSystem)}
     order by n.nspname`,
  read: (row, acl) => ({
    kind: "schema",
    schema: undefined,
    name: text(row, "name"),
    sql: ident(text(row, "name")),
    ...common(row, acl),
  }),
});
