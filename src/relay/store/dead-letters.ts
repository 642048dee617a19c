/** Dead letters as the owner of a pipeline needs them: which are due again, and which keys stand behind one. */
import type { ArrayRow, Session } from "../../pg/session.ts";
import type { Message } from "../message.ts";
import { messageOfRow } from "./outbox-messages.ts";

const DUE =
  "select id, outbox_id, dedup_key, payload, headers, created_at, order_key, source_name from tide.relay_due_dead_letters($1, 'forward', $2)";
const WITH_DUE = `
  select distinct pipeline_name
    from tide.relay_dlq
   where relay_mode = 'forward' and not resolved and retried_at is not null
     and coalesce(next_attempt_at, '-infinity') <= pg_catalog.now()`;
const BLOCKING =
  "select distinct order_key from tide.relay_dlq where pipeline_name = $1 and relay_mode = 'forward' and not resolved and order_key is not null";

export interface DueDeadLetter {
  id: string;
  message: Message;
  orderKey: string | undefined;
  /** The outbox it came from. */
  source: string;
}

/** Forward pipelines that have dead letters to try again. */
export async function readPipelinesWithDue(session: Session): Promise<Set<string>> {
  const rows = await session.rows(WITH_DUE);
  return new Set(rows.flatMap(([name]) => (name == null ? [] : [name])));
}

/** Dead letters that somebody asked to be tried again, oldest first. They keep the id receivers know. */
export async function readDueDeadLetters(
  session: Session,
  { pipeline, outbox, limit }: { pipeline: string; outbox: string; limit: number },
): Promise<DueDeadLetter[]> {
  const rows = await session.rows(DUE, [pipeline, String(limit)]);
  return rows.map((row) => dueOf(outbox, row));
}

function dueOf(outbox: string, row: ArrayRow): DueDeadLetter {
  const [id, outboxId, dedupKey, payload, headers, createdAt, orderKey, source] = row;
  const message = messageOfRow(outbox, [outboxId ?? "0", payload ?? null, headers ?? null, createdAt ?? null]);
  return {
    id: id ?? "0",
    message: { ...message, dedupKey: dedupKey ?? message.dedupKey },
    orderKey: orderKey ?? undefined,
    source: source ?? "",
  };
}

/** Order keys that have an unresolved dead letter. */
export async function readBlockingKeys(session: Session, pipeline: string): Promise<Set<string>> {
  const rows = await session.rows(BLOCKING, [pipeline]);
  return new Set(rows.flatMap(([orderKey]) => (orderKey == null ? [] : [orderKey])));
}
