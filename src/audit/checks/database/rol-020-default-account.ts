/** ROL-020: logins named like those that scripts try first. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const NAMES = [
  "test",
  "demo",
  "guest",
  "anonymous",
  "user",
  "dev",
  "temp",
  "tmp",
  "sample",
  "example",
  "scott",
  "admin",
  "root",
  "sa",
];

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         'can log in under a name that scripts try' as detail
    from pg_catalog.pg_roles as r
   where r.rolcanlogin
     and pg_catalog.lower(r.rolname::pg_catalog.text) in (${NAMES.map((name) => `'${name}'`).join(", ")})
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-020",
  title: "login looks like a default account",
  severity: "medium",
  why:
    "Half of a guessed login is its name, and these stand at the top of every list. Such accounts are often left over from " +
    "a trial, with a password to match.",
  remedy: "Drop the role if nothing uses it, else rename it.",
  references: { cis: ["4.4"] },
  scope: "cluster",
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "drop the role after pgkeep access explain shows what depends on it, or rename it" },
  }),
});
