/** What is in a schema of pg_tide, to be told to whoever takes it over. */
import type { Session } from "../../pg/session.ts";

/** Rows by what they are; what that version of pg_tide had no table for is 0. */
export interface AdoptedRows {
  outboxes: number;
  events: number;
  consumer_groups: number;
  inboxes: number;
  pipelines: number;
  positions: number;
  dead_letters: number;
}

const TABLES: Readonly<Record<keyof AdoptedRows, readonly string[]>> = {
  outboxes: ["tide_outbox_config"],
  events: ["tide_outbox_messages"],
  consumer_groups: ["tide_consumer_groups"],
  inboxes: ["tide_inbox_config"],
  pipelines: ["relay_outbox_config", "relay_inbox_config"],
  positions: ["relay_consumer_offsets", "tide_consumer_offsets"],
  dead_letters: ["relay_dlq"],
};

const THERE = `
  select c.relname
    from pg_catalog.pg_class as c
   where c.relnamespace = pg_catalog.to_regnamespace('tide')
     and c.relkind in ('r', 'p')
     and pg_catalog.has_table_privilege(c.oid, 'select')`;

/** Counts what there is; tables that the current role may not read count as empty. */
export async function countAdopted(session: Session): Promise<AdoptedRows> {
  const there = new Set((await session.rows(THERE)).map(([name]) => name));
  const rows: AdoptedRows = {
    outboxes: 0,
    events: 0,
    consumer_groups: 0,
    inboxes: 0,
    pipelines: 0,
    positions: 0,
    dead_letters: 0,
  };
  const parts = Object.entries(TABLES).flatMap(([what, tables]) =>
    tables
      .filter((table) => there.has(table))
      .map((table) => `select '${what}', pg_catalog.count(*) from tide.${table}`),
  );
  if (parts.length === 0) return rows;
  for (const [what, count] of await session.rows(parts.join(" union all "))) {
    if (isKind(what)) rows[what] += Number(count ?? 0);
  }
  return rows;
}

function isKind(text: string | null | undefined): text is keyof AdoptedRows {
  return text != null && Object.hasOwn(TABLES, text);
}
