/** RLS-004: policies that allow every change. */
import { queryCheck } from "../query-check.ts";
import {
  CHECK,
  FROM_RELATIONS,
  IS_RESTRICTED,
  IS_USER_RELATION,
  isAlwaysTrue,
  POLICY_OBJECT,
  USING,
} from "./row-security.ts";

/** INSERT knows no existing rows; without WITH CHECK such a policy denies, and NULL is not true. */
const SQL = `
  select ${POLICY_OBJECT},
         case p.polcmd when '*' then 'ALL' when 'a' then 'INSERT' when 'w' then 'UPDATE' else 'DELETE' end
         || ' policy '
         || case when w.any_old and w.any_new then 'is always true'
                 when w.any_old then 'reaches every existing row'
                 else 'accepts every new row' end
         || case when w.is_public then ', for everybody' else ', for named roles' end as detail,
         w.is_public
  ${FROM_RELATIONS}
    join pg_catalog.pg_policy as p on p.polrelid = c.oid
   cross join lateral (
           select coalesce(t.using_true, p.polcmd = 'a') as any_old,
                  coalesce(t.check_true, p.polcmd = 'd') as any_new,
                  t.using_true is true or t.check_true is true as is_open,
                  0::pg_catalog.oid = any (p.polroles) as is_public
             from (
               select ${isAlwaysTrue("e.using_rows")} as using_true, ${isAlwaysTrue("e.check_rows")} as check_true
                 from (select ${USING} as using_rows, ${CHECK} as check_rows offset 0) as e
               offset 0
             ) as t
           offset 0
         ) as w
   where p.polpermissive
     and p.polcmd <> 'r'
     and w.is_open
     and not ${IS_RESTRICTED}
     and ${IS_USER_RELATION}
   order by 1`;

export default queryCheck({
  id: "RLS-004",
  title: "policy lets every row be written",
  severity: "high",
  why:
    "The policy has no condition, so whoever it is for changes or plants rows of any tenant. Permissive policies are " +
    "joined by OR: this one makes all others for the same command meaningless.",
  remedy: "Write the condition that was meant, in USING for existing rows and in WITH CHECK for new ones.",
  limits:
    "Judged by the text of the expression: constants, comparisons with itself, and OR with one of them. A function that " +
    "always says true is not seen. Policies that a restrictive one narrows are left out; one for named roles is medium.",
  references: { manual: ["CREATE POLICY"], other: ["splinter 0024"] },
  sql: SQL,
  found: ({ is_public }) => ({
    severity: is_public === "t" ? undefined : "medium",
    fix: { kind: "words", text: "Replace the condition with ALTER POLICY ... USING (...) WITH CHECK (...)." },
  }),
});
