/**
 * What verification must know before it touches a database: whose code could run when a statement is only planned, which
 * relations reach beyond the server, what fires on definitions, and which sequences defaults draw from.
 *
 * Planning is not harmless. Whatever an expression calls with constant arguments is evaluated by the planner when it
 * says that it does not change: a policy, a view, an index, a default, a check. The server checks rights after that, so
 * even a probe that is refused can run the code of whoever owns the table.
 */
import type { Session } from "../../pg/session.ts";
import { FIRST_OWN_OID, ROUTINE_CALLS } from "../catalog/hooks.ts";
import { readTogether } from "../catalog/inspect.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { RoleGraph } from "./role-graph.ts";

/** Relations whose planning can run a routine that is neither the server's nor a superuser's, with its owner. */
const CODE = `
with ${ROUTINE_CALLS}, foreign_calls as (
  select c.classid, c.objid, a.rolname as owner, p.proname as routine
    from calls as c
    join pg_catalog.pg_proc as p on p.oid = c.routine
    join pg_catalog.pg_language as l on l.oid = p.prolang
    join pg_catalog.pg_roles as a on a.oid = p.proowner
   where not a.rolsuper and l.lanname not in ('internal', 'c')
)
select f.owner, f.routine, r.relation
  from foreign_calls as f
 cross join lateral (
    select w.ev_class from pg_catalog.pg_rewrite as w
     where f.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.oid = f.objid
    union all
    select p.polrelid from pg_catalog.pg_policy as p
     where f.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and p.oid = f.objid
    union all
    select d.adrelid from pg_catalog.pg_attrdef as d
     where f.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.oid = f.objid
    union all
    select k.conrelid from pg_catalog.pg_constraint as k
     where f.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and k.oid = f.objid and k.conrelid <> 0
    union all
    select a.attrelid from pg_catalog.pg_constraint as k
      join pg_catalog.pg_attribute as a on a.atttypid = k.contypid
     where f.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and k.oid = f.objid and k.contypid <> 0
    union all
    select coalesce(i.indrelid, f.objid) from (values (0)) as one (row)
      left join pg_catalog.pg_index as i on i.indexrelid = f.objid
     where f.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  ) as r (relation)`;

/** Planning the first plans the second too. */
const READS = `
select distinct w.ev_class as reader, d.refobjid as read
  from pg_catalog.pg_rewrite as w
  join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
   and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
 where d.refobjid <> w.ev_class and w.ev_class >= ${FIRST_OWN_OID}
union all
select i.inhparent, i.inhrelid from pg_catalog.pg_inherits as i`;

/** Foreign tables, whose planning may connect to another server, and tables with rules, which are rewritten. */
const SPECIAL = `
select c.oid, c.relkind = 'f' as elsewhere
  from pg_catalog.pg_class as c
 where c.relkind = 'f'
    or c.relkind in ('r', 'p') and c.relhasrules`;

const EVENT_TRIGGERS = `
select e.evtname as name, a.rolname as owner, a.rolsuper as trusted
  from pg_catalog.pg_event_trigger as e
  join pg_catalog.pg_proc as p on p.oid = e.evtfoid
  join pg_catalog.pg_roles as a on a.oid = p.proowner
 where e.evtenabled <> 'D'
 order by e.evtname`;

/** Sequences that columns draw from by their defaults; identity columns need no right on theirs. */
const DRAWN = `
select distinct f.adrelid as relation, d.refobjid as sequence
  from pg_catalog.pg_attrdef as f
  join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.objid = f.oid
   and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  join pg_catalog.pg_class as c on c.oid = d.refobjid and c.relkind = 'S'`;

export interface EventTrigger {
  name: string;
  /** Of its function. */
  owner: string;
  /** Whether that owner is a superuser. */
  trusted: boolean;
}

interface Code {
  owner: string;
  routine: string;
}

/** A statement that is going to be planned. */
interface Planned {
  role: string;
  graph: RoleGraph;
  /** The model lets the role use the relation. */
  runsAnyway: boolean;
}

