/** ROL-027: logins whose password ended and that are still there. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         'ended on ' || pg_catalog.to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD') as detail,
         r.rolname as role
    from pg_catalog.pg_roles as r
   where r.rolcanlogin
     and r.rolvaliduntil < pg_catalog.now()
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-027",
  title: "expired login is still there",
  severity: "low",
  why:
    "VALID UNTIL ends the password, not the role: certificates, peer and trust still let it in, its sessions go on, and a " +
    "new date brings everything back that it was granted.",
  remedy: "Take the right to log in away, then drop the role when nothing depends on it; or renew it.",
  references: { cis: ["4.4"], manual: ["CREATE ROLE"] },
  scope: "cluster",
  sql: SQL,
  found: ({ role }) => ({
    fix: {
      kind: "sql",
      sql: [`alter role ${ident(role ?? "")} nologin`],
      risk: "medium",
      riskReason: "logins by certificate, peer or ticket stop as well",
    },
  }),
});
