/** Foreign servers: USAGE allows to make foreign tables and a mapping of one's own there. */
import { ident } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "foreign-server",
  summary: "Foreign servers",
  keyword: "FOREIGN SERVER",
  ownerKeyword: () => "SERVER",
  privileges: ["usage"],
  publicByDefault: [],
  shared: false,
  extensionCatalog: "pg_foreign_server",
  inspect: () => `
    select s.oid, s.srvname as name, pg_catalog.pg_get_userbyid(s.srvowner) as owner,
           s.srvacl::pg_catalog.text as acl
      from pg_catalog.pg_foreign_server as s
     order by s.srvname`,
  read: (row, acl) => ({
    kind: "foreign-server",
    schema: undefined,
    name: text(row, "name"),
    sql: ident(text(row, "name")),
    ...common(row, acl),
  }),
});
