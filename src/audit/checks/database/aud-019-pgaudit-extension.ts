/** AUD-019: pgAudit without its half in the database. */
import { queryCheck } from "../query-check.ts";
import { requirePgaudit } from "./preloaded.ts";

/** What the statement of the fix makes; the check itself defines nothing. */
const DATABASE_HALF = "extension pgaudit";

const SQL = `
  select pg_catalog.quote_ident(d.datname) as object,
         'pgaudit is loaded and its extension is not installed here' as detail
    from pg_catalog.pg_database as d
   where d.datname = pg_catalog.current_database()
     and not exists (select from pg_catalog.pg_extension as e where e.extname = 'pgaudit')`;

export default queryCheck({
  id: "AUD-019",
  title: "pgAudit is loaded without its extension",
  severity: "low",
  why:
    "The library records statements; which objects a DDL statement touched is added by event triggers that the extension " +
    "brings. Without them a DROP SCHEMA leaves one line for everything in it.",
  remedy: "Install the extension pgaudit in every database.",
  references: { other: ["pgAudit documentation"] },
  precondition: async (facts) => requirePgaudit(await facts.settings()),
  sql: SQL,
  found: () => ({
    fix: {
      kind: "sql",
      sql: [`create ${DATABASE_HALF}`],
      risk: "low",
      riskReason: "its event triggers run with every DDL statement",
    },
  }),
});
