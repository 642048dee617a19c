/** SEC-009: columns that look like clear text passwords. */
import { FROM_RELATIONS, IS_USER_RELATION } from "../database/row-security.ts";
import { isOutsideExtensions } from "../database/user-objects.ts";
import { queryCheck } from "../query-check.ts";

const SQL = `
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || '.'
         || pg_catalog.quote_ident(t.attname) as object,
         'column of type ' || pg_catalog.format_type(t.atttypid, t.atttypmod) || ' named like a password' as detail
  ${FROM_RELATIONS}
    join pg_catalog.pg_attribute as t on t.attrelid = c.oid
    join pg_catalog.pg_type as y on y.oid = t.atttypid
   where c.relkind in ('r', 'p')
     and not c.relispartition
     and t.attnum > 0
     and not t.attisdropped
     and t.attname ~* '^(user_?)?(password|passwd|pwd|plain_?password|password_?plain|passphrase)$'
     and (y.typname = 'citext'
          or t.atttypid in ('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype,
                            'pg_catalog.bpchar'::pg_catalog.regtype))
     and ${IS_USER_RELATION}
     and ${isOutsideExtensions("pg_class", "c.oid")}
   order by 1`;

export default queryCheck({
  id: "SEC-009",
  title: "column that may hold passwords in clear text",
  severity: "medium",
  why: "Whoever reads one row, one backup or one log line of such a table can log in as somebody, here and elsewhere.",
  remedy:
    "Store the result of a slow one-way function: argon2 or bcrypt in the application, or crypt() with gen_salt('bf'). " +
    "Call the column password_hash.",
  limits:
    "Known by the name alone; rows are never read, so a column that holds hashes under this name is reported as well. " +
    "Rename it or waive it.",
  references: { manual: ["pgcrypto"], other: ["CWE-256"] },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Hash what the column holds, or rename it when it holds hashes already." },
  }),
});
