/** ROL-026: applications that are connected as a superuser. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

/** Programs of administration, by the beginning of the name that they give themselves. */
const TOOLS =
  "psql|pg_dump|pg_dumpall|pg_restore|pg_basebackup|pgbackrest|barman|patroni|pgadmin|pgkeep|repmgr|wal-g|pg_upgrade";

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         'superuser sessions of ' || pg_catalog.string_agg(distinct pg_catalog.quote_literal(s.application_name), ', ')
           as detail
    from pg_catalog.pg_stat_activity as s
    join pg_catalog.pg_roles as r on r.oid = s.usesysid
   where r.rolsuper
     and s.backend_type = 'client backend'
     and s.pid <> pg_catalog.pg_backend_pid()
     and s.application_name <> ''
     and s.application_name !~* '^(${TOOLS})'
     and ${notOfProvider("r.rolname")}
   group by r.rolname
   order by 1`;

export default queryCheck({
  id: "ROL-026",
  title: "application is connected as superuser",
  severity: "medium",
  why:
    "Whatever breaks into an application that runs as superuser has the server, and through COPY ... PROGRAM the machine. " +
    "No privilege and no policy stands in between.",
  remedy: "Give the application a role of its own with the privileges that it uses.",
  limits:
    "Shows who is connected now. Clients choose their names: one without a name or with a tool's name is not seen.",
  references: { cis: ["4.3"] },
  scope: "cluster",
  needs: ["pg_read_all_stats"],
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "make a login without SUPERUSER for the application and change its connection string" },
  }),
});
