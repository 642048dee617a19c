/**
 * ROL-005: replication roles that are used for something else as well.
 *
 * pg_shdepend knows for every database what a role owns and was granted, so one question covers the cluster. Privileges on
 * databases do not count: where PUBLIC may not connect, a role for logical replication needs CONNECT.
 */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  with holders as (
    select d.refobjid as oid,
           pg_catalog.bool_or(d.deptype = 'o') as owns,
           pg_catalog.bool_or(d.deptype = 'a') as may
      from pg_catalog.pg_shdepend as d
     where d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
       and (d.deptype = 'o'
            or d.deptype = 'a' and d.classid <> 'pg_catalog.pg_database'::pg_catalog.regclass)
     group by d.refobjid
  )
  select pg_catalog.quote_ident(r.rolname) as object,
         'REPLICATION together with ' || pg_catalog.concat_ws(', ',
           case when r.rolcreaterole then 'CREATEROLE' end,
           case when r.rolcreatedb then 'CREATEDB' end,
           case when r.rolbypassrls then 'BYPASSRLS' end,
           case when h.owns then 'objects of its own' end,
           case when h.may then 'privileges on objects' end) as detail
    from pg_catalog.pg_roles as r
    left join holders as h on h.oid = r.oid
   where r.rolreplication
     and not r.rolsuper
     and (r.rolcreaterole or r.rolcreatedb or r.rolbypassrls or h.owns or h.may)
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-005",
  title: "replication role has other powers",
  severity: "medium",
  why:
    "A replication login copies the whole cluster, every row of every database. When it also owns or changes objects, its " +
    "password stands in more places than the standby that needs it.",
  remedy: "Make one role with REPLICATION and nothing else, and take the attribute from the others.",
  limits:
    "A role for logical replication that copies tables needs SELECT on them: waive it by name. Privileges on databases " +
    "do not count, nor does what comes through memberships.",
  references: { cis: ["7.1"], manual: ["Role Attributes"] },
  scope: "cluster",
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "create a login with REPLICATION alone for the standby, let it use that, then ALTER ROLE ... NOREPLICATION here",
    },
  }),
});
