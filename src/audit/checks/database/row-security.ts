/**
 * SQL about tables under row security and their policies.
 *
 * Aliases: `c` for pg_class, `n` for its schema, `p` for pg_policy. Expressions of policies are judged as the server writes
 * them back; nothing is evaluated.
 */
import { qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { isUserSchema } from "./user-objects.ts";

/** Columns by which `relationOf` names it; `object` is its printed name. */
export const RELATION_COLUMNS = `
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as object,
         n.nspname as schema,
         c.relname as name`;

/** Tables outside the server's own schemas. */
export const FROM_RELATIONS = `
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace`;

export const IS_USER_RELATION = isUserSchema();

/** The table or view in a statement. */
export function relationOf({ schema, name }: TextRow): string {
  return qualified(schema ?? "", name ?? "");
}

/**
 * Whether an expression lets every row through, as far as its text tells: a constant, a comparison of a thing with
 * itself, or either of them in an OR. The server writes every operator in parentheses of its own, so what stands next to
 * the outermost one is the outermost operator's.
 */
export function isAlwaysTrue(expression: string): string {
  const flat = `pg_catalog.regexp_replace(${expression}, '[() ]|::[a-z ]+', '', 'g')`;
  return `(${flat} = 'true'
        or ${flat} = 'NOTfalse'
        or ${flat} ~ '^([0-9A-Za-z_.]+|''[^'']*'')=\\1$'
        or ${expression} ~ '^\\((true|\\(1 = 1\\)) OR '
        or ${expression} ~ ' OR (true|\\(1 = 1\\))\\)$')`;
}

/** Which rows the policy shows, changes or deletes; NULL where its command knows no such rows. */
export const USING = "pg_catalog.pg_get_expr(p.polqual, p.polrelid)";

/** Which rows it lets in: without an expression of its own, those that it shows. NULL for SELECT and DELETE. */
export const CHECK = `case when p.polcmd in ('a', 'w', '*')
              then coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), ${USING}) end`;

/** A restrictive policy of the same table holds everybody back whom policy `p` lets through. */
export const IS_RESTRICTED = `exists (
         select from pg_catalog.pg_policy as r
          where r.polrelid = p.polrelid
            and not r.polpermissive
            and (r.polcmd = '*' or r.polcmd = p.polcmd)
            and (0::pg_catalog.oid = any (r.polroles) or r.polroles @> p.polroles)
            and not coalesce(${isAlwaysTrue("pg_catalog.pg_get_expr(r.polqual, r.polrelid)")}, false))`;

/** The policy as people write it: `app.orders / "my policy"`. */
export const POLICY_OBJECT = `
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || ' / '
         || pg_catalog.quote_ident(p.polname) as object`;

/** A boolean option of a view, in every spelling that the server takes. */
export function hasOption(relation: string, name: string): string {
  return `exists (
         select from pg_catalog.unnest(${relation}.reloptions) as x (entry)
          where x.entry ~* '^${name}=(t|tr|tru|true|y|ye|yes|on|1)$')`;
}
