/** What the tests of the wire formats share. */
import { z } from "zod";
import type { FormatDefinition } from "../../../../src/relay/formats/format.ts";
import type { Message } from "../../../../src/relay/message.ts";

export function message(changes: Partial<Message> = {}): Message {
  return {
    id: 42n,
    outbox: "orders",
    dedupKey: "outbox_orders:42:0",
    messageKey: undefined,
    op: "insert",
    createdAt: "2026-03-04T05:06:07.123456Z",
    payload: '{"id": 7, "total": 12345678901234567890, "price": 1.50}',
    headers: '{"event_type": "order.created"}',
    ...changes,
  };
}

/** What `format` makes of `one`, options by their defaults. */
export function encode(
  format: FormatDefinition,
  one: Message,
  { subject = "orders.insert", ...options }: Record<string, unknown> & { subject?: string } = {},
) {
  return format.encode?.(one, format.options(z).parse(options), { subject, database: "shop" }) ?? [];
}

/** What `format` reads from `body`, a text or a value to be written as JSON. */
export function decode(format: FormatDefinition, body: unknown, options: Record<string, unknown> = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return format.decode?.(bytes, format.options(z).parse(options), "arrived.as") ?? [];
}
