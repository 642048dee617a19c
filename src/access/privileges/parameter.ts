/**
 * Configuration parameters that somebody was granted the setting of (15+).
 *
 * Nobody owns them, and one without a list is not in the catalog: then its own rule holds, which for the dangerous ones
 * is "superusers only".
 */
import { ident } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "parameter",
  summary: "Configuration parameters",
  keyword: "PARAMETER",
  ownerKeyword: undefined,
  since: 15,
  privileges: ["set", "alter system"],
  publicByDefault: [],
  shared: true,
  inspect: () => `
    select p.oid, p.parname as name, p.paracl::pg_catalog.text as acl
      from pg_catalog.pg_parameter_acl as p
     order by p.parname collate "C"`,
  read: (row, acl) => ({
    kind: "parameter",
    schema: undefined,
    name: text(row, "name"),
    sql: text(row, "name").split(".").map(ident).join("."),
    ...common(row, acl),
  }),
});
