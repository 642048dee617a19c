/**
 * JSON of anybody else's change capture: paths say where the parts stand.
 *
 * Paths are dotted names from the root, with or without "$."; no lists, no wildcards. Reading only: there is no one form
 * to write.
 */
import { defineFormat, FormatFailure } from "./format.ts";
import { numberOf, parseBody, recordOf, textOf } from "./reading.ts";

export default defineFormat({
  name: "cdc_json",
  summary: "Change events in JSON of any shape, by paths",
  options: (z) => {
    const path = () =>
      z
        .string()
        .max(512)
        .regex(/^\$?(?:(?:^|\.)[^.[\]*$\s]+)*$/, 'must be a dotted path such as "$.data.row"');
    return z.strictObject({
      op_path: path().default("$.op").meta({ description: "Where the operation stands" }),
      op_map: z
        .record(z.string(), z.enum(["insert", "update", "delete", "event"]))
        .default({})
        .meta({ description: "What the source's words for operations mean" }),
      payload_path: path().default("$").meta({ description: "Where the row stands" }),
      old_payload_path: path().optional().meta({ description: "Where the row before the change stands" }),
      event_id_path: path().optional().meta({ description: "Where the event's own id stands" }),
      event_type_path: path().optional().meta({ description: "Where the event's type stands" }),
      commit_ts_path: path().optional().meta({ description: "Where the time of the change stands" }),
      commit_ts_format: z
        .enum(["rfc3339", "unix_seconds", "unix_millis"])
        .default("rfc3339")
        .meta({ description: "How the time is written" }),
      source_position_path: path().optional().meta({ description: "Where the source's log position stands" }),
    });
  },
  decode(body, options) {
    const { value, write, plain } = parseBody(body);
    const at = (path: string | undefined): unknown => (path === undefined ? undefined : valueAt(value, path));
    const payload = at(options.payload_path);
    if (payload === undefined) throw new FormatFailure("there is nothing at payload_path");
    const eventType = textFor(at(options.event_type_path), write);
    const old = at(options.old_payload_path);
    const eventId = textFor(at(options.event_id_path), write);
    if (options.event_id_path !== undefined && !eventId) throw new FormatFailure("there is no id at event_id_path");
    const position = textFor(at(options.source_position_path), write);
    return [
      {
        eventId,
        payload: write(payload),
        headers: plain({
          op: opOf(at(options.op_path), options.op_map),
          ...(eventType ? { event_type: eventType } : {}),
          ...(old == null ? {} : { old_payload: old }),
          ...timeOf(at(options.commit_ts_path), options.commit_ts_format),
          ...(position ? { source_position: position } : {}),
        }),
        subject: eventType,
      },
    ];
  },
});

/** Words that most sources use. */
const KNOWN_OPS: Readonly<Record<string, string>> = {
  c: "insert",
  i: "insert",
  insert: "insert",
  create: "insert",
  r: "insert",
  u: "update",
  update: "update",
  d: "delete",
  delete: "delete",
};

function opOf(value: unknown, map: Readonly<Record<string, string>>): string {
  if (value === undefined || value === null) return "event";
  const word = textOf(value);
  if (word === undefined) throw new FormatFailure("the operation at op_path is not a text");
  const known = Object.hasOwn(map, word) ? map[word] : ownOf(KNOWN_OPS, word.toLowerCase());
  if (!known) throw new FormatFailure("the operation at op_path is unknown; op_map can say what it means");
  return known;
}

function ownOf(table: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function valueAt(root: unknown, path: string): unknown {
  let at = root;
  for (const step of path
    .replace(/^\$\.?/, "")
    .split(".")
    .filter(Boolean)) {
    const record = recordOf(at);
    at = record && Object.hasOwn(record, step) ? record[step] : undefined;
  }
  return at;
}

function textFor(value: unknown, write: (value: unknown) => string): string | undefined {
  if (value === undefined || value === null || typeof value === "object") return undefined;
  const text = write(value);
  return (typeof value === "string" && text.startsWith('"') ? value : text) || undefined;
}

function timeOf(value: unknown, format: "rfc3339" | "unix_seconds" | "unix_millis"): { commit_ts?: number } {
  if (value === undefined || value === null) return {};
  const millis =
    format === "rfc3339"
      ? Date.parse(textOf(value) ?? "")
      : (numberOf(value) ?? Number(value)) * (format === "unix_seconds" ? 1_000 : 1);
  if (!Number.isFinite(millis)) throw new FormatFailure("the time at commit_ts_path is not in commit_ts_format");
  return { commit_ts: millis };
}
