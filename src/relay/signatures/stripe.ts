/**
 * Stripe's webhooks: HMAC-SHA256 of `timestamp.body` in Stripe-Signature, `t=...,v1=...` with one v1 per secret.
 *
 * The secret is used as the text it is, "whsec_" included. The event's id is `id` of the body, and so it is signed.
 * Source: Stripe documentation, "Verify webhook signatures manually".
 */
import {
  checkTextSecret,
  checkTimestamp,
  headerOf,
  hexBytes,
  hmacSha256,
  MAX_SIGNATURES,
  SHA256_BYTES,
  someEqual,
  textOfBody,
} from "./digest.ts";
import { defineSignature, SignatureFailure } from "./signature.ts";

const HEADER = "stripe-signature";

export default defineSignature({
  name: "stripe",
  summary: "Stripe: Stripe-Signature over time and body",
  options: (z) => z.strictObject({}),
  checkSecret: checkTextSecret,
  sign({ timestamp, body }, secrets) {
    const digests = secrets.map((secret) => `v1=${digestOf(secret, String(timestamp), body).toString("hex")}`);
    return { [HEADER]: [`t=${timestamp}`, ...digests].join(",") };
  },
  verify(request, secrets) {
    const { timestamp, signatures } = partsOf(headerOf(request, HEADER));
    checkTimestamp(timestamp, request);
    const expected = secrets.map((secret) => digestOf(secret, timestamp, request.body));
    if (!someEqual(expected, signatures)) throw new SignatureFailure("no signature matches");
    return { eventId: textOfBody(request.body, "id") };
  },
});

function digestOf(secret: string, timestamp: string, body: Buffer): Buffer {
  return hmacSha256(secret, [`${timestamp}.`, body]);
}

/** Other schemes in the header (v0 of Stripe's test mode) are left out: they prove nothing. */
function partsOf(header: string): { timestamp: string; signatures: Buffer[] } {
  const parts = header.split(",").map((part) => part.trim());
  const times = parts.filter((part) => part.startsWith("t="));
  const signatures = parts
    .filter((part) => part.startsWith("v1="))
    .map((part) => hexBytes(part.slice(3), SHA256_BYTES));
  // Two times would let a reader that takes the other one see another message.
  if (times.length !== 1) throw new SignatureFailure("the header does not hold exactly one time");
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES) {
    throw new SignatureFailure(`the header does not hold 1 to ${MAX_SIGNATURES} signatures v1`);
  }
  return { timestamp: times[0]?.slice(2) ?? "", signatures: signatures.filter((bytes) => bytes !== undefined) };
}
