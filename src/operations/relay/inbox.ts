/** Claims events of an inbox and settles them, through the functions of schema tide. */
import type { Session } from "../../pg/session.ts";

export interface InboxEvent {
  event_id: string;
  source: string | null;
  received_at: string | null;
  retry_count: number;
  headers: unknown;
  payload: unknown;
}

const CLAIM = `
  select c.event_id, c.source, c.payload, c.headers, c.retry_count,
         pg_catalog.to_char(c.received_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as received_at
    from tide.inbox_claim($1, $2::int, $3::int) as c`;

export async function claimEvents(
  session: Session,
  { inbox, batch, leaseSeconds }: { inbox: string; batch: number; leaseSeconds: number },
): Promise<InboxEvent[]> {
  const rows = await session.query(CLAIM, [inbox, String(batch), String(leaseSeconds)]);
  return rows.map((row) => ({
    event_id: row.event_id ?? "",
    source: row.source ?? null,
    received_at: row.received_at ?? null,
    retry_count: Number(row.retry_count ?? 0),
    headers: jsonOf(row.headers),
    payload: jsonOf(row.payload),
  }));
}

const jsonOf = (text: string | null | undefined): unknown => (text ? JSON.parse(text) : null);

const DONE = `
  select tide.inbox_mark_processed($1, e.id)
    from pg_catalog.unnest($2::text[]) as e(id)`;
const FAILED = `
  select tide.inbox_mark_failed($1, e.id, $3)
    from pg_catalog.unnest($2::text[]) as e(id)`;

export interface Settlement {
  inbox: string;
  done: readonly string[];
  failed: readonly string[];
  reason: string;
}

export async function settleEvents(session: Session, { inbox, done, failed, reason }: Settlement): Promise<void> {
  if (done.length > 0) await session.query(DONE, [inbox, arrayText(done)]);
  if (failed.length > 0) await session.query(FAILED, [inbox, arrayText(failed), reason]);
}

/** A text array as the server reads one. */
export function arrayText(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
