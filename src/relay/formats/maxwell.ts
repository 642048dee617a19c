/** Maxwell's daemon JSON: one row per event, `data` and `old`, times in seconds. */
import { defineFormat, type Encoded, FormatFailure } from "./format.ts";
import { streamTable } from "./native.ts";
import { numberOf, parseBody, recordOf, requireRecord, textOf } from "./reading.ts";

/** Events that tell of no row: DDL, begin and end of a bootstrap, heartbeats. */
const WITHOUT_ROW = /^(?:bootstrap-start|bootstrap-complete|heartbeat|(?:table|database)-(?:create|alter|drop))$/;

export default defineFormat({
  name: "maxwell",
  summary: "Maxwell's JSON change events",
  options: (z) =>
    z.strictObject({
      treat_bootstrap_as_insert: z
        .boolean()
        .default(true)
        .meta({ description: "Reading: rows of a bootstrap are inserts; otherwise they are passed over" }),
    }),
  encode(message, _options, { database }): readonly Encoded[] {
    const head = {
      database,
      table: streamTable(message),
      type: message.op === "update" || message.op === "delete" ? message.op : "insert",
      ts: Math.floor(Date.parse(message.createdAt) / 1_000),
      xid: Number(message.id),
      commit: true,
    };
    const body = `${JSON.stringify(head).slice(0, -1)},"data":${message.payload}}`;
    return [{ body, contentType: "application/json", key: message.messageKey ?? message.dedupKey, headers: {} }];
  },
  decode(body, { treat_bootstrap_as_insert }) {
    const { value, write, plain } = parseBody(body);
    const event = requireRecord(value, "the event");
    const type = textOf(event.type) ?? "";
    if (WITHOUT_ROW.test(type) || (type === "bootstrap-insert" && !treat_bootstrap_as_insert)) return [];
    const op = type === "bootstrap-insert" ? "insert" : type;
    if (!["insert", "update", "delete"].includes(op))
      throw new FormatFailure('"type" is none of insert, update, delete');
    const [database, table] = [textOf(event.database), textOf(event.table)];
    if (!database || !table) throw new FormatFailure('"database" or "table" is missing');
    if (!recordOf(event.data)) throw new FormatFailure('"data" is not an object');
    const eventType = `${database}.${table}`;
    const old = recordOf(event.old);
    const seconds = numberOf(event.ts);
    // Number of the transaction and of the row inside of it: unique together, when Maxwell was told to write both.
    const hasPlace = isPlace(event.xid) && isPlace(event.xoffset);
    return [
      {
        eventId: hasPlace ? `${eventType}:${event.xid}:${event.xoffset}` : undefined,
        payload: write(event.data),
        headers: plain({
          op,
          event_type: eventType,
          ...(old ? { old_payload: old } : {}),
          ...(seconds === undefined ? {} : { commit_ts: seconds * 1_000 }),
          ...(isPlace(event.xid) ? { source_position: event.xid } : {}),
        }),
        subject: eventType,
      },
    ];
  },
});

function isPlace(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
