/** SEC-015: mappings that connect as the server's own account. */
import { queryCheck } from "../query-check.ts";
import { dropOptions } from "./foreign-options.ts";
import { FROM_MAPPINGS, MAPPING_COLUMNS, mappingOf } from "./user-mapping.ts";

const SQL = `
  select ${MAPPING_COLUMNS},
         'password_required is off' as detail,
         pg_catalog.to_json(o.names) as names
  ${FROM_MAPPINGS}
   cross join lateral (
           select pg_catalog.array_agg(pg_catalog.split_part(x.entry, '=', 1)) as names
             from pg_catalog.unnest(u.umoptions) as x (entry)
            where x.entry ~* '^password_required=(f|fa|fal|fals|false|n|no|of|off|0)$'
         ) as o
   where o.names is not null
   order by 1`;

export default queryCheck({
  id: "SEC-015",
  title: "user mapping that asks for no password",
  severity: "high",
  why:
    "The role reaches the other server with what the server's own account has: a peer login, a password file, a client " +
    "certificate. That is often a superuser.",
  remedy: "Take the option away, so that the mapping has to bring a credential of its own.",
  references: { manual: ["postgres_fdw"] },
  needs: ["superuser"],
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`alter ${mappingOf(row)} options (${dropOptions(row)})`],
      risk: "high",
      riskReason: "the mapping needs a password or delegated credentials then",
    },
  }),
});
