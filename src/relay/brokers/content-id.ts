/**
 * An id for events whose sender gave none: the same when the broker sends the event again, another for an equal body that
 * came another way. Two events with equal bodies by the same way cannot be told apart; senders that mean both give an id.
 */
import { createHash } from "node:crypto";

/** Of where it came from (topic, routing key) and what it holds. */
export function contentId(subject: string, body: Buffer): string {
  return `sha256:${createHash("sha256").update(subject).update("\0").update(body).digest("hex")}`;
}
