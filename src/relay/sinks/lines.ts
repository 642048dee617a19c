/** Messages as lines of text, for sinks that people and line-reading programs look at. */
import type { ZodNamespace } from "../../base/operation.ts";
import type { Delivery } from "../message.ts";

export type LineFormat = "jsonl" | "pretty";

/** The `format` field of such a sink. */
export function lineFormat(z: ZodNamespace) {
  return z
    .enum(["jsonl", "pretty"])
    .default("jsonl")
    .meta({ description: "jsonl: one message per line; pretty: indented, for people" });
}

/**
 * The bytes of a batch. A body that is no text of one line is written as a JSON string (binary ones in base64), so that one
 * line is one message whatever the wire format; a tombstone is `null`.
 */
export function asLines(batch: readonly Delivery[], format: LineFormat): Buffer {
  return Buffer.from(batch.map(({ body }) => `${format === "pretty" ? pretty(body) : line(body)}\n`).join(""));
}

function line(body: Delivery["body"]): string {
  if (body === null) return "null";
  if (typeof body !== "string") return JSON.stringify(body.toString("base64"));
  return /[\r\n]/.test(body) ? JSON.stringify(body) : body;
}

function pretty(body: Delivery["body"]): string {
  if (typeof body !== "string") return line(body);
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2);
  } catch {
    return line(body);
  }
}
