/** RLS-002: policies that nobody enforces. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, IS_USER_RELATION, RELATION_COLUMNS, relationOf } from "./row-security.ts";

const SQL = `
  select ${RELATION_COLUMNS},
         'row security is off; policies without effect: ' || w.policies as detail
  ${FROM_RELATIONS}
    join (
      select p.polrelid, pg_catalog.string_agg(pg_catalog.quote_ident(p.polname), ', ' order by p.polname) as policies
        from pg_catalog.pg_policy as p
       group by p.polrelid
    ) as w on w.polrelid = c.oid
   where not c.relrowsecurity
     and ${IS_USER_RELATION}
   order by 1`;

export default queryCheck({
  id: "RLS-002",
  title: "policies exist and row security is off",
  severity: "high",
  why:
    "Somebody wrote down who may see which rows, and the server ignores it: every role with SELECT sees all of them. It " +
    "looks protected in every listing of policies.",
  remedy: "Enable row security on the table, after looking at what its policies say.",
  references: { cis: ["4.7"], manual: ["Row Security Policies"], other: ["splinter 0007"] },
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`alter table ${relationOf(row)} enable row level security`],
      risk: "high",
      riskReason: "rows that no policy shows vanish at once for everybody but the owner",
    },
  }),
});
