/**
 * Routines that run by themselves when somebody else touches a table or defines something: whoever owns one of them
 * acts with the rights of whoever touches it.
 *
 * Found through pg_depend, where the server notes what a default, an index, a policy, a constraint or a rule calls,
 * also by way of an operator. Routines that came with the server are not noted there, and nobody can change those.
 */
import type { Session, TextRow } from "../../pg/session.ts";
import { readTogether } from "./inspect.ts";
import type { Hook } from "./snapshot.ts";

/** 16384: what has a lower number was made by initdb and belongs to the bootstrap superuser. */
export const FIRST_OWN_OID = 16_384;

/** For WITH: what calls a routine that did not come with the server, itself or by way of an operator. */
export const ROUTINE_CALLS = `
calls as (
  select distinct d.classid, d.objid, coalesce(o.oprcode::pg_catalog.oid, d.refobjid) as routine
    from pg_catalog.pg_depend as d
    left join pg_catalog.pg_operator as o
      on d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass and o.oid = d.refobjid
   where d.refclassid in ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
     and coalesce(o.oprcode::pg_catalog.oid, d.refobjid) >= ${FIRST_OWN_OID}
)`;

/** What `r.classid` says calls the routine, each with its table and its name. */
const HOOKS = `
with ${ROUTINE_CALLS}
select 'event trigger' as kind, e.evtname::pg_catalog.text as name, null::pg_catalog.oid as table, e.evtfoid as routine
  from pg_catalog.pg_event_trigger as e
 where e.evtenabled <> 'D'
union all
select 'trigger', t.tgname, t.tgrelid, t.tgfoid
  from pg_catalog.pg_trigger as t
 where not t.tgisinternal and t.tgenabled <> 'D'
union all
select 'default', a.attname, a.attrelid, r.routine
  from calls as r
  join pg_catalog.pg_attrdef as f on f.oid = r.objid
  join pg_catalog.pg_attribute as a on a.attrelid = f.adrelid and a.attnum = f.adnum
 where r.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
union all
select 'index', c.relname, i.indrelid, r.routine
  from calls as r
  join pg_catalog.pg_index as i on i.indexrelid = r.objid
  join pg_catalog.pg_class as c on c.oid = i.indexrelid
 where r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
union all
select 'policy', p.polname, p.polrelid, r.routine
  from calls as r
  join pg_catalog.pg_policy as p on p.oid = r.objid
 where r.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
union all
select 'constraint', k.conname, nullif(k.conrelid, 0), r.routine
  from calls as r
  join pg_catalog.pg_constraint as k on k.oid = r.objid
 where r.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
union all
select case when c.relkind in ('v', 'm') and w.ev_type = '1' then 'view' else 'rule' end,
       case when c.relkind in ('v', 'm') and w.ev_type = '1' then c.relname else w.rulename end, c.oid, r.routine
  from calls as r
  join pg_catalog.pg_rewrite as w on w.oid = r.objid
  join pg_catalog.pg_class as c on c.oid = w.ev_class
 where r.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
 order by 1, 2, 3, 4`;

/** Every such routine of the session's database. Throws ACCESS_CATALOG_UNREADABLE when the server refuses. */
export async function readHooks(session: Session): Promise<readonly Hook[]> {
  const answers = await readTogether(session, new Map([["hooks", HOOKS]]));
  return (answers.get("hooks") ?? []).flatMap(toHook);
}

const KINDS: Readonly<Record<string, Hook["kind"]>> = {
  "event trigger": "event trigger",
  trigger: "trigger",
  default: "default",
  index: "index",
  policy: "policy",
  constraint: "constraint",
  view: "view",
  rule: "rule",
};

function toHook(row: TextRow): Hook[] {
  const kind = KINDS[row.kind ?? ""];
  if (kind === undefined) return [];
  return [
    { kind, name: row.name ?? "", table: row.table ? Number(row.table) : undefined, routine: Number(row.routine) },
  ];
}
