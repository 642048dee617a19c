/** ROL-011: passwords that never end. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         case when r.rolvaliduntil is null then 'no VALID UNTIL' else 'VALID UNTIL infinity' end as detail
    from pg_catalog.pg_roles as r
   where r.rolcanlogin
     and r.oid <> 10
     and r.rolname !~ '^pg_'
     and (r.rolvaliduntil is null or r.rolvaliduntil = 'infinity')
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-011",
  title: "password of a login never ends",
  severity: "low",
  profiles: { default: "off", dev: "off", managed: "off" },
  why:
    "A password that was copied somewhere and forgotten works until somebody changes it. An end date turns a forgotten " +
    "login into one that stops.",
  remedy: "Give logins of people an end date, and renew it when the password is changed.",
  limits:
    "A matter of policy, asked by the profiles strict and cis. VALID UNTIL ends password logins only; certificates, peer " +
    "and tickets go on working. For services whose password is rotated, the date has to be moved with each rotation.",
  references: { stig: ["password lifetime"], manual: ["CREATE ROLE"] },
  scope: "cluster",
  sql: SQL,
  found: () => ({ fix: { kind: "words", text: "decide on a date: ALTER ROLE ... VALID UNTIL '...'" } }),
});
