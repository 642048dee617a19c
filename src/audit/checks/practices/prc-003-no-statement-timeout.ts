/** PRC-003: logins whose statements may run without end. */
import { ident } from "../../../pg/identifiers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

/**
 * What holds for a login: its own value, else that of the databases, else the server's. A value for one login in one
 * database is not enough, since it has others.
 */
const SQL = `
  with timeout as (
    select s.setdatabase, s.setrole, pg_catalog.split_part(c.entry, '=', 2) !~ '^0+ *[a-z]*$' as is_limit
      from pg_catalog.pg_db_role_setting as s
     cross join lateral pg_catalog.unnest(s.setconfig) as c (entry)
     where c.entry like 'statement\\_timeout=%'),
  open_database as (
    select d.oid
      from pg_catalog.pg_database as d
     where d.datallowconn
       and not d.datistemplate
       and not exists (select from timeout as t where t.setdatabase = d.oid and t.setrole = 0 and t.is_limit))
  select pg_catalog.quote_ident(r.rolname) as object, r.rolname as name,
         own.is_limit is not null as has_own,
         exists (select from open_database as o where pg_catalog.has_database_privilege(r.oid, o.oid, 'CONNECT')) as is_open
    from pg_catalog.pg_roles as r
    left join timeout as own on own.setrole = r.oid and own.setdatabase = 0
   where r.rolcanlogin
     and not r.rolsuper
     and not r.rolreplication
     and own.is_limit is not true
   order by 1`;

/** 5 minutes: ten times what an application waits, short enough to end a runaway before others notice. */
const LIMIT = "5min";

export default defineCheck({
  id: "PRC-003",
  title: "application roles without statement_timeout",
  severity: "low",
  why:
    "One statement without end keeps its locks, holds back vacuum for the whole cluster, and with a few more takes every " +
    "connection. A stolen login can do so with one line.",
  remedy:
    "Set statement_timeout for each application's login; let reports and migrations have their own logins with more.",
  limits:
    "A login can raise its own limit again, so this keeps accidents away and not attackers. Superusers and replication are " +
    "left out.",
  references: { manual: ["Client Connection Defaults: Statement Behavior"] },
  scope: "cluster",
  needs: [],
  profiles: { dev: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const isLimited = (await facts.settings()).value("statement_timeout") !== "0";
  const rows = await facts.query(SQL);
  return rows
    .filter(({ has_own: own, is_open: open }) => own === "t" || (!isLimited && open === "t"))
    .map(({ object, name, has_own: own }) => ({
      object: object ?? "",
      detail: own === "t" ? "its own statement_timeout is 0" : "no statement_timeout",
      fix: {
        kind: "sql",
        sql: [`alter role ${ident(name ?? "")} set statement_timeout = '${LIMIT}'`],
        risk: "medium",
        riskReason: "longer statements end with an error; choose the value by what the application does",
      },
    }));
}
