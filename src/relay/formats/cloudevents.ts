/**
 * CloudEvents 1.0, JSON: structured (one document holds everything) or binary (attributes in headers, the payload is the
 * body).
 *
 * The outbox's operation is the extension attribute `op`, which HTTP carries as the header `ce-op`; an attribute that is
 * itself called "ce-op" would break the specification's rule for names.
 *
 * Source: cloudevents.io, "CloudEvents - Version 1.0.2", "JSON Event Format", "HTTP Protocol Binding".
 */
import { type Decoded, defineFormat, type Encoded, FormatFailure } from "./format.ts";
import { streamTable } from "./native.ts";
import { type ParsedBody, parseBody, requireRecord, textOf } from "./reading.ts";

const STRUCTURED = "application/cloudevents+json";

export default defineFormat({
  name: "cloudevents",
  summary: "CloudEvents 1.0 in JSON, structured or binary",
  options: (z) =>
    z.strictObject({
      mode: z
        .enum(["structured", "binary"])
        .default("structured")
        .meta({ description: "structured: one JSON document; binary: attributes as ce- headers, the payload as body" }),
      server_name: z
        .string()
        .regex(/^[A-Za-z0-9._~-]{1,128}$/)
        .default("pg-tide")
        .meta({ description: "Second part of the event's source" }),
      schema: z
        .string()
        .regex(/^[A-Za-z0-9._~-]{1,128}$/)
        .default("public")
        .meta({ description: "Third part of the event's source" }),
    }),
  encode(message, { mode, server_name, schema }, { subject }): readonly Encoded[] {
    const attributes = {
      specversion: "1.0",
      id: message.id.toString(),
      source: `/pgtide/${server_name}/${schema}/${encodeURIComponent(streamTable(message))}`,
      type: `io.pgtide.${message.op}`,
      time: message.createdAt,
      ...(subject ? { subject } : {}),
      op: message.op,
    };
    const key = message.messageKey ?? message.dedupKey;
    if (mode === "binary") {
      const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerText(value)]);
      return [{ body: message.payload, contentType: "application/json", key, headers: Object.fromEntries(headers) }];
    }
    const open = JSON.stringify({ ...attributes, datacontenttype: "application/json" }).slice(0, -1);
    return [{ body: `${open},"data":${message.payload}}`, contentType: STRUCTURED, key, headers: {} }];
  },
  decode(body) {
    const parsed = parseBody(body);
    const events = Array.isArray(parsed.value) ? parsed.value : [parsed.value];
    return events.map((event) => decodeEvent(event, parsed));
  },
});

function decodeEvent(value: unknown, { write, plain }: ParsedBody): Decoded {
  const { data, data_base64, ...attributes } = requireRecord(value, "the event");
  if (attributes.specversion !== "1.0") throw new FormatFailure('"specversion" is not 1.0');
  const required = ["id", "source", "type"].find((name) => !textOf(attributes[name]));
  if (required) throw new FormatFailure(`"${required}" is missing`);
  if (data !== undefined && data_base64 !== undefined)
    throw new FormatFailure('both "data" and "data_base64" are there');
  return {
    // Unique together, says the specification.
    eventId: `${attributes.source}#${attributes.id}`,
    payload: write(data ?? data_base64 ?? null),
    headers: plain(attributes),
    subject: textOf(attributes.type),
  };
}

/** What may not stand in a header, and the percent sign itself, percent-encoded as the HTTP binding says. */
function headerText(value: string): string {
  return value.toWellFormed().replace(/[^\x21\x23\x24\x26-\x7e]/gu, encodeURIComponent);
}
