/**
 * A certificate for a server on this machine: an authority made for the purpose, and a leaf for "localhost",
 * 127.0.0.1 and ::1, so that clients verify the server in full instead of trusting whoever answers.
 *
 * The authority's private key is dropped as soon as the leaf is signed: nothing else can ever be signed by it, so
 * trusting its certificate trusts this one server. Node signs but does not write certificates; the few DER structures
 * are written here (docs/decisions/0015-own-certificate-writer.md). Keys are ECDSA P-256, signatures SHA-256.
 *
 * Source: RFC 5280 (certificate profile), RFC 5480 (EC keys), RFC 5758 (ecdsa-with-SHA256).
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface ServerCertificate {
  /** PEM. What clients trust. */
  authority: string;
  /** PEM. What the server shows. */
  certificate: string;
  /** PEM, PKCS #8. */
  key: string;
}

/** Valid from one hour before `now`, for clocks that differ, until `days` after it. */
export function createServerCertificate({ now, days }: { now: Date; days: number }): ServerCertificate {
  const authorityKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serverKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const validity = { from: new Date(now.getTime() - HOUR_MS), to: new Date(now.getTime() + days * 24 * HOUR_MS) };
  const issuer = `pgkeep local authority ${randomBytes(4).toString("hex")}`;
  const signed = { issuer, validity, signer: authorityKeys };
  const authority = certificateOf({ ...signed, subject: issuer, key: authorityKeys.publicKey, extensions: AUTHORITY });
  const leaf = certificateOf({ ...signed, subject: "localhost", key: serverKeys.publicKey, extensions: SERVER });
  return {
    authority: pem(authority),
    certificate: pem(leaf),
    key: serverKeys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const HOUR_MS = 3_600_000;

interface CertificateContent {
  issuer: string;
  subject: string;
  validity: { from: Date; to: Date };
  key: KeyObject;
  signer: { publicKey: KeyObject; privateKey: KeyObject };
  extensions: readonly Buffer[];
}

function certificateOf({ issuer, subject, validity, key, signer, extensions }: CertificateContent): Buffer {
  const keyIds = [
    extension(OID.subjectKeyIdentifier, octets(keyIdentifier(key))),
    extension(OID.authorityKeyIdentifier, sequence(tagged(0x80, keyIdentifier(signer.publicKey)))),
  ];
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ECDSA_SHA256,
    commonName(issuer),
    sequence(time(validity.from), time(validity.to)),
    commonName(subject),
    key.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions, ...keyIds)),
  );
  return sequence(toBeSigned, ECDSA_SHA256, bits(sign("sha256", toBeSigned, signer.privateKey)));
}

/** 126 random bits: positive, never starting with a zero byte, as RFC 5280 wants serial numbers. */
function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** The leftmost 160 bits of the key's SHA-256: RFC 7093, method 1, over the whole key structure. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);
}

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...derLength(content.length)]), content]);
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return tagged(0x30, ...contents);
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content);
}

function bits(content: Buffer): Buffer {
  return tagged(0x03, Buffer.from([0]), content);
}

function commonName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(OID.commonName, tagged(0x0c, Buffer.from(name, "utf8")))));
}

/** RFC 5280 4.1.2.5: two-digit years (UTCTime) through 2049, four-digit (GeneralizedTime) after. */
function time(moment: Date): Buffer {
  const digits = `${moment
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(/[-:T]/g, "")}`;
  return moment.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}

function extension(id: Buffer, value: Buffer, isCritical = false): Buffer {
  return sequence(id, ...(isCritical ? [tagged(0x01, Buffer.from([0xff]))] : []), octets(value));
}

/** Object identifiers as they are encoded, tag and length included. */
const OID = {
  ecdsaWithSha256: Buffer.from("06082a8648ce3d040302", "hex"),
  commonName: Buffer.from("0603550403", "hex"),
  basicConstraints: Buffer.from("0603551d13", "hex"),
  keyUsage: Buffer.from("0603551d0f", "hex"),
  extendedKeyUsage: Buffer.from("0603551d25", "hex"),
  subjectAltName: Buffer.from("0603551d11", "hex"),
  subjectKeyIdentifier: Buffer.from("0603551d0e", "hex"),
  authorityKeyIdentifier: Buffer.from("0603551d23", "hex"),
  serverAuth: Buffer.from("06082b06010505070301", "hex"),
} as const;

const ECDSA_SHA256 = sequence(OID.ecdsaWithSha256);

/** An authority that signs leaves only (path length 0), and may do nothing else. */
const AUTHORITY = [
  extension(OID.basicConstraints, sequence(tagged(0x01, Buffer.from([0xff])), integer(Buffer.from([0]))), true),
  extension(OID.keyUsage, tagged(0x03, Buffer.from([2, 0b0000_0100])), true),
];

const SERVER = [
  extension(OID.basicConstraints, sequence(), true),
  extension(OID.keyUsage, tagged(0x03, Buffer.from([7, 0b1000_0000])), true),
  extension(OID.extendedKeyUsage, sequence(OID.serverAuth)),
  extension(
    OID.subjectAltName,
    sequence(
      tagged(0x82, Buffer.from("localhost")),
      tagged(0x87, Buffer.from([127, 0, 0, 1])),
      tagged(0x87, Buffer.from([...new Array<number>(15).fill(0), 1])),
    ),
  ),
];

function pem(certificate: Buffer): string {
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
