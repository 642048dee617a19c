/**
 * Payloads that only their readers can read: a JSON envelope around AES-256-GCM.
 *
 *   {"_enc": 1, "kms": "local", "kid": ..., "alg": "AES256GCM", "iv": ..., "edek": ..., "ct": ...}
 *
 * The client library seals before it publishes, so the database never sees the payload; the relay opens it again before it
 * transforms. What is authenticated besides is the outbox's name: an envelope copied into another outbox does not open.
 *
 * The key is a file of 64 hexadecimal digits and its name the first 8 bytes of its SHA-256. A rotation is a new file with
 * the old one named as previous: new envelopes use the first, and both open. `edek` has room for a wrapped data key;
 * a local key needs none, so it holds the word "local".
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { registerSecret, Secret } from "../../base/secrets.ts";
import { isJson } from "../json/is-json.ts";

/** An envelope that cannot be opened or a key that is none. Says nothing of key or content. */
export class EncryptionFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "EncryptionFailure";
  }
}

export interface EncryptionKey {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly key: Secret;
}

/** The key to seal with, then those that may still open. */
export type KeyRing = readonly [EncryptionKey, ...EncryptionKey[]];

const ALGORITHM = "AES256GCM";
/** 96 bits, what GCM is made for. Random: one key may seal 2^32 payloads, so rotate it before. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
const EDEK_LOCAL = Buffer.from("local").toString("base64");

/** A key from the text of its file. Throws EncryptionFailure. */
export function readKey(text: string): EncryptionKey {
  const hex = text.trim();
  registerSecret(hex);
  if (!/^[0-9a-fA-F]{64}$/.test(hex)) throw new EncryptionFailure("an encryption key must be 64 hexadecimal digits");
  const bytes = Buffer.from(hex, "hex");
  const id = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return { id, key: new Secret(hex.toLowerCase()) };
}

/** JSON text of the envelope of `payload`, which is JSON text. */
export function seal(payload: string, outbox: string, [current]: KeyRing): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", keyBytes(current), iv).setAAD(Buffer.from(outbox));
  const ct = Buffer.concat([cipher.update(payload, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return JSON.stringify({
    _enc: 1,
    kms: "local",
    kid: current.id,
    alg: ALGORITHM,
    iv: iv.toString("base64"),
    edek: EDEK_LOCAL,
    ct: ct.toString("base64"),
  });
}

/** Whether `payload`, JSON text, claims to be an envelope. Cheap: most payloads are none. */
export function isSealed(payload: string): boolean {
  return payload.includes('"_enc"') && envelopeOf(payload) !== undefined;
}

/** The JSON text inside of an envelope. Throws EncryptionFailure. */
export function open(payload: string, outbox: string, keys: KeyRing): string {
  const envelope = envelopeOf(payload);
  if (!envelope) throw new EncryptionFailure("the payload is not an encryption envelope");
  const { kms, kid, alg, iv, ct } = envelope;
  if (kms !== "local") throw new EncryptionFailure("the envelope's key is kept by a service that is not supported");
  if (alg !== ALGORITHM) throw new EncryptionFailure("the envelope's algorithm is not AES256GCM");
  if (typeof kid !== "string" || typeof iv !== "string" || typeof ct !== "string")
    throw new EncryptionFailure("the envelope lacks a part");
  const key = keys.find(({ id }) => id === kid);
  if (!key) throw new EncryptionFailure("the envelope was sealed with a key that is not configured");
  const content = decipher(key, { iv: Buffer.from(iv, "base64"), sealed: Buffer.from(ct, "base64"), outbox });
  // It will stand inside of other JSON, where anything else could pass for more than a payload.
  if (!isJson(content)) throw new EncryptionFailure("what the envelope holds is not JSON");
  return content;
}

/** The same content sealed with the current key; undefined when it already is. Throws EncryptionFailure. */
export function reseal(payload: string, outbox: string, keys: KeyRing): string | undefined {
  if (envelopeOf(payload)?.kid === keys[0].id) return undefined;
  return seal(open(payload, outbox, keys), outbox, keys);
}

interface Enciphered {
  iv: Buffer;
  /** With its tag at the end. */
  sealed: Buffer;
  outbox: string;
}

function decipher(key: EncryptionKey, { iv, sealed, outbox }: Enciphered): string {
  if (iv.length !== IV_BYTES || sealed.length < TAG_BYTES) throw new EncryptionFailure("the envelope is cut off");
  try {
    const opener = createDecipheriv("aes-256-gcm", keyBytes(key), iv, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(outbox))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([opener.update(sealed.subarray(0, -TAG_BYTES)), opener.final()]).toString("utf8");
  } catch {
    throw new EncryptionFailure("the envelope was changed, or belongs to another outbox");
  }
}

function keyBytes({ key }: EncryptionKey): Buffer {
  return Buffer.from(key.expose(), "hex");
}

function envelopeOf(payload: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    if (typeof value !== "object" || value === null || !("_enc" in value) || value._enc !== 1) return undefined;
    return { ...value };
  } catch {
    return undefined;
  }
}
