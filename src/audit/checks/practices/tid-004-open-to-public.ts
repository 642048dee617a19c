/** TID-004: objects of schema tide that everybody may use: publishing, reading, steering. */
import { queryCheck } from "../query-check.ts";
import { requireTide } from "./tide.ts";

const SQL = `
  with thing as (
    select 'schema' as kind, 'tide' as name, n.nspacl as acl
      from pg_catalog.pg_namespace as n
     where n.nspname = 'tide'
     union all
    select case c.relkind when 'S' then 'sequence' else 'table' end,
           'tide.' || pg_catalog.quote_ident(c.relname), c.relacl
      from pg_catalog.pg_class as c
     where c.relnamespace = pg_catalog.to_regnamespace('tide')
       and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     union all
    select 'routine',
           'tide.' || pg_catalog.quote_ident(p.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
           coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
      from pg_catalog.pg_proc as p
     where p.pronamespace = pg_catalog.to_regnamespace('tide'))
  select t.kind || ' ' || t.name as object,
         'everybody has ' || pg_catalog.string_agg(distinct a.privilege_type, ', ' order by a.privilege_type) as detail,
         t.kind, t.name
    from thing as t
   cross join lateral pg_catalog.aclexplode(t.acl) as a
   where a.grantee = 0
   group by t.kind, t.name
   order by 1`;

export default queryCheck({
  id: "TID-004",
  title: "schema tide open to everybody",
  severity: "high",
  why:
    "Whoever can connect may publish events in the name of the application, read what others published, or steer the relay, " +
    "depending on what is open.",
  remedy:
    "Take the rights from PUBLIC and grant tide_publisher, tide_relay, tide_operator or tide_reader to those who need them.",
  limits: "Functions made in the schema after the install are open unless somebody closed them: PostgreSQL's default.",
  references: { other: ["pgkeep: roles of the relay"] },
  precondition: requireTide,
  sql: SQL,
  found: ({ kind, name }) => ({
    fix: {
      kind: "revoke",
      on: kind ?? "",
      object: name ?? "",
      privileges: [],
      from: "",
      sql: `revoke all on ${kind} ${name} from public`,
      risk: "medium",
      riskReason: "applications that live on it need one of the relay's roles instead",
    },
  }),
});
