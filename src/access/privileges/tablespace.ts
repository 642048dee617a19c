/** Tablespaces: CREATE allows to put tables, indexes and databases there. */
import { ident } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "tablespace",
  summary: "Tablespaces",
  keyword: "TABLESPACE",
  ownerKeyword: () => "TABLESPACE",
  privileges: ["create"],
  publicByDefault: [],
  shared: true,
  inspect: () => `
    select t.oid, t.spcname as name, pg_catalog.pg_get_userbyid(t.spcowner) as owner,
           t.spcacl::pg_catalog.text as acl
      from pg_catalog.pg_tablespace as t
     order by t.spcname`,
  read: (row, acl) => ({
    kind: "tablespace",
    schema: undefined,
    name: text(row, "name"),
    sql: ident(text(row, "name")),
    ...common(row, acl),
  }),
});
