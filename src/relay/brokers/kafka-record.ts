/** A delivery as a record of Kafka: its topic, its key (which fixes its partition), its headers, and its size. */
import type { Delivery } from "../message.ts";

/** The frame of a record batch, and of a record with its varints. Source: Kafka documentation, "Message Format". */
export const BATCH_FRAME_BYTES = 61;
const RECORD_FRAME_BYTES = 32;
const HEADER_FRAME_BYTES = 10;

/** What the key of a record can be taken from. */
export const MESSAGE_KEYS = ["auto", "format", "order_key", "dedup_key"] as const;

export interface KafkaRecord {
  key: string;
  value: string | Buffer | null;
  headers: Record<string, string>;
}

/** The fields of the sink's configuration that shape a record. */
interface RecordConfig {
  message_key: (typeof MESSAGE_KEYS)[number];
  headers?: Readonly<Record<string, string>> | undefined;
}

/** What the event brings comes over what the pipeline says, and what names the event over both. */
export function recordOf(delivery: Delivery, config: RecordConfig): KafkaRecord {
  const { message, body } = delivery;
  return {
    key: keyOf(delivery, config.message_key),
    value: body,
    headers: {
      ...config.headers,
      ...delivery.headers,
      "content-type": delivery.contentType,
      pg_tide_outbox: message.outbox,
      pg_tide_op: message.op,
      pg_tide_dedup_key: message.dedupKey,
    },
  };
}

/** What a record of a body of `bodyBytes` takes of a record batch, at most. */
export function recordBytes({ key, headers }: KafkaRecord, bodyBytes: number): number {
  let bytes = bodyBytes + Buffer.byteLength(key) + RECORD_FRAME_BYTES;
  for (const [name, value] of Object.entries(headers)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + HEADER_FRAME_BYTES;
  }
  return bytes;
}

function keyOf({ key, orderKey, message }: Delivery, from: RecordConfig["message_key"]): string {
  switch (from) {
    case "format":
      return key;
    case "order_key":
      return orderKey;
    case "dedup_key":
      return message.dedupKey;
    case "auto":
      // A key that nobody chose would tear what belongs together into several partitions.
      return key === message.dedupKey && orderKey !== "" ? orderKey : key;
  }
}

/** What a topic must be, as the end of a sentence about it. */
export const TOPIC_RULE = 'must be letters, digits, ".", "_" and "-", at most 249';

/** Kafka's rule, and no topics of Kafka's own. */
export function isTopic(topic: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(topic) && topic !== "." && topic !== ".." && !topic.startsWith("__");
}
