/** ROL-002: roles that row level security does not hold for. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         case when r.rolcanlogin then 'BYPASSRLS, can log in' else 'BYPASSRLS' end as detail,
         r.rolname as role
    from pg_catalog.pg_roles as r
   where r.rolbypassrls
     and not r.rolsuper
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-002",
  title: "role bypasses row level security",
  severity: "high",
  why:
    "Policies are skipped for a role with BYPASSRLS, on every table of every database. A tenant separation that rests on " +
    "policies is gone for whoever gets this login.",
  remedy: "Take the attribute away; give a job that has to see every row a policy of its own.",
  limits:
    "Superusers bypass policies as well and are ROL-001. A role that makes backups may need it: waive it by name.",
  references: { cis: ["4.7"], manual: ["Row Security Policies", "Role Attributes"] },
  scope: "cluster",
  sql: SQL,
  found: ({ role }) => ({
    fix: {
      kind: "sql",
      sql: [`alter role ${ident(role ?? "")} nobypassrls`],
      risk: "medium",
      riskReason: "the role sees fewer rows afterwards, and a dump made with it fails or is not complete",
    },
  }),
});
