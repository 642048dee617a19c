/** Procedural languages. Only trusted ones can be granted; writing a routine in another is for superusers. */
import { ident } from "../../pg/identifiers.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, text } from "./rows.ts";

export default definePrivilegeKind({
  name: "language",
  summary: "Procedural languages",
  keyword: "LANGUAGE",
  ownerKeyword: () => "LANGUAGE",
  privileges: ["usage"],
  publicByDefault: ["usage"],
  shared: false,
  extensionCatalog: "pg_language",
  inspect: () => `
    select l.oid, l.lanname as name, pg_catalog.pg_get_userbyid(l.lanowner) as owner,
           l.lanacl::pg_catalog.text as acl, l.lanpltrusted as trusted
      from pg_catalog.pg_language as l
     order by l.lanname`,
  read: (row, acl) => ({
    kind: "language",
    schema: undefined,
    name: text(row, "name"),
    sql: ident(text(row, "name")),
    ...common(row, acl),
    trusted: row.trusted === "t",
  }),
});
