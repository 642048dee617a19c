/** Foreign-data wrappers: USAGE allows to make servers with one. Their owners must stay superusers. */
import { ident } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "foreign-data-wrapper",
  summary: "Foreign-data wrappers",
  keyword: "FOREIGN DATA WRAPPER",
  ownerKeyword: () => "FOREIGN DATA WRAPPER",
  privileges: ["usage"],
  publicByDefault: [],
  shared: false,
  extensionCatalog: "pg_foreign_data_wrapper",
  inspect: () => `
    select w.oid, w.fdwname as name, pg_catalog.pg_get_userbyid(w.fdwowner) as owner,
           w.fdwacl::pg_catalog.text as acl
      from pg_catalog.pg_foreign_data_wrapper as w
     order by w.fdwname`,
  read: (row, acl) => ({
    kind: "foreign-data-wrapper",
    schema: undefined,
    name: text(row, "name"),
    sql: ident(text(row, "name")),
    ...common(row, acl),
  }),
});
