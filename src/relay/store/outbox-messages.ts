/** Rows of an outbox as messages. Headers are parsed only when they hold something the relay itself looks at. */
import type { ArrayRow } from "../../pg/session.ts";
import type { Message } from "../message.ts";

const OPERATIONS = new Set(["insert", "update", "delete"]);

/** The id that receivers deduplicate by: the same over every delivery, every owner and every replay. */
export function dedupKeyOf(outbox: string, id: bigint | string): string {
  return `outbox_${outbox}:${id}:0`;
}

/** A row of relay_page: id, payload, headers, created_at. */
export function messageOfRow(outbox: string, row: ArrayRow): Message {
  const id = row[0] ?? "0";
  const headers = row[2] ?? "{}";
  const { messageKey, op } = headers === "{}" ? PLAIN : meaningOf(headers);
  return {
    id: BigInt(id),
    outbox,
    dedupKey: dedupKeyOf(outbox, id),
    messageKey,
    op,
    createdAt: row[3] ?? "",
    payload: row[1] ?? "null",
    headers,
  };
}

interface Meaning {
  messageKey: string | undefined;
  op: string;
}

const PLAIN: Meaning = { messageKey: undefined, op: "event" };

function meaningOf(headers: string): Meaning {
  if (!headers.includes('"dedup_key"') && !headers.includes('"op"')) return PLAIN;
  const parsed: unknown = JSON.parse(headers);
  if (typeof parsed !== "object" || parsed === null) return PLAIN;
  const key = "dedup_key" in parsed ? parsed.dedup_key : undefined;
  const op = "op" in parsed ? parsed.op : undefined;
  return {
    messageKey: typeof key === "string" && key !== "" ? key : undefined,
    op: typeof op === "string" && OPERATIONS.has(op) ? op : "event",
  };
}