export class Surroundings {
  readonly eventTriggers: readonly EventTrigger[];
  readonly #code: ReadonlyMap<number, readonly Code[]>;
  readonly #reads: ReadonlyMap<number, readonly number[]>;
  readonly #elsewhere: ReadonlySet<number>;
  readonly #ruled: ReadonlySet<number>;
  readonly #drawn: ReadonlyMap<number, readonly number[]>;
  readonly #closures = new Map<number, readonly number[]>();

  constructor(rows: ReadonlyMap<string, readonly Readonly<Record<string, string | null>>[]>) {
    const of = (name: string) => rows.get(name) ?? [];
    this.eventTriggers = of("event triggers").map(({ name, owner, trusted }) => ({
      name: name ?? "",
      owner: owner ?? "",
      trusted: trusted === "t",
    }));
    this.#code = lists(of("code"), "relation", ({ owner, routine }) => ({
      owner: owner ?? "",
      routine: routine ?? "",
    }));
    this.#reads = lists(of("reads"), "reader", ({ read }) => Number(read));
    this.#drawn = lists(of("drawn"), "relation", ({ sequence }) => Number(sequence));
    this.#elsewhere = new Set(of("special").flatMap(({ oid, elsewhere }) => (elsewhere === "t" ? [Number(oid)] : [])));
    this.#ruled = new Set(of("special").flatMap(({ oid, elsewhere }) => (elsewhere === "t" ? [] : [Number(oid)])));
  }

  /** oids of the sequences that defaults of the table draw from. */
  drawnBy({ oid }: CatalogObject): readonly number[] {
    return this.#drawn.get(oid) ?? [];
  }

  /** Whether rules rewrite what is sent to the table, so that a refusal would say nothing about the table's rights. */
  hasRules({ oid }: CatalogObject): boolean {
    return this.#ruled.has(oid);
  }

  /**
   * Why not even planning a statement on the relation is harmless for `role`; undefined when it is. Harmless is code that
   * belongs to a superuser, to the role itself, to one that may become it, or, with `runsAnyway`, to whoever: the model
   * lets the role use the relation, so it runs that code whenever it does.
   */
  hazardFor({ oid }: CatalogObject, { role, graph, runsAnyway }: Planned): string | undefined {
    for (const relation of this.#reached(oid)) {
      if (this.#elsewhere.has(relation)) return "planning it could connect to another server";
      const foreign = this.#code.get(relation)?.find(({ owner }) => !graph.becomes(owner).has(role));
      if (foreign && !runsAnyway) {
        return `planning it could run "${foreign.routine}", which belongs to role "${foreign.owner}"`;
      }
    }
    return undefined;
  }

  #reached(oid: number): readonly number[] {
    const known = this.#closures.get(oid);
    if (known) return known;
    const reached = new Set([oid]);
    for (const relation of reached) for (const read of this.#reads.get(relation) ?? []) reached.add(read);
    const closure = [...reached];
    this.#closures.set(oid, closure);
    return closure;
  }
}

/** Reads it in one message. Throws ACCESS_CATALOG_UNREADABLE. */
export async function readSurroundings(session: Session): Promise<Surroundings> {
  return new Surroundings(
    await readTogether(
      session,
      new Map([
        ["code", CODE],
        ["reads", READS],
        ["special", SPECIAL],
        ["event triggers", EVENT_TRIGGERS],
        ["drawn", DRAWN],
      ]),
    ),
  );
}

function lists<Row extends Readonly<Record<string, string | null>>, Value>(
  rows: readonly Row[],
  key: string,
  value: (row: Row) => Value,
): Map<number, Value[]> {
  const map = new Map<number, Value[]>();
  for (const row of rows) {
    const list = map.get(Number(row[key]));
    if (list) list.push(value(row));
    else map.set(Number(row[key]), [value(row)]);
  }
  return map;
}
