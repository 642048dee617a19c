/** RLS-006: views that show readers what row security hides from them. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import type { Fix } from "../../fix.ts";
import { queryCheck } from "../query-check.ts";
import { textRowsOf } from "./json-texts.ts";
import { hasOption, IS_USER_RELATION, RELATION_COLUMNS } from "./row-security.ts";
import { isOutsideRelay } from "./user-objects.ts";

/** Views of the relay that show its readers how all pipelines are, which is what they are for. */
const RELAY_VIEWS =
  "('relay_participants', 'outbox_pending', 'outbox_retention_status', 'outbox_status', 'inbox_fleet_summary', 'relay_pipeline_status')";

/**
 * A view reads as its owner, and what it reads through other views as theirs; with security_invoker as whoever reads it.
 * `reach` walks from each view to everything it reads, with the role that it reads as (NULL: the reader) and whether
 * a materialized view lies between: that one kept what its owner saw. Each such state is visited once, however many
 * ways lead to it. A view is in question when the role passes the policies of a table at the end. `culprits` are the
 * views on the way that read as their owners; PostgreSQL 15 brought the option that ends it.
 */
const sqlFor = (major: number): string => `
  with recursive edges as materialized (
    select distinct w.ev_class as view, d.refobjid as relation
      from pg_catalog.pg_rewrite as w
      join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
       and d.objid = w.oid
       and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       and d.refobjid <> w.ev_class
     where w.ev_type = '1'
       and w.oid >= 16384
  ),
  views as materialized (
    select c.oid, c.relkind, c.relowner, c.relkind = 'v' and ${hasOption("c", "security_invoker")} as is_invoker
      from pg_catalog.pg_class as c
     where c.relkind in ('v', 'm')
       and c.oid >= 16384
  ),
  reach as (
    select v.oid as start, v.oid as at,
           case when not v.is_invoker then v.relowner end as role,
           v.relkind = 'm' as is_stored
      from views as v
     union
    select r.start, v.oid, case when v.is_invoker then r.role else v.relowner end, r.is_stored or v.relkind = 'm'
      from reach as r
      join edges as e on e.view = r.at
      join views as v on v.oid = e.relation
  ),
  hits as materialized (
    select distinct r.start, t.oid as relation, r.is_stored
      from reach as r
      join edges as e on e.view = r.at
      join pg_catalog.pg_class as t on t.oid = e.relation and t.relrowsecurity
      left join pg_catalog.pg_roles as o on o.oid = r.role
     where r.is_stored
        or o.rolsuper
        or o.rolbypassrls
        or not t.relforcerowsecurity and pg_catalog.pg_has_role(o.oid, t.relowner, 'USAGE')
  ),
  culprits as (
    select r.start, pg_catalog.json_agg(distinct pg_catalog.jsonb_build_array(vn.nspname, vc.relname)) as views
      from reach as r
      join views as v on v.oid = r.at and v.relkind = 'v' and not v.is_invoker
      join pg_catalog.pg_class as vc on vc.oid = v.oid
      join pg_catalog.pg_namespace as vn on vn.oid = vc.relnamespace
     where v.oid in (select h.start from hits as h)
     group by r.start
  ),
  readers as (
    select c.oid
      from pg_catalog.pg_class as c
     cross join lateral (
             select a.grantee, a.privilege_type from pg_catalog.aclexplode(c.relacl) as a
              union all
             select a.grantee, a.privilege_type
               from pg_catalog.pg_attribute as t
              cross join lateral pg_catalog.aclexplode(t.attacl) as a
              where t.attrelid = c.oid and t.attacl is not null
           ) as a
      left join pg_catalog.pg_roles as g on g.oid = a.grantee
     where c.relkind in ('v', 'm')
       and a.privilege_type = 'SELECT'
       and a.grantee <> c.relowner
       and g.rolsuper is not true
       and g.rolbypassrls is not true
  )
  select ${RELATION_COLUMNS},
         case c.relkind when 'm' then 'materialized view' else 'view' end || ' of '
         || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) || ' shows rows of '
         || pg_catalog.string_agg(distinct h.relation::pg_catalog.regclass::pg_catalog.text, ', ')
         || ' past their policies' as detail,
         pg_catalog.bool_or(h.is_stored) as is_stored,
         ${major < 15 ? "null" : "k.views::pg_catalog.text"} as culprits
    from hits as h
    left join culprits as k on k.start = h.start
    join pg_catalog.pg_class as c on c.oid = h.start
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
   where ${IS_USER_RELATION}
     and not (c.relname in ${RELAY_VIEWS} and not ${isOutsideRelay()})
     and c.oid in (select r.oid from readers as r)
   group by c.oid, c.relkind, c.relowner, c.relname, n.nspname, k.views::pg_catalog.text
   order by 1`;

export default queryCheck({
  id: "RLS-006",
  title: "view shows rows past the policies of their table",
  severity: "high",
  why:
    "A view reads with its owner's rights, and an owner of the table, a superuser or a role with BYPASSRLS is held by no " +
    "policy. Whoever may select from the view sees every tenant's rows.",
  remedy:
    "From PostgreSQL 15 on, set security_invoker on the view. A materialized view holds one owner's rows for everybody: " +
    "take SELECT away or put a view with a condition before it.",
  limits:
    "Followed through views on views. Rows that a function reads are not seen. Owners whom FORCE ROW LEVEL SECURITY holds " +
    "are left out, and so are views that only superusers and roles with BYPASSRLS may read, and the relay's views of how its " +
    "pipelines are.",
  references: { manual: ["Rules and Privileges", "CREATE VIEW"], other: ["splinter 0010", "splinter 0016"] },
  sql: sqlFor,
  found: (row) => ({ fix: fixOf(row) }),
});

const fixOf = (row: TextRow): Fix => {
  const views = textRowsOf(row.culprits);
  if (row.is_stored === "t" || views.length === 0) {
    return { kind: "words", text: "Revoke SELECT on it, or let readers at it through a view that filters the rows." };
  }
  return {
    kind: "sql",
    sql: views.map((path) => `alter view ${path.map(ident).join(".")} set (security_invoker = true)`),
    risk: "medium",
    riskReason: "readers of the view need rights on its tables then, and see only their own rows",
  };
};
