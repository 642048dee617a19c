/** RLS-013: columns whose names promise something private, open with their whole table. */
import { ident, literal } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { queryCheck } from "../query-check.ts";
import { textsOf } from "./json-texts.ts";
import { IS_USER_RELATION, relationOf } from "./row-security.ts";
import { isOutsideExtensions } from "./user-objects.ts";

/** Compared as a list, which is a hash; a pattern would cost as much as the rest of the check on many columns. */
const SENSITIVE = `pg_catalog.lower(t.attname) = any ('{${[
  ["ssn", "social_security", "social_security_number", "national_id", "tax_id", "iban", "cvv", "card_number"],
  ["passport", "passport_no", "passport_number", "creditcard", "credit_card"],
  ["creditcard_no", "credit_card_no", "creditcard_number", "credit_card_number"],
  ["date_of_birth", "dob", "diagnosis", "medical_record"],
  ["password", "password_hash", "passwd", "apikey", "api_key", "secret", "secret_key", "private_key"],
  ["access_token", "refresh_token"],
].join(",")}}'::pg_catalog.text[])`;

/** `schema.table.column` of the operator's declarations as a condition; `*` is any name. */
function isDeclared(pattern: string): string {
  const [schema = "*", table = "*", column = "*"] = pattern.split(".");
  const named = (expression: string, name: string) => (name === "*" ? "true" : `${expression} = ${literal(name)}`);
  return `(${named("n.nspname", schema)} and ${named("c.relname", table)} and ${named("t.attname", column)})`;
}

function sqlFor(declared: readonly string[]): string {
  const isSensitive = [SENSITIVE, ...declared.map(isDeclared)].join(" or ");
  return `
  with columns as materialized (
    select c.oid, t.attname, pg_catalog.quote_ident(t.attname) as shown
      from pg_catalog.pg_attribute as t
      join pg_catalog.pg_class as c on c.oid = t.attrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'f', 'm', 'v')
       and c.relacl is not null
       and not c.relrowsecurity
       and t.attnum > 0
       and not t.attisdropped
       and ${IS_USER_RELATION}
       and (${isSensitive})
  ),
  tables as materialized (
    select s.oid, pg_catalog.array_agg(s.attname) as names from columns as s group by s.oid
  ),
  grants as materialized (
    select distinct c.oid, a.grantee
      from tables as t
      join pg_catalog.pg_class as c on c.oid = t.oid
     cross join lateral pg_catalog.aclexplode(c.relacl) as a
     where a.privilege_type = 'SELECT'
       and a.grantee <> c.relowner
       and ${isOutsideExtensions("pg_class", "c.oid")}
  )
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || '.' || s.shown || ' <- '
         || coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC') as object,
         'readable with the whole table, and no row security' as detail,
         n.nspname as schema,
         c.relname as name,
         coalesce(r.rolname, '') as grantee,
         (select pg_catalog.json_agg(t.attname order by t.attnum)
            from pg_catalog.pg_attribute as t
           where t.attrelid = c.oid
             and t.attnum > 0
             and not t.attisdropped
             and t.attname <> all (k.names)) as others
    from columns as s
    join tables as k on k.oid = s.oid
    join pg_catalog.pg_class as c on c.oid = s.oid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join grants as g on g.oid = s.oid
    left join pg_catalog.pg_roles as r on r.oid = g.grantee
   where r.rolsuper is not true
   order by 1`;
}

export default queryCheck({
  id: "RLS-013",
  title: "sensitive column is readable with its whole table",
  severity: "medium",
  why:
    "Whoever may select from the table gets this column of every row along with the rest. Most readers of such tables " +
    "need the other columns.",
  remedy: "Grant SELECT on the columns that are needed, filter rows by policies, or mask the column in a view.",
  limits:
    "Known by name (ssn, iban, date_of_birth, api_key and others) and by what the configuration declares as sensitive; " +
    "what the column holds is not read. Superusers and the owner are left out.",
  references: { manual: ["GRANT", "Row Security Policies"], other: ["splinter 0023"] },
  sql: (_major, { declared }) => sqlFor(declared.sensitive ?? []),
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: columnGrants(row),
      risk: "high",
      riskReason: "statements of the role that read the column, or all columns with *, fail",
    },
  }),
});

/** SELECT on the table for SELECT on its other columns. */
function columnGrants(row: TextRow): string[] {
  const role = row.grantee ? ident(row.grantee) : "public";
  const others = textsOf(row.others).map(ident).join(", ");
  const grant = `grant select (${others}) on table ${relationOf(row)} to ${role}`;
  return [`revoke select on table ${relationOf(row)} from ${role}`, ...(others === "" ? [] : [grant])];
}
