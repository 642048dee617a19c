/**
 * Checks of who was granted what: objects whose access control lists hold entries that should not be there.
 *
 * A list is taken apart on the server and comes back as one row per object, grantee and grantor; rows of one finding are
 * put together here. The statement of a fix is written for what the server really does: REVOKE takes away what the
 * owner granted. What somebody else granted goes in that role's name, and what the grantee granted on goes with CASCADE.
 */
import { ident, qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { type Check, defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import type { RevokeFix, Risk } from "../../fix.ts";

/** One kind of object with access control lists. Everything is an SQL expression over `from`. */
export interface GrantSource {
  /** Kind as the access model calls it. */
  kind: string;
  from: string;
  /** The list; NULL has no entries, so kinds whose default gives PUBLIC something put it in. */
  acl: string;
  /** Oid of the owner. */
  owner: string;
  /** As people read it. */
  object: string;
  schema?: string;
  /** Unquoted. */
  name: string;
  /** Types of a routine's arguments, quoted by the server. */
  signature?: string;
  column?: string;
}

export const SCHEMAS: GrantSource = {
  kind: "'schema'",
  from: "pg_catalog.pg_namespace as n",
  acl: "n.nspacl",
  owner: "n.nspowner",
  object: "pg_catalog.quote_ident(n.nspname)",
  name: "n.nspname",
};

/** Tables, views, foreign tables and sequences. */
export const RELATIONS: GrantSource = {
  kind: "case when c.relkind = 'S' then 'sequence' else 'table' end",
  from: "pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace",
  acl: "c.relacl",
  owner: "c.relowner",
  object: "pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)",
  schema: "n.nspname",
  name: "c.relname",
};

export const COLUMNS: GrantSource = {
  ...RELATIONS,
  from: `${RELATIONS.from}
    join pg_catalog.pg_attribute as t on t.attrelid = c.oid and t.attacl is not null and not t.attisdropped`,
  acl: "t.attacl",
  object: `${RELATIONS.object} || '.' || pg_catalog.quote_ident(t.attname)`,
  column: "t.attname",
};

export const DATABASES: GrantSource = {
  kind: "'database'",
  from: "pg_catalog.pg_database as d",
  acl: "coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))",
  owner: "d.datdba",
  object: "pg_catalog.quote_ident(d.datname)",
  name: "d.datname",
};

/** Functions, procedures and aggregates. */
export const ROUTINES: GrantSource = {
  kind: "'routine'",
  from: "pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace",
  acl: "coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))",
  owner: "p.proowner",
  object: "p.oid::pg_catalog.regprocedure::pg_catalog.text",
  schema: "n.nspname",
  name: "p.proname",
  signature: "pg_catalog.oidvectortypes(p.proargtypes)",
};

/** The words of GRANT for the kinds of the access model. */
const KEYWORDS: Readonly<Record<string, string>> = {
  "foreign-server": "foreign server",
  "foreign-data-wrapper": "foreign data wrapper",
  "large-object": "large object",
};

/** Where to look for grants and which to take. */
export interface Grants {
  source: GrantSource;
  /** Condition on an entry of a list: `a` as aclexplode names its columns, and the source's aliases. */
  entry: string;
  /** Condition on objects (the source's aliases) and on the grantee: `e`, its row of pg_roles, null for PUBLIC. */
  where?: string;
}

interface GrantsCheckParts extends Omit<Check, "scope" | "needs" | "examine"> {
  /** Default "database". */
  scope?: Check["scope"];
  grants: (facts: Facts) => readonly Grants[];
  /** What a finding says about `privileges` of `grantee`. */
  detail: (entry: GrantEntry) => string;
  /** One finding per object and grantee instead of per object: for checks of more than PUBLIC. */
  perGrantee?: boolean;
  /** Only the right to grant on. */
  grantOptionOnly?: boolean;
  risk: Risk;
  riskReason: string | ((entry: GrantEntry) => string);
  severity: Check["severity"];
}

/** What is put together in one finding. */
export interface GrantEntry {
  /** Upper case, sorted. */
  privileges: readonly string[];
  /** As the server quotes it; PUBLIC. */
  grantee: string;
  object: string;
  /** As the server quotes it. */
  owner: string;
  /** What the fix does, for the most part. */
  sql: string;
}

export function grantsCheck(checkParts: GrantsCheckParts): Check {
  const { grants, detail, perGrantee = false, grantOptionOnly = false, risk, riskReason, ...parts } = checkParts;
  return defineCheck({
    ...parts,
    scope: parts.scope ?? "database",
    needs: [],
    examine: async (facts) => {
      const rows = await facts.query(grantsSql(grants(facts)));
      return [...grouped(rows, perGrantee)].map(([object, own]) => {
        const entry = entryOf(own, object, grantOptionOnly);
        const reason = typeof riskReason === "string" ? riskReason : riskReason(entry);
        const fix = { ...revokeOf(own, { entry, grantOptionOnly }), risk, riskReason: reason };
        return { object, detail: detail(entry), fix } satisfies Found;
      });
    },
  });
}

/** One query over all sources; every row is what one grantor gave one grantee on one object. */
export function grantsSql(grants: readonly Grants[]): string {
  return `${grants.map(sourceSql).join("\n  union all\n")}
   order by 1, 7, 9`;
}

/**
 * Entries are chosen and put together inside the lateral query, which depends on the list and little else: most objects
 * share a handful of lists, and the server keeps what it found for each (Memoize). On 10,000 tables with grants that is
 * 40 ms instead of 400.
 */
function sourceSql({ source, entry, where = "true" }: Grants): string {
  const { kind, from, acl, owner, object, schema = "null", name, signature = "null", column = "null" } = source;
  return `
  select ${object} as object,
         ${kind} as kind,
         ${schema}::pg_catalog.text as schema,
         ${name}::pg_catalog.text as name,
         ${signature}::pg_catalog.text as signature,
         ${column}::pg_catalog.text as "column",
         coalesce(e.rolname, '')::pg_catalog.text as grantee,
         coalesce(pg_catalog.quote_ident(e.rolname), 'PUBLIC') as shown_grantee,
         g.rolname::pg_catalog.text as grantor,
         o.rolname::pg_catalog.text as owner,
         pg_catalog.quote_ident(o.rolname) as shown_owner,
         a.privileges,
         a.is_passed_on
    from ${from}
   cross join lateral (
     select a.grantee,
            a.grantor,
            pg_catalog.string_agg(a.privilege_type, ',') as privileges,
            pg_catalog.bool_or(a.is_grantable and exists (
              select from pg_catalog.aclexplode(${acl}) as b
               where b.grantor = a.grantee
                 and b.grantee <> b.grantor
                 and b.privilege_type = a.privilege_type)) as is_passed_on
       from pg_catalog.aclexplode(${acl}) as a
      where ${entry}
      group by a.grantee, a.grantor) as a
    left join pg_catalog.pg_roles as e on e.oid = a.grantee
    left join pg_catalog.pg_roles as g on g.oid = a.grantor
    left join pg_catalog.pg_roles as o on o.oid = ${owner}
   where ${where}`;
}

/** Rows by finding, in the order of the query. */
export function grouped(rows: readonly TextRow[], perGrantee: boolean): Map<string, readonly TextRow[]> {
  const groups = new Map<string, readonly TextRow[]>();
  for (const row of rows) {
    const key = perGrantee ? `${row.object} <- ${row.shown_grantee}` : (row.object ?? "");
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

function entryOf(rows: readonly TextRow[], object: string, grantOptionOnly: boolean): GrantEntry {
  const [first] = rows;
  return {
    privileges: privilegesOf(rows),
    grantee: first?.shown_grantee ?? "",
    object,
    owner: first?.shown_owner ?? "",
    sql: rows.map((row) => statementOf(row, grantOptionOnly)).join("; "),
  };
}

const privilegesOf = (rows: readonly TextRow[]): string[] =>
  [...new Set(rows.flatMap(({ privileges }) => (privileges ?? "").split(",")))].sort();

function revokeOf(
  rows: readonly TextRow[],
  { entry, grantOptionOnly }: { entry: GrantEntry; grantOptionOnly: boolean },
): Omit<RevokeFix, "risk"> {
  const row = rows[0] ?? {};
  return {
    kind: "revoke",
    on: row.kind ?? "",
    object: targetOf(row),
    privileges: entry.privileges,
    columns: row.column === null || row.column === undefined ? undefined : [row.column],
    from: row.grantee ?? "",
    grantOptionOnly: grantOptionOnly || undefined,
    sql: entry.sql,
  };
}

/** The object in SQL. */
function targetOf({ kind, schema, name, signature }: TextRow): string {
  if (kind === "large-object") return name ?? "";
  const path = schema === null || schema === undefined ? ident(name ?? "") : qualified(schema, name ?? "");
  return signature === null || signature === undefined ? path : `${path}(${signature})`;
}

/** The REVOKE of what one grantor gave, in the grantor's name where it is not the owner. */
export function statementOf(row: TextRow, grantOptionOnly = false): string {
  const { kind, column, grantee, grantor, owner } = row;
  const of = column === null || column === undefined ? "" : ` (${ident(column)})`;
  const privileges = privilegesOf([row]).map((privilege) => `${privilege.toLowerCase()}${of}`);
  const statement = [
    `revoke ${grantOptionOnly ? "grant option for " : ""}${privileges.join(", ")}`,
    `on ${KEYWORDS[kind ?? ""] ?? kind} ${targetOf(row)}`,
    `from ${grantee ? ident(grantee) : "public"}${row.is_passed_on === "t" ? " cascade" : ""}`,
  ].join(" ");
  if (!grantor || grantor === owner) return statement;
  return `set role ${ident(grantor)}; ${statement}; reset role`;
}
