/** PRV-019: schemas that a login finds first and somebody else owns. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isUserSchema } from "./user-objects.ts";

const SQL = `
  select pg_catalog.quote_ident(n.nspname) as object,
         'named like login ' || pg_catalog.quote_ident(r.rolname) || ', owned by ' ||
         pg_catalog.quote_ident(o.rolname) as detail
    from pg_catalog.pg_namespace as n
    join pg_catalog.pg_roles as r on r.rolname = n.nspname
    join pg_catalog.pg_roles as o on o.oid = n.nspowner
   where r.rolcanlogin
     and n.nspowner <> r.oid
     and not o.rolsuper
     and ${notOfProvider("o.rolname")}
     and ${isUserSchema()}
   order by 1`;

export default queryCheck({
  id: "PRV-019",
  title: "schema is named like a login and belongs to somebody else",
  severity: "high",
  why:
    'The default search_path begins with "$user", the schema of the login\'s own name. Whoever owns that schema decides ' +
    "which functions and tables this login finds first; with a schema named like a superuser, its next session runs them.",
  remedy: "Rename or drop the schema; look at its objects before giving it to the role, they stay their owner's.",
  limits: "Schemas that superusers own are left out.",
  references: { manual: ["Schemas"] },
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "look what is in the schema, then ALTER SCHEMA ... RENAME TO another name, or drop it",
    },
  }),
});
