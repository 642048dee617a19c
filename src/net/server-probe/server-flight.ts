/**
 * What a server answers to a ClientHello of SSL 3.0 to TLS 1.2: the records of its first flight, or an alert.
 *
 * Read from whatever bytes there are, again from the start when more arrive. Nothing in them is believed: every length is
 * held against what is there, and whatever is not as documented makes the answer "garbage". The flight ends with
 * ServerHelloDone; when it breaks off before, what was read until then counts.
 *
 * Sources: RFC 5246 sections 6.2.1 and 7.4, RFC 8422 section 5.4.
 */
export interface KeyExchange {
  /** Code of a named curve. */
  curve?: number | undefined;
  /** Bits of a Diffie-Hellman group that the server sent. */
  groupBits?: number | undefined;
}

export interface Flight {
  version: number;
  suite: number;
  /** Certificates, DER. */
  certificates: readonly Buffer[];
  /** The server's ServerKeyExchange, not read yet: what it holds depends on the suite. */
  keyExchange: Buffer | undefined;
}

export type FlightState =
  /** Nothing that decides has arrived. */
  | { kind: "waiting" }
  /** A fatal one. */
  | { kind: "alert"; description: number }
  | { kind: "garbage"; reason: string }
  /** `isDone`: to its end. */
  | { kind: "flight"; flight: Flight; isDone: boolean };

const RECORD = { alert: 21, handshake: 22 };
const MESSAGE = { serverHello: 2, certificate: 11, serverKeyExchange: 12, certificateRequest: 13, helloDone: 14 };
/** 2^14 bytes, and what encryption may add. */
const MAX_RECORD_BYTES = 16_384 + 2_048;

/** Reads the bytes of an answer so far. Never throws. */
export function readFlight(bytes: Buffer): FlightState {
  try {
    return readRecords(bytes);
  } catch (error) {
    if (error instanceof Malformed) return { kind: "garbage", reason: error.message };
    throw error;
  }
}

class Malformed extends Error {}

function readRecords(bytes: Buffer): FlightState {
  const handshake: Buffer[] = [];
  let offset = 0;
  while (offset + 5 <= bytes.length) {
    const type = bytes.readUInt8(offset);
    const length = bytes.readUInt16BE(offset + 3);
    if (type !== RECORD.alert && type !== RECORD.handshake) throw new Malformed("the answer is not TLS");
    if (bytes.readUInt8(offset + 1) !== 3 || length === 0 || length > MAX_RECORD_BYTES) {
      throw new Malformed("the answer is not TLS");
    }
    const content = bytes.subarray(offset + 5, offset + 5 + length);
    if (content.length < length) break;
    offset += 5 + length;
    if (type === RECORD.handshake) handshake.push(content);
    else if (isFatal(content)) return { kind: "alert", description: content[1] ?? 0 };
  }
  if (offset === 0 && bytes.length > 0 && bytes[0] !== RECORD.alert && bytes[0] !== RECORD.handshake) {
    throw new Malformed("the answer is not TLS");
  }
  return readMessages(Buffer.concat(handshake));
}

/** A warning changes nothing ("unrecognized name" comes before a hello); a fatal alert takes a hello back. */
function isFatal(content: Buffer): boolean {
  if (content.length !== 2) throw new Malformed("an alert has a wrong length");
  return content[0] === 2;
}

function readMessages(bytes: Buffer): FlightState {
  let flight: Flight | undefined;
  let offset = 0;
  while (offset + 4 <= bytes.length) {
    const type = bytes.readUInt8(offset);
    const body = bytes.subarray(offset + 4, offset + 4 + bytes.readUIntBE(offset + 1, 3));
    if (body.length < bytes.readUIntBE(offset + 1, 3)) break;
    offset += 4 + body.length;
    if (type === MESSAGE.helloDone && flight !== undefined) return { kind: "flight", flight, isDone: true };
    flight = takeMessage(flight, type, body);
  }
  return flight === undefined ? { kind: "waiting" } : { kind: "flight", flight, isDone: false };
}

function takeMessage(flight: Flight | undefined, type: number, body: Buffer): Flight {
  if (flight === undefined) {
    if (type !== MESSAGE.serverHello) throw new Malformed("the handshake does not begin with a hello");
    return readHello(body);
  }
  if (type === MESSAGE.serverHello) throw new Malformed("the server said hello twice");
  if (type === MESSAGE.certificate) return { ...flight, certificates: readCertificates(body) };
  return type === MESSAGE.serverKeyExchange ? { ...flight, keyExchange: body } : flight;
}

function readHello(body: Buffer): Flight {
  const sessionBytes = body[34] ?? 255;
  if (sessionBytes > 32 || body.length < 38 + sessionBytes) throw new Malformed("the hello is too short");
  const suite = body.readUInt16BE(35 + sessionBytes);
  return { version: body.readUInt16BE(0), suite, certificates: [], keyExchange: undefined };
}

/** 20: no chain is as long. */
const MAX_CERTIFICATES = 20;

function readCertificates(body: Buffer): Buffer[] {
  if (body.length < 3 || body.readUIntBE(0, 3) !== body.length - 3) throw new Malformed("the certificates end early");
  const certificates: Buffer[] = [];
  let offset = 3;
  while (offset < body.length && certificates.length < MAX_CERTIFICATES) {
    const length = offset + 3 <= body.length ? body.readUIntBE(offset, 3) : body.length;
    if (offset + 3 + length > body.length) throw new Malformed("a certificate ends early");
    certificates.push(body.subarray(offset + 3, offset + 3 + length));
    offset += 3 + length;
  }
  return certificates;
}

const NAMED_CURVE = 3;

/** The curve of an ECDHE exchange; undefined when it is not there or no named one. */
export function curveOf({ keyExchange }: Flight): number | undefined {
  if (keyExchange === undefined || keyExchange.length < 3 || keyExchange[0] !== NAMED_CURVE) return undefined;
  return keyExchange.readUInt16BE(1);
}

/** Bits of the prime of a DHE exchange; undefined when it is not there. */
export function groupBitsOf({ keyExchange }: Flight): number | undefined {
  if (keyExchange === undefined || keyExchange.length < 3) return undefined;
  const length = keyExchange.readUInt16BE(0);
  if (length === 0 || keyExchange.length < 2 + length) return undefined;
  const hex = keyExchange
    .subarray(2, 2 + length)
    .toString("hex")
    .replace(/^0+/, "");
  return hex === "" ? undefined : BigInt(`0x${hex}`).toString(2).length;
}

/** Alerts by which a server says that it will not speak so: RFC 5246 section 7.2.2. */
const REFUSALS = new Set([
  40, // handshake_failure
  43, // unsupported_certificate
  47, // illegal_parameter
  70, // protocol_version
  71, // insufficient_security
  80, // internal_error: what some libraries say when no key fits
  86, // inappropriate_fallback
  109, // missing_extension
  112, // unrecognized_name
  116, // certificate_required
  120, // no_application_protocol
]);

/** Whether a fatal alert is a refusal; others tell of trouble and answer nothing. */
export function isRefusal(description: number): boolean {
  return REFUSALS.has(description);
}

/** The alert that speaks of the version alone. */
export const PROTOCOL_VERSION_ALERT = 70;
