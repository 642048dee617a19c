/** PRV-009: functions that everybody may execute, by schema. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { grantsSql, ROUTINES, statementOf } from "./grants.ts";
import { rowsCheck, valuesOf } from "./rows-check.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

/** Trigger functions are left out: nothing calls them by name. */
const WHERE = `p.prorettype not in ('trigger'::pg_catalog.regtype, 'event_trigger'::pg_catalog.regtype)
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_proc", "p.oid")}`;

const SQL = `
  select pg_catalog.quote_ident(q.schema) as object,
         q.schema, q.name, q.signature, q.kind, q.privileges, q.grantee, q.grantor, q.owner, q.is_passed_on,
         exists (
           select from pg_catalog.pg_namespace as s
            cross join lateral pg_catalog.aclexplode(coalesce(s.nspacl, pg_catalog.acldefault('n', s.nspowner))) as b
            where s.nspname = q.schema and b.grantee = 0 and b.privilege_type = 'USAGE') as is_open,
         exists (
           select from pg_catalog.pg_proc as p
             join pg_catalog.pg_namespace as s on s.oid = p.pronamespace
            where s.nspname = q.schema
              and not (${isOutsideExtensions("pg_proc", "p.oid")})) as has_extension
    from (${grantsSql([{ source: ROUTINES, entry: "a.grantee = 0", where: WHERE }])}) as q
   order by 1, q.name, q.signature`;

export default rowsCheck({
  id: "PRV-009",
  title: "everybody may execute functions",
  severity: "low",
  why:
    "The server grants EXECUTE on every new function to PUBLIC. A function that runs with its owner's rights, or does " +
    "something costly, is then open to any login that reaches its schema.",
  remedy:
    "Revoke EXECUTE from PUBLIC, now and for functions to come. The default has to be changed without IN SCHEMA: with it the " +
    "statement succeeds and changes nothing.",
  limits:
    "The built-in default. Info where PUBLIC has no USAGE on the schema. Members of extensions and trigger functions are left out.",
  references: { cis: ["4.5"], manual: ["Privileges", "ALTER DEFAULT PRIVILEGES"] },
  sql: SQL,
  found: (rows, first) => ({
    detail: `PUBLIC may execute ${rows.length} function${rows.length === 1 ? "" : "s"} or procedures`,
    severity: first.is_open === "t" ? undefined : "info",
    fix: {
      kind: "sql",
      sql: [...revokes(rows, first), ...valuesOf(rows, "owner").map(revokeDefault)],
      risk: "high",
      riskReason: "every role that calls these functions needs a grant of its own first",
    },
  }),
});

/** One statement for the schema, unless it would also close an extension's functions or miss what others granted. */
function revokes(rows: readonly TextRow[], first: TextRow): string[] {
  const isWhole = first.has_extension !== "t" && rows.every(({ grantor, owner }) => grantor === owner);
  if (!isWhole) return rows.map((row) => statementOf(row));
  return [`revoke execute on all routines in schema ${ident(first.schema ?? "")} from public`];
}

function revokeDefault(owner: string): string {
  return `alter default privileges for role ${ident(owner)} revoke execute on functions from public`;
}
