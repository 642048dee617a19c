/** PRV-018: what template1 holds, every new database begins with. */
import type { TextRow } from "../../../pg/session.ts";
import { defineCheck, type Found } from "../../check.ts";
import { grantsSql, SCHEMAS, statementOf } from "./grants.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const CREATE = grantsSql([
  { source: SCHEMAS, entry: "a.grantee = 0 and a.privilege_type = 'CREATE'", where: isUserSchema() },
]);

const OBJECTS = `
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as object,
         'table, view or sequence' as kind
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_class", "c.oid")}
   union all
  select p.oid::pg_catalog.regprocedure::pg_catalog.text, 'function'
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
   where ${isUserSchema()}
     and ${isOutsideExtensions("pg_proc", "p.oid")}
   union all
  select 'schema ' || pg_catalog.quote_ident(n.nspname), 'schema'
    from pg_catalog.pg_namespace as n
   where n.nspname <> 'public'
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_namespace", "n.oid")}
   order by 1`;

export default defineCheck({
  id: "PRV-018",
  title: "template1 was altered",
  severity: "medium",
  scope: "template",
  needs: [],
  why:
    "CREATE DATABASE copies template1. An object or a grant that somebody left there turns up in every later database, " +
    "with its owner and its code, where nobody looks for it.",
  remedy: "Clean template1, or create databases from template0.",
  limits:
    "Extensions may be there on purpose and are left out. Up to PostgreSQL 14 CREATE for PUBLIC is the server's own default.",
  references: { manual: ["Template Databases"] },
  examine: async (facts) => {
    const grants = await facts.query(CREATE);
    const objects = await facts.query(OBJECTS);
    return [...grants.map(openSchema), ...objects.map(leftObject)];
  },
});

function openSchema(row: TextRow): Found {
  return {
    object: `template1 schema ${row.object}`,
    detail: "PUBLIC has CREATE, and so in every new database",
    fix: {
      kind: "revoke",
      on: "schema",
      object: row.object ?? "",
      privileges: ["CREATE"],
      from: "",
      sql: statementOf(row),
      risk: "low",
      riskReason: "new databases start without it; existing ones stay as they are",
    },
  };
}

function leftObject({ object, kind }: TextRow): Found {
  return {
    object: `template1: ${object}`,
    detail: `${kind} in template1, copied into every new database`,
    fix: { kind: "words", text: "find out who made it, then drop it from template1" },
  };
}
