/**
 * Recording what became of messages: position, dead letters, redelivered dead letters and receipts, in one fenced
 * call and so in one transaction. A crash finds all of it or nothing.
 */
import { assert } from "../../base/assert.ts";
import type { Session } from "../../pg/session.ts";
import type { DeadLetterKind } from "../failures.ts";
import type { Message } from "../message.ts";
import { keyValues, type PipelineKey } from "./pipeline-key.ts";

const COMMIT = "select tide.relay_commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

export interface DeadLetter {
  message: Message;
  subject: string | undefined;
  kind: DeadLetterKind;
  /** Scrubbed, tamed, bounded. */
  reason: string;
  attempts: number;
  /** Names of outbox and sink, as people know them. */
  source: string;
  sink: string;
  orderKey: string | undefined;
}

/** A dead letter that was delivered again, or was not. */
export interface Redelivered {
  id: string;
  /** undefined: delivered. */
  failure: string | undefined;
}

/** What was delivered, for the record of deliveries. */
export interface Receipts {
  sink: string;
  messages: number;
}

export interface Checkpoint {
  epoch: bigint;
  leaseMs: number;
  outbox: string;
  /** undefined: only dead letters. */
  position: bigint | undefined;
  dead: readonly DeadLetter[];
  redelivered: readonly Redelivered[];
  receipts: Receipts | undefined;
}

/** The position as it is now recorded; undefined: the epoch is old and nothing was changed. */
export async function commitCheckpoint(
  session: Session,
  key: PipelineKey,
  checkpoint: Checkpoint,
): Promise<bigint | undefined> {
  const { epoch, leaseMs, outbox, position, dead, redelivered, receipts } = checkpoint;
  const rows = await session.rows(COMMIT, [
    ...keyValues(key),
    String(epoch),
    String(leaseMs),
    outbox,
    position === undefined ? null : String(position),
    dead.length === 0 ? null : `[${dead.map(deadLetterJson).join(",")}]`,
    redelivered.length === 0 ? null : JSON.stringify(redelivered.map(redeliveredJson)),
    receipts === undefined ? null : receiptsJson(receipts),
  ]);
  const recorded = rows[0]?.[0];
  if (recorded == null) return undefined;
  assert(BigInt(recorded) >= (position ?? 0n), "a recorded position is at least the one written");
  return BigInt(recorded);
}

/** Payload and headers are the server's own JSON text and stay as they are: parsing would change large numbers. */
function deadLetterJson({ message, subject, kind, reason, attempts, source, sink, orderKey }: DeadLetter): string {
  const plain = JSON.stringify({
    outbox_id: String(message.id),
    dedup_key: message.dedupKey,
    subject: subject ?? null,
    created_at: message.createdAt,
    error_message: reason,
    error_kind: kind,
    attempt_count: Math.max(1, attempts),
    source_name: source,
    sink_name: sink,
    order_key: orderKey ?? null,
  });
  return `${plain.slice(0, -1)},"payload":${message.payload},"headers":${message.headers}}`;
}

function redeliveredJson({ id, failure }: Redelivered): Record<string, unknown> {
  return { id: Number(id), ok: failure === undefined, error_message: failure ?? null };
}

function receiptsJson({ sink, messages }: Receipts): string {
  return JSON.stringify({ sink_type: sink, messages });
}
