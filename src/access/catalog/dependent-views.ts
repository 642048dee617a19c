/**
 * Views that read a table, themselves or through other views: whoever may read such a view sees what its owner may,
 * without a privilege on the table.
 */
import type { Session } from "../../pg/session.ts";
import { readTogether } from "./inspect.ts";

const viewsOver = (table: number): string => `
with recursive uses as (
  select w.ev_class as view
    from pg_catalog.pg_depend as d
    join pg_catalog.pg_rewrite as w on w.oid = d.objid
   where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
     and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = ${table} and w.ev_class <> ${table}
  union
  select w.ev_class
    from uses as u
    join pg_catalog.pg_depend as d on d.refobjid = u.view
    join pg_catalog.pg_rewrite as w on w.oid = d.objid
   where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
     and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
)
select distinct u.view as oid
  from uses as u
 order by u.view`;

/** Their oids. Throws ACCESS_CATALOG_UNREADABLE when the server refuses. */
export async function dependentViews(session: Session, table: number): Promise<ReadonlySet<number>> {
  const answers = await readTogether(session, new Map([["views", viewsOver(Math.trunc(table))]]));
  return new Set((answers.get("views") ?? []).map(({ oid }) => Number(oid)));
}
