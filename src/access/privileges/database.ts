/**
 * Databases: who may connect, make schemas, and make temporary tables.
 *
 * All of the server's, because CONNECT is open to PUBLIC in each new one.
 */
import { ident } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "database",
  summary: "Databases",
  keyword: "DATABASE",
  ownerKeyword: () => "DATABASE",
  privileges: ["create", "temporary", "connect"],
  publicByDefault: ["temporary", "connect"],
  shared: true,
  inspect: () => `
    select d.oid, d.datname as name, pg_catalog.pg_get_userbyid(d.datdba) as owner, d.datacl::pg_catalog.text as acl
      from pg_catalog.pg_database as d
     order by d.datname`,
  read: (row, acl) => ({
    kind: "database",
    schema: undefined,
    name: text(row, "name"),
    sql: ident(text(row, "name")),
    ...common(row, acl),
  }),
});
