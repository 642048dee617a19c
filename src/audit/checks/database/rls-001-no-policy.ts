/** RLS-001: row security without a policy. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, IS_USER_RELATION, RELATION_COLUMNS } from "./row-security.ts";

const SQL = `
  select ${RELATION_COLUMNS},
         'row security is on and no policy lets anybody in' as detail
  ${FROM_RELATIONS}
   where c.relrowsecurity
     and ${IS_USER_RELATION}
     and not exists (select from pg_catalog.pg_policy as p where p.polrelid = c.oid)
   order by 1`;

export default queryCheck({
  id: "RLS-001",
  title: "row security is on and there is no policy",
  severity: "low",
  why:
    "Everybody but the owner sees an empty table. Applications then tend to be given the owner's login, which passes row " +
    "security altogether.",
  remedy: "Write the policy that was meant, or say in a comment that the table is closed on purpose.",
  references: { manual: ["Row Security Policies"], other: ["splinter 0008"] },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Decide who may see which rows, and write it as a policy with CREATE POLICY." },
  }),
});
