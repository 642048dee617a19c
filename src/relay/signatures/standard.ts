/**
 * The form that Standard Webhooks and Svix share: an id, a time and space-separated signatures in three headers, over
 * `id.timestamp.body`. They differ in the headers' prefix when signing; receivers take either.
 *
 * Source: the Standard Webhooks specification, "Signature scheme"; Svix documentation, "Verifying webhooks manually".
 */
import {
  base64Bytes,
  checkTimestamp,
  headerOf,
  hmacSha256,
  MAX_SIGNATURES,
  optionalHeader,
  SHA256_BYTES,
  someEqual,
} from "./digest.ts";
import { SignatureFailure, type SignRequest, type VerifyRequest } from "./signature.ts";

export type HeaderPrefix = "webhook" | "svix";

const SECRET_PREFIX = "whsec_";

/** The key that `secret` stands for: base64 after "whsec_", padded or not. The specification asks for 24 to 64 bytes. */
function keyOf(secret: string): Buffer {
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  const key = base64Bytes(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
  if (!key) throw new SignatureFailure(`the secret is not base64 after ${SECRET_PREFIX}`);
  if (key.length < 16 || key.length > 128) throw new SignatureFailure("the secret does not have 16 to 128 bytes");
  return key;
}

/** Throws SignatureFailure for a secret that can never work. */
export function checkStandardSecret(secret: string): void {
  keyOf(secret);
}

/** One `v1,` per secret. */
export function signStandard(
  request: SignRequest,
  secrets: readonly string[],
  prefix: HeaderPrefix,
): Record<string, string> {
  const { id, timestamp, body } = request;
  const signatures = secrets.map(
    (secret) => `v1,${digestOf(secret, { id, timestamp: String(timestamp), body }).toString("base64")}`,
  );
  return standardHeaders(prefix, request, signatures);
}

/** The three headers. */
export function standardHeaders(
  prefix: HeaderPrefix,
  { id, timestamp }: SignRequest,
  signatures: readonly string[],
): Record<string, string> {
  return {
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(timestamp),
    [`${prefix}-signature`]: signatures.join(" "),
  };
}

/** Throws SignatureFailure. */
export function verifyStandard(request: VerifyRequest, secrets: readonly string[]): { eventId: string } {
  const { id, timestamp, signatures } = standardParts(request, "v1", SHA256_BYTES);
  const expected = secrets.map((secret) => digestOf(secret, { id, timestamp, body: request.body }));
  if (!someEqual(expected, signatures)) throw new SignatureFailure("no signature matches");
  return { eventId: id };
}

export interface StandardParts {
  id: string;
  timestamp: string;
  /** Those of the asked version, decoded, and of the right length. */
  signatures: Buffer[];
}

/** Reads the headers of either prefix and checks the time. Throws SignatureFailure. */
export function standardParts(request: VerifyRequest, version: "v1" | "v1a", bytes: number): StandardParts {
  const prefix: HeaderPrefix =
    optionalHeader(request, "webhook-id") === undefined && optionalHeader(request, "svix-id") ? "svix" : "webhook";
  const id = headerOf(request, `${prefix}-id`);
  const timestamp = headerOf(request, `${prefix}-timestamp`);
  const tokens = headerOf(request, `${prefix}-signature`).split(" ");
  checkTimestamp(timestamp, request);
  if (tokens.length > MAX_SIGNATURES) throw new SignatureFailure(`there are more than ${MAX_SIGNATURES} signatures`);
  const signatures = tokens
    .filter((token) => token.startsWith(`${version},`))
    .map((token) => base64Bytes(token.slice(version.length + 1)))
    .filter((signature) => signature?.length === bytes);
  if (signatures.length === 0) throw new SignatureFailure(`there is no signature ${version}`);
  return { id, timestamp, signatures: signatures.filter((signature) => signature !== undefined) };
}

interface Signed {
  id: string;
  timestamp: string;
  body: Buffer;
}

function digestOf(secret: string, { id, timestamp, body }: Signed): Buffer {
  return hmacSha256(keyOf(secret), [`${id}.${timestamp}.`, body]);
}
