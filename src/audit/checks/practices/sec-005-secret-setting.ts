/** SEC-005: secrets in settings that are stored for roles and databases. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { textsOf } from "../database/json-texts.ts";
import { queryCheck } from "../query-check.ts";

/** Names of secrets; names of what is about secrets; values that are none. */
const SQL = `
  select coalesce(pg_catalog.quote_ident(r.rolname), '*') || '@' || coalesce(pg_catalog.quote_ident(d.datname), '*') as object,
         'every role can read ' || pg_catalog.string_agg(c.name, ', ' order by c.name) as detail,
         r.rolname as role,
         d.datname as database,
         pg_catalog.json_agg(c.name order by c.name) as names
    from pg_catalog.pg_db_role_setting as s
   cross join lateral (
           select pg_catalog.split_part(x.entry, '=', 1) as name,
                  pg_catalog.substr(x.entry, pg_catalog.strpos(x.entry, '=') + 1) !~* '^(\\d{1,9}|on|off|true|false|yes|no)?$'
                    as is_value
             from pg_catalog.unnest(s.setconfig) as x (entry)
         ) as c
    left join pg_catalog.pg_roles as r on r.oid = s.setrole
    left join pg_catalog.pg_database as d on d.oid = s.setdatabase
   where c.is_value
     and c.name ~* '(password|passwd|passphrase|secret|token|api_?key|jwt|credential|private)'
     and c.name !~* '^(password_encryption|md5_password_warnings|password_expiration_warning_threshold|createrole_self_grant|ssl_passphrase_command.*)$'
     and c.name !~* '_(ttl|policy|timeout|length|len|enabled|required|iterations|expiry|lifetime|count|algorithm|url|file|path|issuer|audience)$'
   group by s.setrole, s.setdatabase, r.rolname, d.datname
   order by 1`;

export default queryCheck({
  id: "SEC-005",
  title: "secret in a setting of a role or database",
  severity: "high",
  why:
    "What ALTER ROLE ... SET and ALTER DATABASE ... SET store is in a catalog that every role may read, in every " +
    "database of the cluster.",
  remedy:
    "Hand the value over when the session begins, or read it from a table that only a SECURITY DEFINER function may; " +
    "then change the secret.",
  limits:
    "Known by the setting's name. Numbers, booleans and names such as token_ttl are left out; values are not read.",
  references: { manual: ["ALTER ROLE", "ALTER DATABASE", "pg_db_role_setting"] },
  scope: "cluster",
  sql: SQL,
  found: (row) => ({
    fix: {
      kind: "sql",
      sql: textsOf(row.names).map((name) => `${holderOf(row)} reset ${ident(name)}`),
      risk: "high",
      riskReason: "sessions that read the setting no longer find it",
    },
  }),
});

function holderOf({ role, database }: TextRow): string {
  if (!role && database) return `alter database ${ident(database)}`;
  return `alter role ${role ? ident(role) : "all"}${database ? ` in database ${ident(database)}` : ""}`;
}
