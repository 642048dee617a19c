/** Sealed payloads of an outbox that are not under the current key: read in batches, put back under it. */
import type { Session } from "../../pg/session.ts";

/** Events wait in the outbox; dead letters keep theirs until they are settled. */
export type SealedPlace = "events" | "dead_letters";

export interface Sealed {
  id: string;
  /** JSON text of the envelope. */
  payload: string;
}

export interface SealedRequest {
  outbox: string;
  /** How the current key is called. */
  keyId: string;
  after: string;
  limit: number;
}

export interface SealedChanges {
  outbox: string;
  changes: readonly { id: string; before: string; payload: string }[];
}

const READ: Readonly<Record<SealedPlace, string>> = {
  events: `
    select m.id, m.payload
      from tide.tide_outbox_messages as m
     where m.outbox_name = $1
       and m.id > $2
       and m.payload @> '{"_enc": 1}'
       and m.payload ->> 'kid' is distinct from $3
     order by m.id
     limit $4`,
  dead_letters: `
    select d.id, d.payload
      from tide.relay_dlq as d
     where d.relay_mode = 'forward'
       and d.source_name = $1
       and not d.resolved
       and d.id > $2
       and d.payload @> '{"_enc": 1}'
       and d.payload ->> 'kid' is distinct from $3
     order by d.id
     limit $4`,
};

/** Only what is still what was read: somebody may have edited a letter meanwhile, or another rotation was first. */
const WRITE: Readonly<Record<SealedPlace, string>> = {
  events: `
    update tide.tide_outbox_messages as m
       set payload = n.payload
      from pg_catalog.jsonb_to_recordset($2::jsonb) as n (id bigint, before jsonb, payload jsonb)
     where m.outbox_name = $1 and m.id = n.id and m.payload = n.before`,
  dead_letters: `
    update tide.relay_dlq as d
       set payload = n.payload
      from pg_catalog.jsonb_to_recordset($2::jsonb) as n (id bigint, before jsonb, payload jsonb)
     where d.source_name = $1 and d.id = n.id and not d.resolved and d.payload = n.before`,
};

/** Whether there is an outbox of that name. */
export async function hasOutbox(session: Session, outbox: string): Promise<boolean> {
  return (await session.rows("select 1 from tide.tide_outbox_config where outbox_name = $1", [outbox])).length > 0;
}

export async function readSealed(session: Session, place: SealedPlace, request: SealedRequest): Promise<Sealed[]> {
  const { outbox, keyId, after, limit } = request;
  const rows = await session.rows(READ[place], [outbox, after, keyId, String(limit)]);
  return rows.map(([id, payload]) => ({ id: id ?? "0", payload: payload ?? "null" }));
}

/** Puts payloads in the place of others, in one transaction; returns how many were still as they had been read. */
export async function replaceSealed(
  session: Session,
  place: SealedPlace,
  { outbox, changes }: SealedChanges,
): Promise<number> {
  const document = `[${changes.map(({ id, before, payload }) => `{"id":${id},"before":${before},"payload":${payload}}`).join(",")}]`;
  const [row] = await session.rows(
    `with changed as (${WRITE[place]} returning 1) select pg_catalog.count(*) from changed`,
    [outbox, document],
  );
  return Number(row?.[0] ?? 0);
}
