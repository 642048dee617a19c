/** PRC-001: a login that reaches two sets of data which were declared apart. */
import { literal } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { membershipQuery, Reach } from "../../facts/reach.ts";

/** Everybody, as an oid. */
const PUBLIC = "0";

const LOGINS = `
  select r.oid::text as role, pg_catalog.quote_ident(r.rolname) as name
    from pg_catalog.pg_roles as r
   where r.rolcanlogin and not r.rolsuper
   order by 2`;

/** Roles that read or write everything by what they are. */
const READERS_OF_ALL = `
  select r.oid::text as role
    from pg_catalog.pg_roles as r
   where r.rolname in ('pg_read_all_data', 'pg_write_all_data')`;

/**
 * Who was given a way into data of one schema: 'use' is the right to look into a schema, 'data' that on a relation or a
 * column of it, owners included. A view elsewhere that reads the schema with its owner's rights is a way in, in its own
 * schema; so is a function that runs with its owner's rights and names the schema.
 */
const waysInto = (schema: string): string => `
  with recursive target as (
    select n.oid
      from pg_catalog.pg_namespace as n
     where n.nspname = ${literal(schema)}),
  relation as (
    select c.oid
      from pg_catalog.pg_class as c
      join target as t on t.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f')),
  reading as (
    select r.oid from relation as r
     union
    select v.oid
      from reading as known
      join pg_catalog.pg_depend as d
        on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       and d.refobjid = known.oid
       and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      join pg_catalog.pg_rewrite as w on w.oid = d.objid
      join pg_catalog.pg_class as v on v.oid = w.ev_class and v.oid <> known.oid
     where v.relkind in ('v', 'm')
       and not exists (select from pg_catalog.unnest(v.reloptions) as o (text)
                        where pg_catalog.lower(o.text) in ('security_invoker=true', 'security_invoker=on',
                              'security_invoker=yes', 'security_invoker=1', 'security_invoker=t'))),
  way as (
    select c.relnamespace, c.relowner as owner, c.relacl as acl, c.oid as relation
      from pg_catalog.pg_class as c
     where c.oid in (select r.oid from reading as r)),
  definer as (
    select p.oid, p.proowner, p.proacl, p.pronamespace
      from pg_catalog.pg_proc as p
     where p.prosecdef
       and (pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(${literal(schema)}) || '.') > 0
            or pg_catalog.strpos(p.prosrc, '"' || ${literal(schema)} || '".') > 0
            or exists (select from pg_catalog.pg_depend as d
                        where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                          and d.objid = p.oid
                          and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                          and d.refobjid in (select r.oid from reading as r))))
  select distinct 'data' as kind, w.relnamespace::text as schema, g.grantee::text as role
    from way as w
   cross join lateral (
           select w.owner as grantee
            union all
           select a.grantee from pg_catalog.aclexplode(w.acl) as a
            where a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
            union all
           select a.grantee
             from pg_catalog.pg_attribute as t
            cross join lateral pg_catalog.aclexplode(t.attacl) as a
            where t.attrelid = w.relation and t.attacl is not null and not t.attisdropped) as g
   union
  select 'use', n.oid::text, g.grantee::text
    from pg_catalog.pg_namespace as n
   cross join lateral (
           select n.nspowner as grantee
            union all
           select a.grantee from pg_catalog.aclexplode(n.nspacl) as a where a.privilege_type = 'USAGE') as g
   where n.oid in (select w.relnamespace from way as w)
   union
  select 'function owner', p.oid::text, p.proowner::text
    from definer as p
   union
  select 'function', p.oid::text, a.grantee::text
    from definer as p
   cross join lateral pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
   where a.privilege_type = 'EXECUTE'
   union
  select 'function use', p.oid::text, g.grantee::text
    from definer as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
   cross join lateral (
           select n.nspowner as grantee
            union all
           select a.grantee from pg_catalog.aclexplode(n.nspacl) as a where a.privilege_type = 'USAGE') as g
   union
  select 'superuser', '', r.oid::text
    from pg_catalog.pg_roles as r
   where r.rolsuper`;

const SCHEMAS = "select n.nspname as name from pg_catalog.pg_namespace as n";

const BRIDGES = `
  select e.extname as name
    from pg_catalog.pg_extension as e
   where e.extname in ('dblink', 'postgres_fdw')
   order by 1`;

const connecting = (database: string): string => `
  select r.oid::text as role
    from pg_catalog.pg_roles as r
   where r.rolcanlogin
     and pg_catalog.has_database_privilege(r.oid, (select d.oid from pg_catalog.pg_database as d
                                                    where d.datname = ${literal(database)}), 'CONNECT')`;

export default defineCheck({
  id: "PRC-001",
  title: "declared data sets reachable in one session",
  severity: "high",
  why:
    "Two sets of data were declared apart so that no single login can combine them. A login that reaches both makes the " +
    "separation a matter of good will, and one stolen password enough.",
  remedy:
    "Give each set roles of its own and take the other's away, on the finding's login or on the role it belongs to. Strict " +
    "separation puts the sets into databases or clusters of their own, kept apart in pg_hba.conf.",
  limits:
    "Counts what a session can become by memberships, PUBLIC, ownership, views with their owner's rights and definer functions " +
    "that name the schema. Superusers reach everything and are not reported. For a set in another database it says that a " +
    "way exists, not what the login may read there.",
  references: { stig: ["separation of duties"], manual: ["Role Membership", "Rules and Privileges"] },
  scope: "database",
  needs: [],
  examine,
});

