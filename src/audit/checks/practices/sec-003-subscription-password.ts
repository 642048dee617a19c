/** SEC-003: passwords of publishers, kept in the catalog. */
import { queryCheck } from "../query-check.ts";
import { hasPassword } from "./credential-patterns.ts";

const SQL = `
  select pg_catalog.quote_ident(s.subname) as object,
         'its connection string holds a password' as detail
    from pg_catalog.pg_subscription as s
    join pg_catalog.pg_database as d on d.oid = s.subdbid and d.datname = pg_catalog.current_database()
   where ${hasPassword("s.subconninfo")}
   order by 1`;

export default queryCheck({
  id: "SEC-003",
  title: "password in a subscription",
  severity: "medium",
  why:
    "Superusers and members of pg_read_all_data read it in the catalog, and it opens the publisher's database to " +
    "whoever has it.",
  remedy: "Name a password file in the connection string, and change the publisher's password.",
  references: { manual: ["Logical Replication", "The Password File"] },
  needs: ["superuser"],
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "ALTER SUBSCRIPTION ... CONNECTION with passfile=/path/of/the/server's/account/.pgpass and no password.",
    },
  }),
});
