/**
 * What the checks of schema tide share: whether there is one, and reading its tables without running anybody's code.
 *
 * Whoever owns a database can put a view or a policy behind any name. So a table is read only when it is a plain one whose
 * columns have the server's own types, and only by those whom its policies do not hold: others would be shown a part and
 * would run what the policies call.
 */
import { literal } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { NotApplicable, Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";

const THERE = `
  select pg_catalog.count(*) as tables
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
   where n.nspname = 'tide'
     and c.relname in ('tide_outbox_config', 'tide_outbox_messages', 'relay_outbox_config', 'relay_inbox_config', 'meta')`;

/** Throws NotApplicable in a database without a relay. */
export async function requireTide(facts: Facts): Promise<void> {
  const [row] = await facts.query(THERE);
  if (row?.tables === "0") throw new NotApplicable("this database has no relay");
}

/** Names and types of the columns that a check reads. */
export type TideColumns = Readonly<Record<string, "text" | "jsonb" | "bool" | "int4" | "int8" | "timestamptz">>;

/** Throws NotApplicable when there is no such table, Unanswered when it may not be read as it is. */
export async function requireTideTable(facts: Facts, table: string, columns: TideColumns): Promise<void> {
  const [row] = await facts.query(stateOf(table));
  if (row === undefined) throw new NotApplicable(`this database has no tide.${table}`);
  const types = new Map((row.columns ?? "").split(" ").map((column) => column.split(":") as [string, string]));
  const isPlain = row.kind === "r" && row.rules === "f";
  if (!isPlain || Object.entries(columns).some(([name, type]) => types.get(name) !== type)) {
    throw new Unanswered(`tide.${table} is not the relay's own table`);
  }
  if (row.may_read !== "t") throw new Unanswered(`it needs select on tide.${table}`, "superuser");
  if (row.filtered === "t")
    throw new Unanswered(`row security of tide.${table} hides rows from this role`, "superuser");
}

const stateOf = (table: string): string => `
  select c.relkind as kind, c.relhasrules as rules,
         pg_catalog.has_table_privilege(c.oid, 'SELECT')
           and pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') as may_read,
         pg_catalog.row_security_active(c.oid) as filtered,
         (select pg_catalog.string_agg(a.attname || ':' || t.typname, ' ' order by a.attnum)
            from pg_catalog.pg_attribute as a
            join pg_catalog.pg_type as t on t.oid = a.atttypid and t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname ~ '^[a-z_]+$') as columns
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
   where n.nspname = 'tide' and c.relname = ${literal(table)}`;

const PIPELINE_COLUMNS: TideColumns = { name: "text", enabled: "bool", config: "jsonb" };

/** Rows about the pipelines of one direction. `columns` and `where` see: name, enabled, type, body (a jsonb object). */
export async function pipelines(
  facts: Facts,
  direction: "forward" | "reverse",
  { columns, where }: { columns: string; where: string },
): Promise<readonly TextRow[]> {
  const [table, side] = direction === "forward" ? ["relay_outbox_config", "sink"] : ["relay_inbox_config", "source"];
  await requireTideTable(facts, table, PIPELINE_COLUMNS);
  return await facts.query(`
  select pg_catalog.quote_ident(p.name) as pipeline, p.enabled, ${columns}
    from (select t.name, t.enabled, t.config ->> '${side}_type' as type, t.config,
                 case pg_catalog.jsonb_typeof(t.config -> '${side}') when 'object' then t.config -> '${side}'
                      else t.config end as body
            from only tide.${table} as t
           where pg_catalog.jsonb_typeof(t.config) = 'object'
          offset 0) as p
   where ${where}
   order by 1`);
}

/** A pipeline that is switched off does no harm yet. */
export function whenRunning<Severity>(row: TextRow, severity: Severity): Severity | "low" {
  return row.enabled === "t" ? severity : "low";
}
