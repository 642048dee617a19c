/** VER-003: extensions whose SQL objects are older than what is installed on the server. */
import { ident, literal } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";

/** Update paths are asked for where versions differ only: each such question reads the extension's directory. */
const SQL = `
  with outdated as materialized (
    select e.extname as name, e.extversion as installed, a.default_version as available
      from pg_catalog.pg_extension as e
      join pg_catalog.pg_available_extensions as a on a.name = e.extname
     where a.default_version <> e.extversion)
  select pg_catalog.quote_ident(o.name) as object,
         'version ' || o.installed || ', the server has ' || o.available as detail,
         o.name, o.available
    from outdated as o
   cross join lateral pg_catalog.pg_extension_update_paths(o.name) as p
   where p.source = o.installed
     and p.target = o.available
     and p.path is not null
   order by 1`;

export default queryCheck({
  id: "VER-003",
  title: "extension older than the files on disk",
  severity: "low",
  why:
    "Upgrading packages replaces an extension's library and leaves its SQL objects as they were. Repairs in them, such as a " +
    "fixed search_path of a function, arrive only with ALTER EXTENSION ... UPDATE, in each database.",
  remedy: "Update the extension in this database, as its owner.",
  limits: "An extension that is newer than the files on disk has nothing to be updated to and is not reported.",
  references: { manual: ["ALTER EXTENSION"], other: ["splinter 0022"] },
  sql: SQL,
  found: ({ name, available }) => ({
    fix: {
      kind: "sql",
      sql: [`alter extension ${ident(name ?? "")} update to ${literal(available ?? "")}`.replace("  ", " ")],
      risk: "medium",
      riskReason: "the extension's objects change; read its release notes",
    },
  }),
});
