/** PRV-028: publications that send every table. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select pg_catalog.quote_ident(p.pubname) as object,
         'FOR ALL TABLES' as detail
    from pg_catalog.pg_publication as p
   where p.puballtables
   order by 1`;

export default queryCheck({
  id: "PRV-028",
  title: "publication sends every table",
  severity: "low",
  why:
    "A subscriber of such a publication gets every table of the database, those that later migrations add included, without " +
    "anybody deciding about each.",
  remedy: "Publish the tables that the subscriber needs, from 15 on with row filters and column lists.",
  limits: "An upgrade by logical replication needs all tables for as long as it takes.",
  references: { manual: ["Logical Replication"] },
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "create a publication FOR TABLE with a list, let the subscriber use it, then drop this one",
    },
  }),
});
