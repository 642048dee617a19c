/** RLS-011: policies that believe what a session says of itself. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, IS_USER_RELATION, POLICY_OBJECT, USING } from "./row-security.ts";

/** is_superuser, server_version and the like cannot be set by a session. */
const SQL = `
  select ${POLICY_OBJECT},
         'believes the session''s setting ' || pg_catalog.string_agg(distinct s.name, ', ') as detail
  ${FROM_RELATIONS}
    join pg_catalog.pg_policy as p on p.polrelid = c.oid
   cross join lateral (
           select coalesce(${USING}, '') || ' '
                  || coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), '') as text
         ) as e
   cross join lateral (
           select coalesce(m.part[1], 'of a computed name') as name
             from pg_catalog.regexp_matches(e.text, '(?<![.\\w"])current_setting\\((?:''([^'']*)'')?', 'g') as m (part)
         ) as s
   where s.name not in ('is_superuser', 'session_authorization', 'server_version', 'server_version_num', 'server_encoding',
                        'in_hot_standby', 'data_checksums', 'block_size')
     and ${IS_USER_RELATION}
   group by c.relname, n.nspname, p.polname
   order by 1`;

export default queryCheck({
  id: "RLS-011",
  title: "policy trusts a setting of the session",
  severity: "info",
  why:
    "Every session may set such a parameter to anything. The policy holds only as long as nobody but the application " +
    "can send SQL, and one injected SET changes the tenant.",
  remedy:
    "Set the parameter where the pool hands out the connection, with SET LOCAL, and let the policy fail when it is " +
    "missing. Where users write their own SQL, tell them apart by role.",
  limits: "Settings that are read inside a function which the policy calls are not seen.",
  references: { manual: ["Row Security Policies", "Customized Options"] },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Bind the setting in the connection pool, or compare with current_user instead." },
  }),
});
