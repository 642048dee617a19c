/**
 * What travels: an event as the outbox holds it, the form in which a sink gets it, and what became of it.
 *
 * Payload and headers stay the server's own text until something needs to look inside: parsing costs more than half of
 * reading, and a number that JavaScript cannot hold would be changed by it.
 */
import type { FailureClass } from "./failures.ts";

/** One committed row of an outbox. */
export interface Message {
  /** tide_outbox_messages.id: the order within an outbox. */
  readonly id: bigint;
  readonly outbox: string;
  /** Stable over every delivery: "outbox_<outbox>:<id>:0". What receivers deduplicate by. */
  readonly dedupKey: string;
  /** headers.dedup_key of the application; the key of the message where a sink has one. */
  readonly messageKey: string | undefined;
  /** "insert", "update", "delete" or "event" (headers.op; anything else and none is "event"). */
  readonly op: string;
  /** RFC 3339 with microseconds, UTC. */
  readonly createdAt: string;
  /** JSON text, byte for byte as the server gives it. */
  readonly payload: string;
  /** JSON text of an object. */
  readonly headers: string;
}

/** A message on its way to one sink: encoded, addressed, sized. */
export interface Delivery {
  readonly message: Message;
  /** Rendered subject, topic, stream or routing key; undefined for sinks that have none. Sinks refuse what they cannot carry. */
  readonly subject: string | undefined;
  /** Deliveries with equal keys reach the sink in order of id, and one at a time. */
  readonly orderKey: string;
  /** The message's key where the sink has one (Kafka), as the wire format says. */
  readonly key: string;
  /** What is sent; null is a tombstone. */
  readonly body: string | Buffer | null;
  readonly contentType: string;
  /** Headers of ours and of the format, names in lower case. Values hold no control characters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Size of the body in bytes. */
  readonly bytes: number;
}

/**
 * What became of one delivery.
 *
 * `scope` tells whose fault it was. "message": this message was refused, and the attempt counts. "sink": the sink as a
 * whole is away or refuses everybody; nothing counts against the message and the circuit breaker hears of it.
 */
export type Disposition =
  | { readonly outcome: "delivered" }
  | {
      readonly outcome: "retry" | "reject";
      readonly class: FailureClass;
      readonly scope: "message" | "sink";
      /** For people: scrubbed, tamed, at most 4 KiB, no payload. */
      readonly reason: string;
      /** The sink asked to be left alone for so long. */
      readonly retryAfterMs?: number | undefined;
    };

/** Shared, because most deliveries end this way. */
export const DELIVERED: Disposition = { outcome: "delivered" };

/** The sink as a whole is unable to take it at this moment: it is tried again, and nothing counts against the message. */
export function retryBySink(failureClass: FailureClass, reason: string): Disposition {
  return { outcome: "retry", class: failureClass, scope: "sink", reason };
}

/** This message can never be taken as it is. */
export function rejectMessage(failureClass: FailureClass, reason: string): Disposition {
  return { outcome: "reject", class: failureClass, scope: "message", reason };
}
