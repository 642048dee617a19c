/** Settings that ALTER ROLE ... SET and ALTER DATABASE ... SET keep for new sessions, and the statement that takes one back. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import type { Facts } from "../../facts/facts.ts";

export interface StoredSetting {
  /** "role@database", quoted by the server; `*` for every role or every database. */
  holder: string;
  /** As it is stored; names that no library has claimed keep the case in which they were written. */
  name: string;
  value: string;
  /** ALTER ... RESET. */
  reset: string;
}

/** Stored settings whose names are among `names`, which are lower-case. No others are read: values may be secrets. */
export async function storedSettings(facts: Facts, names: readonly string[]): Promise<readonly StoredSetting[]> {
  return (await facts.query(storedSettingsSql(names))).map(settingOf);
}

function storedSettingsSql(names: readonly string[]): string {
  return `
  select r.rolname as role,
         d.datname as database,
         coalesce(pg_catalog.quote_ident(r.rolname), '*') || '@' ||
         coalesce(pg_catalog.quote_ident(d.datname), '*') as holder,
         pg_catalog.split_part(c.entry, '=', 1) as name,
         pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1) as value
    from pg_catalog.pg_db_role_setting as s
   cross join lateral pg_catalog.unnest(s.setconfig) as c (entry)
    left join pg_catalog.pg_roles as r on r.oid = s.setrole
    left join pg_catalog.pg_database as d on d.oid = s.setdatabase
   where pg_catalog.lower(pg_catalog.split_part(c.entry, '=', 1)) in (${names.map((name) => `'${name}'`).join(", ")})
   order by 3, 4`;
}

function settingOf(row: TextRow): StoredSetting {
  const { holder, name, value } = row;
  return { holder: holder ?? "", name: name ?? "", value: value ?? "", reset: resetOf(row) };
}

function resetOf({ role, database, name }: TextRow): string {
  const parameter = ident(name ?? "");
  const where = role === null || role === undefined ? undefined : `role ${ident(role)}`;
  const inside = database === null || database === undefined ? undefined : ident(database);
  if (where === undefined && inside !== undefined) return `alter database ${inside} reset ${parameter}`;
  return `alter ${where ?? "role all"}${inside === undefined ? "" : ` in database ${inside}`} reset ${parameter}`;
}
