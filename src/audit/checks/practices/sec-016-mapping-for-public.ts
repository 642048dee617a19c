/** SEC-016: credentials that everybody uses. */
import { queryCheck } from "../query-check.ts";
import { FROM_MAPPINGS, MAPPING_COLUMNS, mappingOf } from "./user-mapping.ts";

const SQL = `
  select ${MAPPING_COLUMNS},
         'one credential for every role with USAGE on the server' as detail
  ${FROM_MAPPINGS}
   where u.umuser = 0
     and exists (select from pg_catalog.unnest(u.umoptions) as x (entry) where x.entry ~* '^(password|user)=')
   order by 1`;

export default queryCheck({
  id: "SEC-016",
  title: "user mapping for PUBLIC holds credentials",
  severity: "medium",
  why:
    "Every role that may use the foreign server, now or later, acts there as the same user. The other server cannot tell " +
    "who did what.",
  remedy: "Make a mapping for each role that needs one, and drop the one for PUBLIC.",
  references: { manual: ["CREATE USER MAPPING"] },
  needs: ["superuser"],
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: [`drop ${mappingOf(row)}`],
      risk: "high",
      riskReason: "roles without a mapping of their own can no longer use the server",
    },
  }),
});
