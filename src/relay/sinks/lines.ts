/** Messages as lines of text, for sinks that people and line-reading programs look at. */
import type { ZodNamespace } from "../../base/operation.ts";
import { DELIVERED, type Delivery, type Disposition } from "../message.ts";

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

/** Writes what is small enough with `write`, and refuses the rest, each alone. */
export async function deliverSmall(
  batch: readonly Delivery[],
  messageBytes: number,
  write: (small: readonly Delivery[]) => Promise<void>,
): Promise<readonly Disposition[]> {
  const small = batch.filter(({ bytes }) => bytes <= messageBytes);
  if (small.length > 0) await write(small);
  return batch.map(({ bytes }) => (bytes <= messageBytes ? DELIVERED : tooLarge(bytes, messageBytes)));
}

export function tooLarge(bytes: number, messageBytes: number): Disposition {
  return {
    outcome: "reject",
    class: "message_too_large",
    scope: "message",
    reason: `the message has ${bytes} bytes, over the limit of ${messageBytes}`,
  };
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
