/**
 * pg_tide's own form: the relay message, the bare payload, or its short wire message.
 *
 * The payload's text is never parsed; it stands in the body byte for byte as the server gave it. Written by hand instead
 * of with JSON.stringify of an object, because that would mean parsing first, which costs more than everything else here.
 */
import type { Message } from "../message.ts";
import { type Decoded, defineFormat, type EncodeContext, type Encoded, FormatFailure } from "./format.ts";
import { parseBody, recordOf, textOf } from "./reading.ts";

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});
const JSON_TYPE = "application/json";

export default defineFormat({
  name: "native",
  summary: "The relay message of pg_tide, the bare payload, or its short wire message",
  options: (z) =>
    z.strictObject({
      body: z.enum(["relay", "payload", "wire"]).default("relay").meta({
        description:
          "relay: {dedup_key, subject, payload, op, ...}; payload: the payload alone; wire: {outbox_id, op, stream_table, payload}. Default: what the sink calls for",
      }),
    }),
  encode(message, { body }, context) {
    return [
      { body: write(message, body, context), contentType: JSON_TYPE, key: keyOf(message, body), headers: NO_HEADERS },
    ];
  },
  decode(body) {
    const { text, value, write, plain } = parseBody(body);
    const relay = recordOf(value);
    if (!relay || !("dedup_key" in relay) || !("payload" in relay)) return [bare(text)];
    const eventId = textOf(relay.dedup_key);
    if (!eventId) throw new FormatFailure('"dedup_key" of the relay message is not a text');
    return [
      {
        eventId,
        payload: write(relay.payload),
        headers: plain({ ...recordOf(relay.headers), ...(relay.op === undefined ? {} : { op: relay.op }) }),
        subject: textOf(relay.subject) || undefined,
      },
    ];
  },
});

/** Anything else is a payload without more, and goes to the server as it came. */
function bare(text: string): Decoded {
  return { eventId: undefined, payload: text, headers: {}, subject: undefined };
}

function write(message: Message, form: "relay" | "payload" | "wire", { subject }: EncodeContext): string {
  if (form === "payload") return message.payload;
  const op = JSON.stringify(message.op);
  if (form === "wire") {
    return `{"outbox_id":${message.id},"op":${op},"stream_table":${JSON.stringify(streamTable(message))},"payload":${message.payload}}`;
  }
  return `{"dedup_key":${JSON.stringify(message.dedupKey)},"subject":${JSON.stringify(subject ?? "")},"payload":${message.payload},"op":${op},"is_full_refresh":false,"outbox_id":${message.id},"refresh_id":null,"outbox_name":${JSON.stringify(message.outbox)},"headers":${message.headers},"created_at":${JSON.stringify(message.createdAt)}}`;
}

function keyOf(message: Message, form: "relay" | "payload" | "wire"): Encoded["key"] {
  if (message.messageKey !== undefined) return message.messageKey;
  return form === "wire" ? `${streamTable(message)}:${message.id}` : message.dedupKey;
}

/** pg_tide's name for an outbox where a table's name is called for. */
export function streamTable({ outbox }: Message): string {
  return `outbox_${outbox}`;
}
