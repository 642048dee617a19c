/**
 * A plain HMAC-SHA256 of the body in one header, as hexadecimal: what most receivers that were written by hand check.
 *
 * Signing writes `sha256=<hex>`. Verifying takes the digits with or without that prefix, in either case, because senders
 * differ; the bytes are what is compared. There is no timestamp: only the id of the event keeps an old request from
 * counting twice.
 */
import {
  checkTextSecret,
  firstSecret,
  headerOf,
  hexBytes,
  hmacSha256,
  optionalHeader,
  SHA256_BYTES,
  someEqual,
} from "./digest.ts";
import { defineSignature, SignatureFailure, type VerifyRequest } from "./signature.ts";

const SIGNED_HEADER = "x-signature-256";
/** Where senders put it when nobody said: both names are in use, and each value is checked all the same. */
const KNOWN_HEADERS = [SIGNED_HEADER, "x-webhook-signature", "x-pg-tide-signature"];

export default defineSignature({
  name: "hmac-sha256",
  summary: "HMAC-SHA256 of the body as hexadecimal in one header",
  options: (z) =>
    z.strictObject({
      header: z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/)
        .optional()
        .meta({
          description: "Name of the header. Default: X-Signature-256; receivers also look at X-Webhook-Signature",
        }),
    }),
  checkSecret: checkTextSecret,
  sign({ body }, secrets, { header = SIGNED_HEADER }) {
    return { [header.toLowerCase()]: `sha256=${hmacSha256(firstSecret(secrets), [body]).toString("hex")}` };
  },
  verify(request, secrets, { header }) {
    const text = header === undefined ? knownHeader(request) : headerOf(request, header.toLowerCase());
    const signature = hexBytes(text.replace(/^sha256=/, ""), SHA256_BYTES);
    if (!signature) throw new SignatureFailure("the signature is not 64 hexadecimal digits");
    const expected = secrets.map((secret) => hmacSha256(secret, [request.body]));
    if (!someEqual(expected, [signature])) throw new SignatureFailure("the signature does not match");
    return { eventId: undefined };
  },
});

function knownHeader(request: VerifyRequest): string {
  const value = KNOWN_HEADERS.map((name) => optionalHeader(request, name)).find((text) => text !== undefined);
  return value ?? headerOf(request, SIGNED_HEADER);
}
