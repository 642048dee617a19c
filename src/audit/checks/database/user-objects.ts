/** SQL conditions by which checks tell what people made from what the server and its extensions brought along. */

/** The schema with the alias `n` is neither the server's own nor temporary: names that begin with pg_ are reserved. */
export function isUserSchema(n = "n"): string {
  return `${n}.nspname !~ '^pg_' and ${n}.nspname <> 'information_schema'`;
}

/**
 * The object is no member of an extension. `catalog` is the catalog that `oid` belongs to: oids are unique within one
 * catalog only, so a dependency found by oid alone may be another object's. Naming the catalog of extensions lets the
 * server find their members by index and leave the rest of pg_depend alone.
 */
export function isOutsideExtensions(catalog: string, oid: string): string {
  return `not exists (
         select from pg_catalog.pg_depend as x
          where x.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
            and x.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass
            and x.objid = ${oid}
            and x.deptype = 'e')`;
}

/**
 * The membership with the alias `m` is the one that a server from 16 on gives the creator of a role: made by the
 * bootstrap superuser, with ADMIN alone. It is part of having created the role and nobody's decision.
 */
export function isCreatorsMembership(major: number, m = "m"): string {
  return major < 16
    ? "false"
    : `(${m}.grantor = 10 and ${m}.admin_option and not ${m}.inherit_option and not ${m}.set_option)`;
}

/** Tables that only the relay's own schema has together. */
const RELAY_TABLES =
  "('tide_outbox_config', 'tide_outbox_messages', 'relay_outbox_config', 'relay_inbox_config', 'meta')";

/**
 * The schema with the alias `n` is not the relay's own. What the relay ships there is judged by checks that compare it with
 * what was shipped (TID-006): a guess about its text would only repeat what was reviewed when it was written.
 */
export function isOutsideRelay(n = "n"): string {
  return `not (${n}.nspname = 'tide' and (
         select pg_catalog.count(*) = 5 from pg_catalog.pg_class as x
          where x.relnamespace = ${n}.oid and x.relname in ${RELAY_TABLES}))`;
}
