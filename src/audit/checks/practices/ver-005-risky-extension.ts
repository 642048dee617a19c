/** VER-005: extensions that reach files, networks or raw pages, or run code of another language without limits. */
import { ident } from "../../../pg/identifiers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

const NAMES = [
  "adminpack",
  "dblink",
  "file_fdw",
  "http",
  "intagg",
  "lo",
  "pageinspect",
  "pg_background",
  "pg_logicalinspect",
  "pg_net",
  "pg_surgery",
  "pg_walinspect",
  "pgsql_http",
  "pldbgapi",
  "pljavau",
  "plperlu",
  "plpython2u",
  "plpython3u",
  "plr",
  "plsh",
  "pltclu",
  "refint",
  "xml2",
];

const SQL = `
  select pg_catalog.quote_ident(e.extname) as object,
         'version ' || e.extversion || ' in schema ' || pg_catalog.quote_ident(n.nspname) as detail,
         e.extname as name
    from pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
   where e.extname in (${NAMES.map((name) => `'${name}'`).join(", ")})
   order by 1`;

export default defineCheck({
  id: "VER-005",
  title: "extension with a wide attack surface",
  severity: "low",
  why:
    "These extensions open connections, read files or raw pages, or run programs of an untrusted language. An attacker who " +
    "gets into the database uses them to go on to the machine and to other servers.",
  remedy: "Drop those that nothing uses; name the others under audit.extensions in pgkeep.yaml.",
  limits:
    "A declared extension stays in the report as information. Extensions that only add types or indexes are not listed.",
  references: { cis: ["1.8"], stig: ["unused components"], manual: ["Additional Supplied Modules and Extensions"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const wanted = new Set(facts.declared.extensions);
  const rows = await facts.query(SQL);
  return rows.map(({ object, detail, name }) => {
    const isDeclared = wanted.has(name ?? "");
    return {
      object: object ?? "",
      detail: isDeclared ? `${detail}; declared as wanted` : (detail ?? ""),
      severity: isDeclared ? "info" : "low",
      fix: {
        kind: "sql",
        sql: [`drop extension ${ident(name ?? "")}`],
        risk: "high",
        riskReason: "whatever uses it fails afterwards; the server refuses while objects depend on it",
      },
    };
  });
}
