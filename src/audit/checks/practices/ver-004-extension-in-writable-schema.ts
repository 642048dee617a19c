/** VER-004: extensions in schemas where roles other than their owners can create objects. */
import { ident } from "../../../pg/identifiers.ts";
import type { Fix } from "../../fix.ts";
import { queryCheck } from "../query-check.ts";

/** One row per extension and grantee, so that each gets its own REVOKE. */
const SQL = `
  select pg_catalog.quote_ident(e.extname) || ' (' ||
         case g.grantee when 0 then 'public' else pg_catalog.quote_ident(r.rolname) end || ')' as object,
         'in schema ' || pg_catalog.quote_ident(n.nspname) || ', where ' ||
         case g.grantee when 0 then 'everybody' else pg_catalog.quote_ident(r.rolname) end ||
         ' can create objects' as detail,
         n.nspname as schema, coalesce(r.rolname, '') as grantee
    from pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
   cross join lateral (select distinct a.grantee
                         from pg_catalog.aclexplode(n.nspacl) as a
                        where a.privilege_type = 'CREATE') as g
    left join pg_catalog.pg_roles as r on r.oid = g.grantee
   where n.nspname <> 'pg_catalog'
     and g.grantee <> all (array[n.nspowner, e.extowner])
     and (g.grantee = 0 or r.oid is not null)
     and not coalesce(r.rolsuper, false)
   order by 1`;

export default queryCheck({
  id: "VER-004",
  title: "extension in a schema that others can write to",
  severity: "medium",
  why:
    "Scripts of an extension run with high rights and refer to its schema. Who can create functions or operators there can " +
    "put one beside them that a script, or a user of the extension, calls instead.",
  remedy: "Give extensions a schema of their own in which nobody else may create, or take CREATE away on this one.",
  limits: "The owners of the schema and of the extension, and superusers, are not reported.",
  references: { manual: ["Packaging Related Objects into an Extension", "Schemas"], other: ["splinter 0014"] },
  sql: SQL,
  found: ({ schema, grantee }) => ({ fix: revokeCreate(schema ?? "", grantee ?? "") }),
});

function revokeCreate(schema: string, from: string): Fix {
  const object = ident(schema);
  return {
    kind: "revoke",
    on: "schema",
    object,
    privileges: ["CREATE"],
    from,
    sql: `revoke create on schema ${object} from ${from === "" ? "public" : ident(from)}`,
    risk: "medium",
    riskReason: "what creates objects there without owning the schema stops working",
  };
}