/** A side of a declared pair. */
interface Side {
  database: string | undefined;
  schema: string;
}

async function examine(facts: Facts): Promise<readonly Found[]> {
  const { separations = [] } = facts.declared;
  if (separations.length === 0) throw new NotApplicable("no separation is declared: audit.separations in pgkeep.yaml");
  const schemas = new Set((await facts.query(SCHEMAS)).map(({ name }) => name ?? ""));
  const here = ({ database, schema }: Side) => (database ?? facts.database) === facts.database && schemas.has(schema);
  const pairs = separations.map(([one, other]) => [sideOf(one), sideOf(other)] as const);
  const concerned = pairs.filter(([one, other]) => here(one) || here(other));
  if (concerned.length === 0) throw new NotApplicable("no declared schema is in this database");
  const looking = new Separation(facts);
  const found: Found[] = [];
  for (const [one, other] of concerned) {
    if (here(one) && here(other)) found.push(...(await looking.within(one, other)));
    else if (here(one)) found.push(...(await looking.across(one, other)));
    else found.push(...(await looking.across(other, one)));
  }
  return found;
}

function sideOf(text: string): Side {
  const dot = text.indexOf(".");
  return dot === -1
    ? { database: undefined, schema: text }
    : { database: text.slice(0, dot), schema: text.slice(dot + 1) };
}

class Separation {
  readonly #facts: Facts;
  #reach: Reach | undefined;
  #logins: readonly TextRow[] | undefined;
  readonly #reachers = new Map<string, ReadonlyMap<string, string>>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  async within(one: Side, other: Side): Promise<Found[]> {
    const [first, second] = [await this.#reachersOf(one.schema), await this.#reachersOf(other.schema)];
    return [...first].flatMap(([role, name]) =>
      second.has(role) ? [found(name, `${one.schema} and ${other.schema}`, "reaches both in one session")] : [],
    );
  }

  /** `there` is in another database: a login gets to it from here when it may connect and a bridge is installed. */
  async across(here: Side, there: Side): Promise<Found[]> {
    if (there.database === undefined || there.database === this.#facts.database) return [];
    const [bridge] = await this.#facts.query(BRIDGES);
    if (bridge === undefined) return [];
    const connects = new Set((await this.#facts.query(connecting(there.database))).map(({ role }) => role));
    const both = `${here.schema} and ${there.database}.${there.schema}`;
    const detail = `reaches ${here.schema}, may connect to database ${there.database}, and ${bridge.name} is installed here`;
    return [...(await this.#reachersOf(here.schema))].flatMap(([role, name]) =>
      connects.has(role) ? [{ ...found(name, both, detail), severity: "medium" as const }] : [],
    );
  }

  /** Logins that get to data of `schema`, by oid. */
  async #reachersOf(schema: string): Promise<ReadonlyMap<string, string>> {
    const known = this.#reachers.get(schema) ?? (await this.#find(schema));
    this.#reachers.set(schema, known);
    return known;
  }

  async #find(schema: string): Promise<ReadonlyMap<string, string>> {
    this.#reach ??= new Reach(await this.#facts.query(membershipQuery(this.#facts.server().major)));
    this.#logins ??= await this.#facts.query(LOGINS);
    const reach = this.#reach;
    const rows = await this.#facts.query(waysInto(schema));
    const all = new Set((await this.#facts.query(READERS_OF_ALL)).map(({ role }) => role ?? ""));
    const ways = waysOf(rows, all, reach);
    const superusers = new Set(rows.filter(({ kind }) => kind === "superuser").map(({ role }) => role ?? ""));
    const reachers = this.#logins.filter(
      ({ role }) => reach.canBecome(role ?? "", superusers) || ways.some((way) => isOpen(way, role ?? "", reach)),
    );
    return new Map(reachers.map(({ role, name }) => [role ?? "", name ?? ""]));
  }
}

/** Lists of which a session needs one of each, in one identity. */
type Way = readonly ReadonlySet<string>[];

function isOpen(way: Way, role: string, reach: Reach): boolean {
  // What everybody has needs no role.
  const needed = way.filter((list) => !list.has(PUBLIC));
  return needed.length === 0 || reach.hasOneOfEach(role, needed);
}

function waysOf(rows: readonly TextRow[], readersOfAll: ReadonlySet<string>, reach: Reach): Way[] {
  const of = (kind: string) => {
    const lists = new Map<string, Set<string>>();
    for (const row of rows) {
      if (row.kind === kind)
        lists.set(row.schema ?? "", (lists.get(row.schema ?? "") ?? new Set()).add(row.role ?? ""));
    }
    return lists;
  };
  const [uses, functions, functionUses, owners] = [of("use"), of("function"), of("function use"), of("function owner")];
  const superusers = of("superuser").get("") ?? new Set();
  const ways: Way[] = [[readersOfAll]];
  for (const [schema, holders] of of("data")) ways.push([holders, uses.get(schema) ?? new Set()]);
  const direct = [...ways];
  for (const [routine, callers] of functions) {
    const owner = [...(owners.get(routine) ?? [])];
    const gives = owner.some((role) => superusers.has(role) || direct.some((way) => isOpen(way, role, reach)));
    if (gives) ways.push([callers, functionUses.get(routine) ?? new Set()]);
  }
  return ways;
}

function found(login: string, both: string, detail: string): Found {
  const text = "Take one of the two sets away from this login, or from the role through which it gets there.";
  return { object: `role ${login}: ${both}`, detail, fix: { kind: "words", text } };
}
