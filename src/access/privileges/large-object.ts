/** Large objects: named by oid, in no schema, reached by whoever may connect and is named in the list. */
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "large-object",
  summary: "Large objects",
  keyword: "LARGE OBJECT",
  ownerKeyword: () => "LARGE OBJECT",
  privileges: ["select", "update"],
  publicByDefault: [],
  defaults: { on: "large_objects", keyword: "LARGE OBJECTS", objectType: "L", since: 18, inSchema: false },
  shared: false,
  inspect: () => `
    select l.oid, pg_catalog.pg_get_userbyid(l.lomowner) as owner, l.lomacl::pg_catalog.text as acl
      from pg_catalog.pg_largeobject_metadata as l
     order by l.oid`,
  read: (row, acl) => ({
    kind: "large-object",
    schema: undefined,
    name: text(row, "oid"),
    sql: String(Number(row.oid)),
    ...common(row, acl),
  }),
});
