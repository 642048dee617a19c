/** RLS-005: policies that show every row. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, IS_RESTRICTED, IS_USER_RELATION, isAlwaysTrue, POLICY_OBJECT, USING } from "./row-security.ts";

const SQL = `
  select ${POLICY_OBJECT},
         'SELECT policy is always true'
         || case when 0::pg_catalog.oid = any (p.polroles) then ', for everybody' else ', for named roles' end as detail
  ${FROM_RELATIONS}
    join pg_catalog.pg_policy as p on p.polrelid = c.oid
   where p.polpermissive
     and p.polcmd = 'r'
     and ${isAlwaysTrue(USING)}
     and not ${IS_RESTRICTED}
     and ${IS_USER_RELATION}
   order by 1`;

export default queryCheck({
  id: "RLS-005",
  title: "policy shows every row",
  severity: "low",
  why:
    "With this policy row security hides nothing from whoever it is for, although the table looks protected. That is " +
    "right for a public catalogue and wrong for anything with owners.",
  remedy:
    "Name the roles that may see everything in TO, or write a condition; where all may read, row security can go.",
  limits: "Judged by the text of the expression, like RLS-004.",
  references: { manual: ["CREATE POLICY"], other: ["splinter 0024"] },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Narrow the policy with ALTER POLICY ... TO or USING, or waive it for public data." },
  }),
});
