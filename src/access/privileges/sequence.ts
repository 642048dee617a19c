/** Sequences, with the table whose serial or identity column they belong to: such a one follows its table's owner. */
import { qualified } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, schemasWanted, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "sequence",
  summary: "Sequences",
  keyword: "SEQUENCE",
  ownerKeyword: () => "SEQUENCE",
  privileges: ["select", "update", "usage"],
  publicByDefault: [],
  defaults: { on: "sequences", keyword: "SEQUENCES", objectType: "S", inSchema: true },
  allInSchema: "ALL SEQUENCES",
  shared: false,
  extensionCatalog: "pg_class",
  inspect: ({ includeSystem }) => `
    select c.oid, n.nspname as schema, c.relname as name, pg_catalog.pg_get_userbyid(c.relowner) as owner,
           c.relacl::pg_catalog.text as acl, d.refobjid as parent
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      left join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.objsubid = 0
       and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
     where c.relkind = 'S' and ${schemasWanted(includeSystem)}
     order by n.nspname, c.relname`,
  read: (row, acl) => ({
    kind: "sequence",
    schema: text(row, "schema"),
    name: text(row, "name"),
    sql: qualified(text(row, "schema"), text(row, "name")),
    ...common(row, acl),
    ...(row.parent ? { parent: { oid: Number(row.parent), relation: "owned" } } : {}),
  }),
});
