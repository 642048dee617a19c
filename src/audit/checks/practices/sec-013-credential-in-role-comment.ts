/** SEC-013: credentials in comments of roles. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { holdsCredential } from "./credential-patterns.ts";

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         'its comment holds what looks like a credential' as detail,
         r.rolname as role
    from pg_catalog.pg_shdescription as d
    join pg_catalog.pg_roles as r on r.oid = d.objoid
   where d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
     and ${holdsCredential("d.description")}
   order by 1`;

export default queryCheck({
  id: "SEC-013",
  title: "credential in a role's comment",
  severity: "medium",
  why: "Comments of roles are shared by all databases, and every role of the cluster may read them.",
  remedy: "Remove the comment and change the password.",
  limits: "A guess by shape, as for SEC-007.",
  references: { manual: ["COMMENT"], other: ["CWE-798"] },
  scope: "cluster",
  sql: SQL,
  found: ({ role }) => ({ fix: { kind: "sql", sql: [`comment on role ${ident(role ?? "")} is null`], risk: "low" } }),
});
