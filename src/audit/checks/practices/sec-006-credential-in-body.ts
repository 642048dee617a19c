/** SEC-006: credentials in the bodies of routines. */
import { CODE, SOURCE } from "../database/routine-source.ts";
import { IS_USER_ROUTINE, ROUTINE_COLUMNS } from "../database/routines.ts";
import { queryCheck } from "../query-check.ts";
import { codeHoldsCredential, mayHoldCredential } from "./credential-patterns.ts";

const SQL = `
  select ${ROUTINE_COLUMNS},
         'its body holds what looks like a credential' as detail
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
   where l.lanname not in ('c', 'internal')
     and ${IS_USER_ROUTINE}
     and (p.prosqlbody is not null or ${mayHoldCredential("p.prosrc")})
     and exists (
           select from (select ${SOURCE} as source, ${CODE} as code offset 0) as b
            where ${codeHoldsCredential({ source: "b.source", code: "b.code" })})
   order by 1`;

export default queryCheck({
  id: "SEC-006",
  title: "credential in the body of a routine",
  severity: "medium",
  why: "Bodies are in pg_proc, which every role may read, also without EXECUTE. They are in every dump and repository too.",
  remedy: "Read the secret from a table with narrow rights or from a vault, and change it: it has been readable.",
  limits:
    "A guess by shape: known kinds of keys, passwords in URLs and connection strings, PASSWORD clauses, and literals " +
    "assigned to names such as password. The body itself is never shown.",
  references: { stig: ["embedded authenticators"], other: ["CWE-798"] },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Take the literal out of the body, then change the credential." },
  }),
});
