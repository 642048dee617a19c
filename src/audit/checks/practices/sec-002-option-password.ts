/** SEC-002: secrets in options that every role may read. */
import { ident, qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { queryCheck } from "../query-check.ts";
import { dropOptions, secretOptions } from "./foreign-options.ts";

const SQL = `
  select w.object,
         'every role can read its option ' || pg_catalog.array_to_string(w.names, ', ') as detail,
         w.kind, w.schema, w.name,
         pg_catalog.to_json(w.names) as names
    from (
      select 'server ' || pg_catalog.quote_ident(s.srvname) as object, 'server' as kind,
             null::pg_catalog.name as schema, s.srvname as name, ${secretOptions("s.srvoptions")} as names
        from pg_catalog.pg_foreign_server as s
       union all
      select 'foreign data wrapper ' || pg_catalog.quote_ident(f.fdwname), 'foreign data wrapper',
             null, f.fdwname, ${secretOptions("f.fdwoptions")}
        from pg_catalog.pg_foreign_data_wrapper as f
       union all
      select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), 'foreign table',
             n.nspname, c.relname, ${secretOptions("t.ftoptions")}
        from pg_catalog.pg_foreign_table as t
        join pg_catalog.pg_class as c on c.oid = t.ftrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    ) as w
   where w.names is not null
   order by 1`;

export default queryCheck({
  id: "SEC-002",
  title: "password in the options of a foreign server or table",
  severity: "high",
  why: "These options are in catalogs that every role may read: the password is public to whoever can connect at all.",
  remedy: "Move the option to the user mapping or, better, out of the database; and change the password, it is known.",
  limits: "Known by the option's name; values are not read.",
  references: { manual: ["postgres_fdw", "CREATE SERVER"] },
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`alter ${targetOf(row)} options (${dropOptions(row)})`],
      risk: "high",
      riskReason: "connections fail until the user mapping has what they need",
    },
  }),
});

function targetOf({ kind, schema, name }: TextRow): string {
  return `${kind} ${schema ? qualified(schema, name ?? "") : ident(name ?? "")}`;
}
