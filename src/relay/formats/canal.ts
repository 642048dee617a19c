/**
 * Canal's flat JSON: many rows per event, every value a string. A row's id is the event's with its place in it.
 */

import { LosslessJson } from "../json/lossless.ts";
import type { Message } from "../message.ts";
import { type Decoded, defineFormat, type Encoded, FormatFailure } from "./format.ts";
import { streamTable } from "./native.ts";
import { numberOf, type ParsedBody, parseBody, recordOf, requireRecord, textOf } from "./reading.ts";

/** 10,000: an event has at most a message's worth of rows. */
const MAX_ROWS = 10_000;

export default defineFormat({
  name: "canal",
  summary: "Canal's flat JSON change events",
  options: (z) =>
    z.strictObject({
      skip_ddl: z
        .boolean()
        .default(true)
        .meta({ description: "Reading: pass over events of table definitions; otherwise they are dead letters" }),
      key_fields: z
        .array(z.string().min(1).max(63))
        .max(32)
        .default(["id"])
        .meta({ description: "Writing: names of the primary key" }),
    }),
  encode(message, { key_fields }, { database }): readonly Encoded[] {
    const millis = Date.parse(message.createdAt);
    const event = {
      id: Number(message.id),
      database,
      table: streamTable(message),
      pkNames: key_fields,
      isDdl: false,
      type: message.op === "update" || message.op === "delete" ? message.op.toUpperCase() : "INSERT",
      es: millis,
      ts: millis,
      data: [texts(message)],
      old: null,
    };
    return [
      {
        body: JSON.stringify(event),
        contentType: "application/json",
        key: message.messageKey ?? message.dedupKey,
        headers: {},
      },
    ];
  },
  decode(body, { skip_ddl }) {
    const parsed = parseBody(body);
    const event = requireRecord(parsed.value, "the event");
    const type = (textOf(event.type) ?? "").toLowerCase();
    if (event.isDdl === true) {
      if (skip_ddl) return [];
      throw new FormatFailure("the event changes a table's definition");
    }
    // Canal marks the borders of transactions with events of their own.
    if (type === "query" || type === "transactionbegin" || type === "transactionend") return [];
    if (!["insert", "update", "delete"].includes(type))
      throw new FormatFailure('"type" is none of INSERT, UPDATE, DELETE');
    return rowsOf(event, type, parsed);
  },
});

function rowsOf(event: Readonly<Record<string, unknown>>, op: string, { write, plain }: ParsedBody): Decoded[] {
  const [database, table] = [textOf(event.database), textOf(event.table)];
  if (!database || !table) throw new FormatFailure('"database" or "table" is missing');
  if (!Array.isArray(event.data)) throw new FormatFailure('"data" is not a list');
  if (event.data.length > MAX_ROWS) throw new FormatFailure(`the event has more than ${MAX_ROWS} rows`);
  const old: readonly unknown[] = Array.isArray(event.old) ? event.old : [];
  const eventType = `${database}.${table}`;
  const time = numberOf(event.es);
  return event.data.map((row: unknown, index) => {
    if (!recordOf(row)) throw new FormatFailure('"data" holds something that is not an object');
    const before = recordOf(old[index]);
    return {
      eventId: undefined,
      payload: write(row),
      headers: plain({
        op,
        event_type: eventType,
        ...(before ? { old_payload: before } : {}),
        ...(time === undefined ? {} : { commit_ts: time }),
      }),
      subject: eventType,
    };
  });
}

/** The payload's fields as Canal writes them: strings, with JSON for what has no other text. */
function texts({ payload }: Message): Record<string, string | null> {
  const json = new LosslessJson({ keepsText: true });
  let row: Readonly<Record<string, unknown>> | undefined;
  try {
    row = recordOf(json.parse(payload));
  } catch {
    row = undefined;
  }
  if (!row) throw new FormatFailure("Canal's form needs a payload that is an object");
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textFor(value, json)]));
}

function textFor(value: unknown, json: LosslessJson): string | null {
  if (value === null) return null;
  const text = json.write(value);
  return typeof value === "string" && text.startsWith('"') ? value : text;
}
