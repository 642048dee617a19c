/** SEC-001: passwords of other servers, kept in the catalog. */
import { queryCheck } from "../query-check.ts";
import { dropOptions, secretOptions } from "./foreign-options.ts";
import { FROM_MAPPINGS, MAPPING_COLUMNS, mappingOf } from "./user-mapping.ts";

const SQL = `
  select ${MAPPING_COLUMNS},
         'stored in the catalog: option ' || pg_catalog.array_to_string(o.names, ', ') as detail,
         pg_catalog.to_json(o.names) as names
  ${FROM_MAPPINGS}
   cross join lateral (select ${secretOptions("u.umoptions")} as names) as o
   where o.names is not null
   order by 1`;

export default queryCheck({
  id: "SEC-001",
  title: "password in a user mapping",
  severity: "medium",
  why:
    "The catalog keeps it as it was typed. The mapped role, the owner of the foreign server and every superuser read it, " +
    "and so does whoever gets a dump.",
  remedy:
    "Use a password file of the server's account, GSS delegation or a client certificate; from PostgreSQL 18 on SCRAM " +
    "can be passed through. Then change the password.",
  limits: "Known by the option's name; values are not read.",
  references: { manual: ["postgres_fdw", "CREATE USER MAPPING"] },
  needs: ["superuser"],
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`alter ${mappingOf(row)} options (${dropOptions(row)})`],
      risk: "high",
      riskReason: "connections to the other server fail until they authenticate in another way",
    },
  }),
});
