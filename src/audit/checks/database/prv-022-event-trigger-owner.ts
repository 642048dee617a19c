/** PRV-022: event triggers whose function belongs to somebody who is no superuser. */
import { ident, qualified } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(t.evtname) as object,
         'runs ' || p.oid::pg_catalog.regprocedure::pg_catalog.text || ', owned by ' ||
         pg_catalog.quote_ident(r.rolname) as detail,
         n.nspname as schema,
         p.proname as name,
         o.rolname as owner
    from pg_catalog.pg_event_trigger as t
    join pg_catalog.pg_proc as p on p.oid = t.evtfoid
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_roles as r on r.oid = p.proowner
    left join pg_catalog.pg_roles as o on o.oid = t.evtowner and o.rolsuper
   where not r.rolsuper
     and t.evtenabled <> 'D'
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "PRV-022",
  title: "event trigger runs a function that no superuser owns",
  severity: "critical",
  why:
    "The function's owner can replace its body, and the next DDL statement of a superuser runs it with a superuser's " +
    "rights: one CREATE OR REPLACE makes its owner superuser.",
  remedy: "Read the body, then give the function to a superuser; or disable the event trigger.",
  limits: "Event triggers that are disabled are left out.",
  references: { manual: ["Event Triggers"] },
  sql: SQL,
  found: ({ schema, name, owner }) => ({
    fix: owner
      ? {
          kind: "sql",
          sql: [`alter function ${qualified(schema ?? "", name ?? "")}() owner to ${ident(owner)}`],
          risk: "high",
          riskReason: "read the body first: it goes on running in everybody's DDL, as its old owner left it",
        }
      : {
          kind: "words",
          text: "read the body of the function, then give it to a superuser or disable the event trigger",
        },
  }),
});
