/** RLS-009: policies that can only take away. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, IS_USER_RELATION, RELATION_COLUMNS } from "./row-security.ts";

const SQL = `
  select ${RELATION_COLUMNS},
         'only restrictive policies: ' || w.policies as detail
  ${FROM_RELATIONS}
    join (
      select p.polrelid, pg_catalog.string_agg(pg_catalog.quote_ident(p.polname), ', ' order by p.polname) as policies
        from pg_catalog.pg_policy as p
       group by p.polrelid
      having not pg_catalog.bool_or(p.polpermissive)
    ) as w on w.polrelid = c.oid
   where c.relrowsecurity
     and ${IS_USER_RELATION}
   order by 1`;

export default queryCheck({
  id: "RLS-009",
  title: "only restrictive policies",
  severity: "low",
  why:
    "A restrictive policy narrows what permissive ones allow; with none of those nobody but the owner sees a row. The " +
    "usual way out is an application that connects as the owner, past every policy.",
  remedy: "Add the permissive policy that says who may use the table at all.",
  references: { manual: ["CREATE POLICY"] },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Write a permissive policy for the roles that use the table." },
  }),
});
