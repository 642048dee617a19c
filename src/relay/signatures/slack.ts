/**
 * Slack's requests: HMAC-SHA256 of `v0:timestamp:body` in X-Slack-Signature.
 *
 * The event's id is `event_id` of the body, which the Events API sends and repeats when it tries again.
 * Source: Slack documentation, "Verifying requests from Slack".
 */
import {
  checkTextSecret,
  checkTimestamp,
  firstSecret,
  headerOf,
  hexBytes,
  hmacSha256,
  SHA256_BYTES,
  someEqual,
  textOfBody,
} from "./digest.ts";
import { defineSignature, SignatureFailure } from "./signature.ts";

const HEADER = "x-slack-signature";
const TIMESTAMP = "x-slack-request-timestamp";
const VERSION = "v0";

export default defineSignature({
  name: "slack",
  summary: "Slack: X-Slack-Signature over time and body",
  options: (z) => z.strictObject({}),
  checkSecret: checkTextSecret,
  sign({ timestamp, body }, secrets) {
    const digest = digestOf(firstSecret(secrets), String(timestamp), body).toString("hex");
    return { [HEADER]: `${VERSION}=${digest}`, [TIMESTAMP]: String(timestamp) };
  },
  verify(request, secrets) {
    const timestamp = headerOf(request, TIMESTAMP);
    const text = headerOf(request, HEADER);
    checkTimestamp(timestamp, request);
    const signature = text.startsWith(`${VERSION}=`)
      ? hexBytes(text.slice(VERSION.length + 1), SHA256_BYTES)
      : undefined;
    if (!signature) throw new SignatureFailure("the signature is not v0= and 64 hexadecimal digits");
    const expected = secrets.map((secret) => digestOf(secret, timestamp, request.body));
    if (!someEqual(expected, [signature])) throw new SignatureFailure("the signature does not match");
    return { eventId: textOfBody(request.body, "event_id") };
  },
});

function digestOf(secret: string, timestamp: string, body: Buffer): Buffer {
  return hmacSha256(secret, [`${VERSION}:${timestamp}:`, body]);
}
