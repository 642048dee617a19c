/**
 * The hash under a certificate's signature, read from its DER: Node has no accessor for it.
 *
 * Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { algorithm OID, parameters }, ... }
 * Sources: RFC 5280 section 4.1.1.2, RFC 4055 section 3.1 (RSASSA-PSS, where SHA-1 is the default), RFC 3279, RFC 5758.
 */
import { Unanswered } from "../../answers.ts";

const WEAK: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.2", "MD2"],
  ["1.2.840.113549.1.1.3", "MD4"],
  ["1.2.840.113549.1.1.4", "MD5"],
  ["1.2.840.113549.1.1.5", "SHA-1"],
  ["1.3.14.3.2.29", "SHA-1"],
  ["1.3.14.3.2.27", "SHA-1"],
  ["1.2.840.10040.4.3", "SHA-1"],
  ["1.2.840.10045.4.1", "SHA-1"],
]);
const PSS = "1.2.840.113549.1.1.10";
const WEAK_HASHES: ReadonlyMap<string, string> = new Map([
  ["1.3.14.3.2.26", "SHA-1"],
  ["1.2.840.113549.2.5", "MD5"],
]);

const TAG = { sequence: 0x30, oid: 0x06, hashAlgorithm: 0xa0 };

/** "SHA-1" or the like; undefined: a hash that holds. Throws Unanswered for what is no certificate. */
export function weakHashOf(der: Buffer): string | undefined {
  const certificate = elementsOf(only(der, TAG.sequence));
  const algorithm = elementsOf(contentOf(certificate[1], TAG.sequence));
  const oid = oidOf(contentOf(algorithm[0], TAG.oid));
  return oid === PSS ? weakHashOfPss(algorithm[1]) : WEAK.get(oid);
}

function weakHashOfPss(parameters: Element | undefined): string | undefined {
  const fields = parameters?.tag === TAG.sequence ? elementsOf(parameters.value) : [];
  const chosen = fields.find(({ tag }) => tag === TAG.hashAlgorithm);
  if (chosen === undefined) return "SHA-1";
  const [algorithm] = elementsOf(only(chosen.value, TAG.sequence));
  return WEAK_HASHES.get(oidOf(contentOf(algorithm, TAG.oid)));
}

interface Element {
  tag: number;
  value: Buffer;
}

function only(bytes: Buffer, tag: number): Buffer {
  return contentOf(elementsOf(bytes)[0], tag);
}

function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw malformed();
  return element.value;
}

function elementsOf(bytes: Buffer): Element[] {
  const elements: Element[] = [];
  let offset = 0;
  while (offset + 2 <= bytes.length) {
    const first = bytes.readUInt8(offset + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (lengthBytes > 4 || offset + 2 + lengthBytes > bytes.length) throw malformed();
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(offset + 2, lengthBytes);
    const start = offset + 2 + lengthBytes;
    if (first === 0x80 || start + length > bytes.length) throw malformed();
    elements.push({ tag: bytes.readUInt8(offset), value: bytes.subarray(start, start + length) });
    offset = start + length;
  }
  return elements;
}

/** "1.2.840.113549.1.1.11". */
function oidOf(bytes: Buffer): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [head = 0, ...rest] = numbers;
  const top = Math.min(Math.floor(head / 40), 2);
  return [top, head - 40 * top, ...rest].join(".");
}

function malformed(): Unanswered {
  return new Unanswered("the certificate could not be read");
}
