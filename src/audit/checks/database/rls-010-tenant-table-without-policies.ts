/** RLS-010: the table that was forgotten. */
import { queryCheck } from "../query-check.ts";
import { FROM_RELATIONS, IS_USER_RELATION, RELATION_COLUMNS } from "./row-security.ts";

const SQL = `
  with tenant_columns as materialized (
    select c.oid, c.relnamespace, c.relrowsecurity, t.attname
      from pg_catalog.pg_attribute as t
      join pg_catalog.pg_class as c on c.oid = t.attrelid
     where c.relkind in ('r', 'p')
       and not c.relispartition
       and t.attnum > 0
       and not t.attisdropped
       and t.attname ~* '^(tenant|org|organi[sz]ation|account|customer|company|workspace)_?(id|uuid|key)?$'
  ),
  protected as (
    select t.relnamespace, t.attname, pg_catalog.count(*) as tables
      from tenant_columns as t
     where t.relrowsecurity
     group by t.relnamespace, t.attname
  )
  select ${RELATION_COLUMNS},
         'row security is off; column '
         || pg_catalog.string_agg(pg_catalog.quote_ident(t.attname) || ' is protected in ' || w.tables
                                  || ' other table(s) of the schema', ', column ' order by t.attname) as detail
  ${FROM_RELATIONS}
    join tenant_columns as t on t.oid = c.oid
    join protected as w on w.relnamespace = t.relnamespace and w.attname = t.attname
   where not c.relrowsecurity
     and ${IS_USER_RELATION}
   group by n.nspname, c.relname
   order by 1`;

export default queryCheck({
  id: "RLS-010",
  title: "table with a tenant's column lacks the row security of its siblings",
  severity: "medium",
  why:
    "Other tables of the schema keep tenants apart by this column. Here one forgotten ALTER TABLE shows every tenant's " +
    "rows to whoever may select.",
  remedy: "Write policies like those of the sibling tables and enable row security.",
  limits:
    "Known by names such as tenant_id, org_id, account_id or customer_id; another meaning of the name is reported too.",
  references: { manual: ["Row Security Policies"] },
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "Copy the policies of a sibling table, then ALTER TABLE ... ENABLE ROW LEVEL SECURITY.",
    },
  }),
});
