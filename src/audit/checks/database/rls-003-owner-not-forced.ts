/** RLS-003: logins that own the tables whose rows they should not see. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, IS_USER_RELATION, RELATION_COLUMNS, relationOf } from "./row-security.ts";

/** `is_runtime`: nobody else may read or write the owner's tables, so the application has to be the owner. */
const SQL = `
  with users as materialized (
    select distinct k.relowner as owner
      from pg_catalog.pg_class as k
     cross join lateral pg_catalog.aclexplode(k.relacl) as a
     where a.grantee not in (0, k.relowner)
       and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  )
  select ${RELATION_COLUMNS},
         'owner ' || pg_catalog.quote_ident(r.rolname) || ' can log in and passes the policies'
         || case when u.owner is null then '; no other role may use its tables' else '' end as detail,
         u.owner is null as is_runtime
  ${FROM_RELATIONS}
    join pg_catalog.pg_roles as r on r.oid = c.relowner
    left join users as u on u.owner = c.relowner
   where c.relrowsecurity
     and not c.relforcerowsecurity
     and r.rolcanlogin
     and not r.rolsuper
     and ${IS_USER_RELATION}
   order by 1`;

export default queryCheck({
  id: "RLS-003",
  title: "owner of a table under row security can log in and is not bound by it",
  severity: "medium",
  why:
    "Policies do not hold a table's owner unless they are forced on it. Whoever connects as the owner sees and changes " +
    "every tenant's rows without noticing.",
  remedy: "Own tables with a role that cannot log in, or force row security on the owner too.",
  limits:
    "High where no other role has rights on the owner's tables, so that the application must be the owner itself.",
  references: { manual: ["Row Security Policies"] },
  sql: SQL,
  found: (row) => ({
    severity: row.is_runtime === "t" ? "high" : undefined,
    fix: {
      kind: "sql",
      sql: [`alter table ${relationOf(row)} force row level security`],
      risk: "high",
      riskReason: "the owner's own jobs, migrations and dumps see only what the policies show",
    },
  }),
});
