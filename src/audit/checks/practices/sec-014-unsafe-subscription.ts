/** SEC-014: subscriptions that lend more than they need. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { queryCheck } from "../query-check.ts";

/** These columns are open to everybody; only the connection string is not. */
const SQL = `
  select pg_catalog.quote_ident(s.subname) as object,
         pg_catalog.concat_ws(', ',
           case when w.no_password then 'password_required = false although its owner is no superuser' end,
           case when s.subrunasowner then 'run_as_owner = true' end) as detail,
         s.subname as subscription,
         w.no_password,
         s.subrunasowner as runs_as_owner
    from pg_catalog.pg_subscription as s
    join pg_catalog.pg_database as d on d.oid = s.subdbid and d.datname = pg_catalog.current_database()
    join pg_catalog.pg_roles as o on o.oid = s.subowner
   cross join lateral (select not s.subpasswordrequired and not o.rolsuper as no_password) as w
   where w.no_password
      or s.subrunasowner
   order by 1`;

export default queryCheck({
  id: "SEC-014",
  title: "subscription runs with more rights than it needs",
  severity: "medium",
  since: 16,
  why:
    "With run_as_owner, triggers and defaults that the owner of a table wrote run as the subscription's owner. Without " +
    "a required password, a role that is no superuser connects as the server's account.",
  remedy: "Let changes run as the owners of the tables, and require a password.",
  references: { manual: ["Logical Replication: Security", "CREATE SUBSCRIPTION"] },
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`alter subscription ${ident(row.subscription ?? "")} set (${optionsOf(row)})`],
      risk: "medium",
      riskReason: "changes fail where the subscription's owner may not become the owner of a table",
    },
  }),
});

function optionsOf({ no_password, runs_as_owner }: TextRow): string {
  const options = [no_password === "t" && "password_required = true", runs_as_owner === "t" && "run_as_owner = false"];
  return options.filter(Boolean).join(", ");
}
