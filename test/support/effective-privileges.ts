/**
 * What the server itself answers about privileges, one statement per kind of object, to hold computed answers to.
 *
 * Rows are (role, object, bits): PUBLIC is the empty name, bits are those of src/access/privileges/privilege.ts.
 */
import type { ObjectKind } from "../../src/access/privileges/catalog-object.ts";
import { knownTo, type PrivilegeName, privilegeSet } from "../../src/access/privileges/privilege.ts";
import type { PrivilegeKind } from "../../src/access/privileges/privilege-kind.ts";
import type { Session } from "../../src/pg/session.ts";

const FUNCTIONS: Partial<Record<ObjectKind, { call: string; objects: string; since?: number }>> = {
  database: { call: "has_database_privilege", objects: "select oid from pg_database" },
  schema: { call: "has_schema_privilege", objects: "select oid from pg_namespace" },
  table: { call: "has_table_privilege", objects: "select oid from pg_class where relkind in ('r','p','v','m','f')" },
  sequence: { call: "has_sequence_privilege", objects: "select oid from pg_class where relkind = 'S'" },
  routine: { call: "has_function_privilege", objects: "select oid from pg_proc" },
  type: { call: "has_type_privilege", objects: "select oid from pg_type" },
  language: { call: "has_language_privilege", objects: "select oid from pg_language" },
  "foreign-data-wrapper": {
    call: "has_foreign_data_wrapper_privilege",
    objects: "select oid from pg_foreign_data_wrapper",
  },
  "foreign-server": { call: "has_server_privilege", objects: "select oid from pg_foreign_server" },
  "large-object": {
    call: "has_largeobject_privilege",
    objects: "select oid from pg_largeobject_metadata",
    since: 18,
  },
  tablespace: { call: "has_tablespace_privilege", objects: "select oid from pg_tablespace" },
};

/** "role\0oid" to bits; undefined where this version has no such function. */
export async function serverAnswers(
  session: Session,
  kind: PrivilegeKind,
  { oids, grantOption = false }: { oids: readonly number[]; grantOption?: boolean },
): Promise<Map<string, number> | undefined> {
  const major = Math.trunc(session.serverVersion / 10_000);
  if (kind.name === "parameter") return parameterAnswers(session, kind, { major, grantOption });
  const known = FUNCTIONS[kind.name];
  if (!known || major < (known.since ?? 0)) return undefined;
  const bits = bitsOf(kind, major)
    .map(
      ([name, bit]) => `case when ${known.call}(r.oid, o.oid, '${name}${option(grantOption)}') then ${bit} else 0 end`,
    )
    .join(" + ");
  const rows = await session.query(
    `select r.rolname as role, o.oid, ${bits} as bits
       from (select oid, rolname::text from pg_roles union all select 0, '') as r,
            (${known.objects}) as o
      where o.oid = any ($1::oid[])`,
    [`{${oids.join(",")}}`],
  );
  return new Map(rows.map(({ role, oid, bits: set }) => [`${role}\0${oid}`, Number(set)]));
}

async function parameterAnswers(
  session: Session,
  kind: PrivilegeKind,
  { major, grantOption }: { major: number; grantOption: boolean },
): Promise<Map<string, number> | undefined> {
  if (major < 15) return undefined;
  const bits = bitsOf(kind, major)
    .map(
      ([name, bit]) =>
        `case when has_parameter_privilege(r.oid, o.parname, '${name}${option(grantOption)}') then ${bit} else 0 end`,
    )
    .join(" + ");
  const rows = await session.query(
    `select r.rolname as role, o.oid, ${bits} as bits
       from (select oid, rolname::text from pg_roles union all select 0, '') as r, pg_parameter_acl as o`,
  );
  return new Map(rows.map(({ role, oid, bits: set }) => [`${role}\0${oid}`, Number(set)]));
}

const option = (grantOption: boolean): string => (grantOption ? " with grant option" : "");

function bitsOf(kind: PrivilegeKind, major: number): [PrivilegeName, number][] {
  return kind.privileges
    .map((name): [PrivilegeName, number] => [name, knownTo(privilegeSet([name]), major)])
    .filter(([, bit]) => bit !== 0);
}
