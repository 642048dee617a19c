/**
 * What the schemes share: keyed digests, comparison in constant time, timestamps within tolerance.
 *
 * Comparison is of decoded bytes of a fixed length, against every secret and every signature there is, to the end, so
 * that the time it takes tells nothing of how close a forgery came, nor which of the secrets is the one in use.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { SignatureFailure, type VerifyRequest } from "./signature.ts";

export const SHA256_BYTES = 32;

/** 16 signatures in one header: rotations carry two or three, and each costs a comparison with every secret. */
export const MAX_SIGNATURES = 16;

/** 4 KiB: a shared secret has 32 bytes, and nobody writes longer ones than this. */
const MAX_SECRET_LENGTH = 4_096;
/** 8 characters: a shorter one is guessed from a single message. */
const MIN_SECRET_LENGTH = 8;

export function hmacSha256(key: string | Buffer, parts: readonly (string | Buffer)[]): Buffer {
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** Whether any candidate is any of the expected digests. Candidates of another length count as never equal. */
export function someEqual(expected: readonly Buffer[], candidates: readonly Buffer[]): boolean {
  let found = 0;
  for (const digest of expected) {
    for (const candidate of candidates) {
      if (candidate.length === digest.length) found |= Number(timingSafeEqual(digest, candidate));
    }
  }
  return found !== 0;
}

/** The bytes of `text`, which must be exactly `bytes` of them in hexadecimal of any case; undefined when it is not. */
export function hexBytes(text: string, bytes: number): Buffer | undefined {
  return text.length === bytes * 2 && /^[0-9a-f]+$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** The bytes of `text`, which must be padded base64 in its only spelling; undefined when it is not. */
export function base64Bytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return text !== "" && bytes.toString("base64") === text ? bytes : undefined;
}

/** A secret that is used as the text it is. Throws SignatureFailure. */
export function checkTextSecret(secret: string): void {
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new SignatureFailure(`the secret is shorter than ${MIN_SECRET_LENGTH} characters`);
  }
  if (secret.length > MAX_SECRET_LENGTH) {
    throw new SignatureFailure(`the secret is longer than ${MAX_SECRET_LENGTH} characters`);
  }
}

/** The header's value. Throws SignatureFailure when it is missing. */
export function headerOf({ headers }: VerifyRequest, name: string): string {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined || value === "") throw new SignatureFailure(`header ${name} is missing`);
  return value;
}

/** The header's value when it came. */
export function optionalHeader({ headers }: VerifyRequest, name: string): string | undefined {
  return Object.hasOwn(headers, name) && headers[name] !== "" ? headers[name] : undefined;
}

/** Checks a time in seconds against the receiver's clock, both ways. Throws SignatureFailure. */
export function checkTimestamp(text: string, { now, tolerance }: VerifyRequest): void {
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new SignatureFailure("the timestamp is not a number of seconds");
  const offset = Number(text) - now;
  if (offset < -tolerance) throw new SignatureFailure("the timestamp is too old");
  if (offset > tolerance) throw new SignatureFailure("the timestamp lies in the future");
}

/** A text at the top of a JSON body ("id", "event_id"); undefined when there is none. */
export function textOfBody(body: Buffer, key: string): string | undefined {
  try {
    const document: unknown = JSON.parse(body.toString("utf8"));
    if (typeof document !== "object" || document === null || !Object.hasOwn(document, key)) return undefined;
    const value: unknown = Reflect.get(document, key);
    return typeof value === "string" && value !== "" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The first of the secrets, for schemes that carry one signature. */
export function firstSecret(secrets: readonly string[]): string {
  const [secret] = secrets;
  if (secret === undefined) throw new SignatureFailure("there is no secret");
  return secret;
}
