/** SEC-007: credentials in comments. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import type { Fix } from "../../fix.ts";
import { textsOf } from "../database/json-texts.ts";
import { queryCheck } from "../query-check.ts";
import { holdsCredential } from "./credential-patterns.ts";

/** `names`: the object's parts, for the kinds that have no arguments. */
const SQL = `
  select o.type || ' ' || o.identity as object,
         'its comment holds what looks like a credential' as detail,
         o.type as kind,
         pg_catalog.to_json(a.object_names) as names
    from (
      select d.classoid, d.objoid, d.objsubid, d.description from pg_catalog.pg_description as d
       union all
      select d.classoid, d.objoid, 0, d.description
        from pg_catalog.pg_shdescription as d
        join pg_catalog.pg_database as b on b.oid = d.objoid and b.datname = pg_catalog.current_database()
       where d.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
    ) as d
   cross join lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) as o
   cross join lateral pg_catalog.pg_identify_object_as_address(d.classoid, d.objoid, d.objsubid) as a
   where ${holdsCredential("d.description")}
   order by 1`;

export default queryCheck({
  id: "SEC-007",
  title: "credential in a comment",
  severity: "medium",
  why: "Every role may read every comment of the database, and tools show them next to the object.",
  remedy: "Remove the comment and change the credential.",
  limits:
    "A guess by shape: password= or password: before a word with digits or signs, passwords in URLs, known kinds of keys.",
  references: { manual: ["COMMENT"], other: ["CWE-798"] },
  sql: SQL,
  found: (row) => ({ fix: fixOf(row) }),
});

/** Kinds that COMMENT ON calls as the server does, and whose parts are all of their name. */
const PLAIN_KINDS = new Set([
  "table",
  "view",
  "materialized view",
  "foreign table",
  "sequence",
  "index",
  "schema",
  "database",
  "extension",
  "server",
  "foreign-data wrapper",
  "language",
  "publication",
  "subscription",
  "event trigger",
]);

function fixOf({ kind, names }: TextRow): Fix {
  const path = textsOf(names).map(ident).join(".");
  const target = kind === "table column" || kind === "view column" ? "column" : kind;
  if (!kind || (target !== "column" && !PLAIN_KINDS.has(kind))) {
    return { kind: "words", text: "COMMENT ON ... IS NULL, then change the credential." };
  }
  const word = kind === "foreign-data wrapper" ? "foreign data wrapper" : target;
  return { kind: "sql", sql: [`comment on ${word} ${path} is null`], risk: "low" };
}
