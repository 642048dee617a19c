/**
 * GitHub's webhooks: HMAC-SHA256 of the body in X-Hub-Signature-256, `sha256=` and lower-case hexadecimal.
 *
 * The event's id is X-GitHub-Delivery, which GitHub keeps when somebody presses "redeliver". It is not signed.
 * Source: GitHub documentation, "Validating webhook deliveries".
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
import { defineSignature, SignatureFailure } from "./signature.ts";

const HEADER = "x-hub-signature-256";
const PREFIX = "sha256=";

export default defineSignature({
  name: "github",
  summary: "GitHub: X-Hub-Signature-256",
  options: (z) => z.strictObject({}),
  checkSecret: checkTextSecret,
  sign({ id, body }, secrets) {
    const digest = hmacSha256(firstSecret(secrets), [body]).toString("hex");
    return { [HEADER]: `${PREFIX}${digest}`, "x-github-delivery": id };
  },
  verify(request, secrets) {
    const text = headerOf(request, HEADER);
    const signature = text.startsWith(PREFIX) ? hexBytes(text.slice(PREFIX.length), SHA256_BYTES) : undefined;
    if (!signature) throw new SignatureFailure("the signature is not sha256= and 64 hexadecimal digits");
    const expected = secrets.map((secret) => hmacSha256(secret, [request.body]));
    if (!someEqual(expected, [signature])) throw new SignatureFailure("the signature does not match");
    return { eventId: optionalHeader(request, "x-github-delivery") };
  },
});
