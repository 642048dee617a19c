/** ROL-004: logins that may make databases. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         'CREATEDB' as detail,
         r.rolname as role
    from pg_catalog.pg_roles as r
   where r.rolcreatedb
     and r.rolcanlogin
     and not r.rolsuper
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-004",
  title: "login may create databases",
  severity: "low",
  why:
    "A database costs disk and belongs to its creator, who decides about everything in it. A stolen login can fill the " +
    "server with copies, and hide objects where nobody looks.",
  remedy: "Take the attribute away once the databases exist.",
  limits: "A migration role of a development server may need it.",
  references: { cis: ["4.3"], manual: ["Role Attributes"] },
  scope: "cluster",
  sql: SQL,
  found: ({ role }) => ({
    fix: {
      kind: "sql",
      sql: [`alter role ${ident(role ?? "")} nocreatedb`],
      risk: "low",
      riskReason: "the role cannot create, rename or copy databases any more",
    },
  }),
});
