/**
 * PUBLISH packets of MQTT 5 with qos 1, each written in one piece.
 *
 * The client's own way keeps every packet in a store, with a callback, and writes it in a dozen small buffers; that costs
 * about as much as everything else a relay does for a message. The answers come through the client, which ignores numbers that are not its own.
 */

export interface PublishPacket {
  topic: string;
  body: string | Buffer;
  /** Packet identifier, 1 to 65,535. */
  id: number;
  isRetained: boolean;
  contentType: string;
  userProperties: readonly (readonly [string, string])[];
}

/** Type 3, qos 1. */
const PUBLISH_QOS1 = 0x32;
const RETAIN = 0x01;
const CONTENT_TYPE = 0x03;
const USER_PROPERTY = 0x26;

/** The packet's bytes. Strings have been checked: at most 65,535 bytes each. */
export function publishPacket(packet: PublishPacket): Buffer {
  const { topic, body, id, isRetained, contentType, userProperties } = packet;
  const topicBytes = Buffer.byteLength(topic);
  const typeBytes = Buffer.byteLength(contentType);
  let properties = 3 + typeBytes;
  for (const [name, value] of userProperties) properties += 5 + Buffer.byteLength(name) + Buffer.byteLength(value);
  const bodyBytes = Buffer.byteLength(body);
  const rest = 2 + topicBytes + 2 + lengthBytes(properties) + properties + bodyBytes;
  const bytes = Buffer.allocUnsafe(1 + lengthBytes(rest) + rest);
  bytes[0] = isRetained ? PUBLISH_QOS1 | RETAIN : PUBLISH_QOS1;
  let at = writeLength(bytes, rest, 1);
  at = writeText(bytes, topic, at);
  at = bytes.writeUInt16BE(id, at);
  at = writeLength(bytes, properties, at);
  bytes[at] = CONTENT_TYPE;
  at = writeText(bytes, contentType, at + 1);
  for (const [name, value] of userProperties) {
    bytes[at] = USER_PROPERTY;
    at = writeText(bytes, value, writeText(bytes, name, at + 1));
  }
  if (typeof body === "string") bytes.write(body, at);
  else bytes.set(body, at);
  return bytes;
}

/** Bytes that a length takes: seven bits each. */
function lengthBytes(length: number): number {
  if (length < 128) return 1;
  if (length < 16_384) return 2;
  return length < 2_097_152 ? 3 : 4;
}

function writeLength(bytes: Buffer, length: number, from: number): number {
  let at = from;
  let left = length;
  do {
    const more = left > 127 ? 0x80 : 0;
    bytes[at] = (left & 0x7f) | more;
    at += 1;
    left >>>= 7;
  } while (left > 0);
  return at;
}

/** A string behind its length. */
function writeText(bytes: Buffer, text: string, at: number): number {
  const length = bytes.write(text, at + 2);
  bytes.writeUInt16BE(length, at);
  return at + 2 + length;
}
