/**
 * Functions, procedures, aggregates and window functions.
 *
 * PUBLIC may execute every new one until somebody takes that away. A routine is named by the types that it takes, which
 * GRANT ... ON ROUTINE accepts for all four; procedures need their modes too, because their outputs take part in
 * telling one from the other.
 */
import { qualified } from "../../pg/identifiers.ts";
import type { TextRow } from "../../pg/session.ts";
import { arrayElements } from "./acl.ts";
import type { CatalogObject, ObjectSubkind } from "./catalog-object.ts";
import { definePrivilegeKind } from "./privilege-kind.ts";
import { common, schemasWanted, text, withOwnQuoting } from "./rows.ts";

const SUBKINDS: Readonly<Record<string, ObjectSubkind>> = {
  f: "function",
  p: "procedure",
  a: "aggregate",
  w: "window function",
};

export default definePrivilegeKind({
  name: "routine",
  summary: "Functions, procedures and aggregates",
  keyword: "ROUTINE",
  ownerKeyword: () => "ROUTINE",
  privileges: ["execute"],
  publicByDefault: ["execute"],
  defaults: { on: "routines", keyword: "ROUTINES", objectType: "f", inSchema: true },
  allInSchema: "ALL ROUTINES",
  shared: false,
  extensionCatalog: "pg_proc",
  inspect: ({ includeSystem }) => `
    select p.oid, n.nspname as schema, p.proname as name, pg_catalog.oidvectortypes(p.proargtypes) as arguments,
           case when p.prokind = 'p' then pg_catalog.pg_get_function_identity_arguments(p.oid) end as modes,
           pg_catalog.pg_get_userbyid(p.proowner) as owner, p.proacl::pg_catalog.text as acl, p.prokind as form,
           p.prosecdef as definer, p.proconfig::pg_catalog.text as settings, l.lanname as language
      from pg_catalog.pg_proc as p
      join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
      join pg_catalog.pg_language as l on l.oid = p.prolang
     where ${schemasWanted(includeSystem)}
     order by n.nspname, p.proname, p.proargtypes`,
  read: (row, acl) => ({
    kind: "routine",
    subkind: SUBKINDS[text(row, "form")],
    schema: text(row, "schema"),
    name: `${text(row, "name")}(${text(row, "arguments")})`,
    sql: `${qualified(text(row, "schema"), text(row, "name"))}(${withOwnQuoting(row.modes ?? text(row, "arguments"))})`,
    ...common(row, acl),
    securityDefiner: row.definer === "t",
    language: text(row, "language"),
    ...settingsOf(row),
  }),
});

function settingsOf(row: TextRow): Pick<CatalogObject, "settings"> {
  return row.settings ? { settings: arrayElements(row.settings) } : {};
}
