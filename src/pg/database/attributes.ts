/**
 * Everything a server knows about a database that is not inside it: what a recreated database must have again.
 *
 * Columns of pg_database differ by version (14 has no locale provider, 17 renamed the ICU locale), so the row is read
 * as JSON and asked for the keys that may be there. Two things are left out on purpose: the collation version, which
 * must be the one the new files are made with, and the flag for login event triggers, which live inside the database.
 */
import { assert } from "../../base/assert.ts";
import type { Session, TextRow } from "../session.ts";

export type LocaleProvider = "libc" | "icu" | "builtin";

/** One entry of an access list, privilege by privilege, in the order the server keeps them. */
export interface AclEntry {
  grantor: string;
  /** undefined: PUBLIC. */
  grantee: string | undefined;
  /** "CONNECT", "CREATE", "TEMPORARY". */
  privilege: string;
  isGrantable: boolean;
}

export interface DatabaseSettings {
  /** undefined: for everybody (ALTER DATABASE ... SET); else ALTER ROLE ... IN DATABASE ... SET. */
  role: string | undefined;
  /** "name=value", the value as the server keeps it. */
  entries: readonly string[];
}

export interface SecurityLabel {
  provider: string;
  label: string;
}

export interface DatabaseAttributes {
  /** Which database it is: another one of the same name has another. */
  oid: string;
  name: string;
  owner: string;
  encoding: string;
  /** undefined before version 15, which knows libc only. */
  localeProvider: LocaleProvider | undefined;
  collate: string;
  characterType: string;
  /** Of the provider icu or builtin. */
  locale: string | undefined;
  icuRules: string | undefined;
  tablespace: string;
  connectionLimit: number;
  allowsConnections: boolean;
  isTemplate: boolean;
  /** undefined: the default access list. */
  acl: readonly AclEntry[] | undefined;
  settings: readonly DatabaseSettings[];
  comment: string | undefined;
  labels: readonly SecurityLabel[];
}

/** A DROP DATABASE that was interrupted leaves this mark; it is no limit anybody chose. */
const INVALID_DATABASE = -2;

const READ = `
  select d.oid as oid,
         d.datname as name,
         pg_catalog.pg_get_userbyid(d.datdba) as owner,
         pg_catalog.pg_encoding_to_char(d.encoding) as encoding,
         d.datcollate as collate,
         d.datctype as ctype,
         pg_catalog.to_jsonb(d) as columns,
         t.spcname as tablespace,
         d.datconnlimit as connection_limit,
         d.datallowconn as allows_connections,
         d.datistemplate as is_template,
         case when d.datacl is not null then (
           select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                    'grantor', pg_catalog.pg_get_userbyid(a.grantor),
                    'grantee', case when a.grantee <> 0 then pg_catalog.pg_get_userbyid(a.grantee) end,
                    'privilege', a.privilege_type,
                    'isGrantable', a.is_grantable) order by a.place), '[]')
             from pg_catalog.aclexplode(d.datacl) with ordinality
                    as a (grantor, grantee, privilege_type, is_grantable, place)
         ) end as acl,
         (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                    'role', case when s.setrole <> 0 then pg_catalog.pg_get_userbyid(s.setrole) end,
                    'entries', s.setconfig) order by s.setrole)
            from pg_catalog.pg_db_role_setting as s
           where s.setdatabase = d.oid) as settings,
         pg_catalog.shobj_description(d.oid, 'pg_database') as comment,
         (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('provider', l.provider, 'label', l.label)
                    order by l.provider)
            from pg_catalog.pg_shseclabel as l
           where l.objoid = d.oid and l.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass) as labels
    from pg_catalog.pg_database as d
    join pg_catalog.pg_tablespace as t on t.oid = d.dattablespace
   where d.datname = $1`;

/** The attributes of database `name`; undefined when there is none. Throws ServerError. */
export async function readDatabase(session: Session, name: string): Promise<DatabaseAttributes | undefined> {
  const [row] = await session.query(READ, [name]);
  return row && attributesOf(row);
}

function attributesOf(row: TextRow): DatabaseAttributes {
  const columns = record(parse(row.columns));
  const limit = Number(row.connection_limit);
  return {
    oid: text(row.oid),
    name: text(row.name),
    owner: text(row.owner),
    encoding: text(row.encoding),
    localeProvider: providerOf(columns.datlocprovider),
    collate: text(row.collate),
    characterType: text(row.ctype),
    locale: optionalText(columns.datlocale ?? columns.daticulocale),
    icuRules: optionalText(columns.daticurules),
    tablespace: text(row.tablespace),
    connectionLimit: limit === INVALID_DATABASE ? -1 : limit,
    allowsConnections: row.allows_connections === "t",
    isTemplate: row.is_template === "t",
    acl: row.acl === null ? undefined : list(row.acl).map(aclEntryOf),
    settings: list(row.settings).map(settingsOf),
    comment: row.comment ?? undefined,
    labels: list(row.labels).map((item) => ({ provider: text(item.provider), label: text(item.label) })),
  };
}

function aclEntryOf(item: Record<string, unknown>): AclEntry {
  return {
    grantor: text(item.grantor),
    grantee: optionalText(item.grantee),
    privilege: text(item.privilege),
    isGrantable: item.isGrantable === true,
  };
}

function settingsOf(item: Record<string, unknown>): DatabaseSettings {
  assert(Array.isArray(item.entries), "setconfig is an array");
  return { role: optionalText(item.role), entries: item.entries.map(text) };
}

function providerOf(letter: unknown): LocaleProvider | undefined {
  const providers: Record<string, LocaleProvider> = { c: "libc", i: "icu", b: "builtin" };
  return typeof letter === "string" ? providers[letter] : undefined;
}

function parse(json: string | null | undefined): unknown {
  return json ? JSON.parse(json) : undefined;
}

function list(json: string | null | undefined): Record<string, unknown>[] {
  const parsed = parse(json);
  return Array.isArray(parsed) ? parsed.map(record) : [];
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function text(value: unknown): string {
  assert(typeof value === "string", "the catalog's column is text");
  return value;
}

function optionalText(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : text(value);
}
