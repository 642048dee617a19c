/** PRV-010: default privileges that give PUBLIC something on every new object. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { queryCheck } from "../query-check.ts";

/** Global entries of functions and types hold what PUBLIC has anyway. */
const SQL = `
  select pg_catalog.quote_ident(r.rolname) || ' in ' || coalesce(pg_catalog.quote_ident(n.nspname), '*') ||
         ' (' || d.defaclobjtype::pg_catalog.text || ')' as object,
         'new ' || k.kind || ' give PUBLIC ' ||
         pg_catalog.string_agg(a.privilege_type, ', ' order by a.privilege_type) as detail,
         r.rolname as role,
         n.nspname as schema,
         k.kind,
         pg_catalog.string_agg(pg_catalog.lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
    from pg_catalog.pg_default_acl as d
    join pg_catalog.pg_roles as r on r.oid = d.defaclrole
    left join pg_catalog.pg_namespace as n on n.oid = d.defaclnamespace
   cross join lateral pg_catalog.aclexplode(d.defaclacl) as a
   cross join lateral (
     select case d.defaclobjtype::pg_catalog.text
              when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
              when 'T' then 'types' when 'n' then 'schemas' when 'L' then 'large objects' end as kind) as k
   where a.grantee = 0
     and not (d.defaclnamespace = 0 and d.defaclobjtype in ('f', 'T'))
   group by r.rolname, n.nspname, d.defaclobjtype, k.kind
   order by 1`;

export default queryCheck({
  id: "PRV-010",
  title: "new objects are opened to everybody",
  severity: "medium",
  why:
    "A default privilege for PUBLIC works on objects that nobody has made yet: every new table or schema of that role is " +
    "open from its first moment, without a GRANT in any migration.",
  remedy: "Take PUBLIC out of the default privileges, and look at what was created meanwhile: PRV-007 and PRV-008.",
  limits: "That new functions are executable by everybody is the server's own default and PRV-009.",
  references: { manual: ["ALTER DEFAULT PRIVILEGES"] },
  sql: SQL,
  found: (row) => ({
    fix: { kind: "sql", sql: [revoke(row)], risk: "low", riskReason: "objects created later are not open any more" },
  }),
});

function revoke({ role, schema, kind, privileges }: TextRow): string {
  const where = schema === null || schema === undefined ? "" : ` in schema ${ident(schema)}`;
  return `alter default privileges for role ${ident(role ?? "")}${where} revoke ${privileges} on ${kind} from public`;
}
