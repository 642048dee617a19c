/**
 * Debezium's change events of PostgreSQL, with a tombstone after a delete.
 *
 * An outbox knows one state of a row: the payload. It is `after`, and for a delete `before`. The event's own identity is
 * kept in `source.dedup_key`, because a log position is no identity: one commit gives many rows the same one.
 */

import { scalarAt } from "../json/scalar.ts";
import type { Message } from "../message.ts";
import { type Decoded, defineFormat, type Encoded, FormatFailure } from "./format.ts";
import { streamTable } from "./native.ts";
import { type ParsedBody, parseBody, recordOf, requireRecord, textOf } from "./reading.ts";

const JSON_TYPE = "application/json";
const CODES: Readonly<Record<string, string>> = { insert: "c", update: "u", delete: "d" };

export default defineFormat({
  name: "debezium",
  summary: "Debezium change events in JSON, with tombstones",
  options: (z) =>
    z.strictObject({
      server_name: z.string().min(1).max(128).default("pg-tide").meta({ description: "Name of the source" }),
      envelope: z.enum(["json"]).default("json").meta({ description: "Encoding of the envelope" }),
      schema: z.string().min(1).max(63).default("public").meta({ description: "Schema in the source block" }),
      emit_tombstones: z
        .boolean()
        .default(true)
        .meta({ description: "Send an empty message with the same key after a delete" }),
      tombstone_handling: z.enum(["delete", "drop"]).default("drop").meta({
        description:
          "Reading: drop passes over tombstones, which repeat the delete before them; delete stores each as a delete without a row",
      }),
      key_strategy: z
        .enum(["primary_key", "message_key"])
        .default("primary_key")
        .meta({ description: "Key of the message: fields of the payload, or the event's dedup_key header" }),
      key_fields: z
        .array(z.string().min(1).max(63))
        .min(1)
        .max(32)
        .default(["id"])
        .meta({ description: "Fields of the primary key, for key_strategy primary_key" }),
      snapshot_op_treatment: z
        .enum(["insert", "upsert"])
        .default("insert")
        .meta({ description: "Reading: what rows of a snapshot count as" }),
      heartbeat_interval_ms: z
        .int()
        .refine((interval) => interval === 0, "a relay sends no heartbeats: leave it out, or say 0")
        .default(0)
        .meta({ description: "0: a relay sends no heartbeats, and passes over those it reads" }),
    }),
  encode(message, options, { database }) {
    const key = keyOf(message, options.key_strategy, options.key_fields);
    const event: Encoded = { body: write(message, options, database), contentType: JSON_TYPE, key, headers: {} };
    if (message.op !== "delete" || !options.emit_tombstones) return [event];
    return [event, { ...event, body: null }];
  },
  decode(body, { snapshot_op_treatment, tombstone_handling }) {
    const tombstone = tombstone_handling === "delete" ? [TOMBSTONE] : [];
    if (body.length === 0) return tombstone;
    const parsed = parseBody(body);
    const { value } = parsed;
    if (value === null) return tombstone;
    const envelope = requireRecord(value, "the event");
    const event = recordOf(envelope.payload) ?? envelope;
    // Heartbeats, schema changes and transaction marks describe no row.
    if (!("op" in event)) return [];
    return decodeChange(event, parsed, snapshot_op_treatment);
  },
});

/** What is left of a row when not even the delete before it tells which one it was. */
const TOMBSTONE: Decoded = { eventId: undefined, payload: "null", headers: { op: "delete" }, subject: undefined };

function write(
  message: Message,
  { server_name, schema }: { server_name: string; schema: string },
  database: string,
): string {
  const millis = Date.parse(message.createdAt);
  const source = {
    version: "pg-tide",
    connector: "postgresql",
    name: server_name,
    ts_ms: millis,
    snapshot: "false",
    db: database,
    schema,
    table: streamTable(message),
    lsn: null,
    dedup_key: message.dedupKey,
  };
  const isDelete = message.op === "delete";
  const before = isDelete ? message.payload : "null";
  const after = isDelete ? "null" : message.payload;
  const op = CODES[message.op] ?? "c";
  return `{"schema":null,"payload":{"before":${before},"after":${after},"source":${JSON.stringify(source)},"op":"${op}","ts_ms":${millis}}}`;
}

/** A document of the key fields; when the payload lacks one, or none is wanted, the message's own key. */
function keyOf(message: Message, strategy: "primary_key" | "message_key", fields: readonly string[]): string {
  const own = message.messageKey ?? message.dedupKey;
  if (strategy === "message_key") return own;
  const values = fields.map((field) => [field, scalarAt(message.payload, [field])] as const);
  if (values.some(([, value]) => value === undefined)) return own;
  return JSON.stringify({ schema: null, payload: Object.fromEntries(values) });
}

function decodeChange(
  event: Readonly<Record<string, unknown>>,
  { write, plain }: ParsedBody,
  snapshot: "insert" | "upsert",
): Decoded[] {
  const ops: Readonly<Record<string, string>> = {
    c: "insert",
    u: "update",
    d: "delete",
    r: snapshot === "upsert" ? "update" : "insert",
  };
  const code = textOf(event.op) ?? "";
  // Truncations and logical messages belong to no row either.
  if (code === "t" || code === "m") return [];
  const op = Object.hasOwn(ops, code) ? ops[code] : undefined;
  if (!op) throw new FormatFailure('"op" is none of c, u, d, r');
  const row = op === "delete" ? event.before : event.after;
  const source = recordOf(event.source) ?? {};
  const type = [source.db, source.table].map(textOf).filter(Boolean).join(".");
  const dedupKey = source.version === "pg-tide" ? textOf(source.dedup_key) : undefined;
  return [
    {
      eventId: dedupKey,
      payload: write(row ?? null),
      headers: plain({
        op,
        event_type: type,
        ...(event.before == null || op === "delete" ? {} : { old_payload: event.before }),
        ...(source.ts_ms == null ? {} : { commit_ts: source.ts_ms }),
        ...(source.lsn == null ? {} : { source_position: exact(source.lsn, write) }),
      }),
      subject: type || undefined,
    },
  ];
}

/** A log position, a number of 64 bits, as text when JavaScript cannot hold it. */
function exact(value: unknown, write: (value: unknown) => string): unknown {
  const text = write(value);
  return text === JSON.stringify(value) ? value : text;
}
