/** ROL-001: superusers beside the one that initdb made. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

/** 10: the oid of the bootstrap superuser on every server. */
const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         case when r.rolcanlogin then 'superuser that can log in' else 'superuser' end as detail,
         r.rolname as role
    from pg_catalog.pg_roles as r
   where r.rolsuper
     and r.oid <> 10
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-001",
  title: "superuser beside the bootstrap role",
  severity: "high",
  why:
    "A superuser passes every permission check, reads and writes files of the server and runs programs as its account. " +
    "Each further one is one more password whose loss is the loss of the machine.",
  remedy: "Take the attribute away and grant the predefined roles that the work needs.",
  limits:
    "The role that initdb made is not reported: a server always has it. Nor are the superusers of a managed service.",
  references: { cis: ["4.3"], manual: ["Role Attributes", "Predefined Roles"] },
  scope: "cluster",
  sql: SQL,
  found: ({ role }) => ({
    fix: {
      kind: "sql",
      sql: [`alter role ${ident(role ?? "")} nosuperuser`],
      risk: "medium",
      riskReason: "what the role did as superuser stops working",
    },
  }),
});
