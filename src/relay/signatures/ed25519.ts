/**
 * Ed25519: the sender signs with a private key, receivers hold only the public one and can forge nothing.
 *
 * Two styles. "v1a" is the asymmetric form of Standard Webhooks, with its headers and `v1a,` tokens; keys are
 * "whsk_" (private) and "whpk_" (public) and base64. "discord" is what Discord sends: the signature of
 * `timestamp` followed by the body as hexadecimal in X-Signature-Ed25519. Keys may also be PEM or hexadecimal.
 *
 * Sources: the Standard Webhooks specification, "Asymmetric signatures"; Discord documentation, "Validating security
 * request headers"; RFC 8032; RFC 8410 (the DER forms below).
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { base64Bytes, checkTimestamp, headerOf, hexBytes, textOfBody } from "./digest.ts";
import { defineSignature, SignatureFailure, type VerifyRequest } from "./signature.ts";
import { standardHeaders, standardParts } from "./standard.ts";

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const PRIVATE_DER = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_DER = Buffer.from("302a300506032b6570032100", "hex");

const DISCORD_SIGNATURE = "x-signature-ed25519";
const DISCORD_TIMESTAMP = "x-signature-timestamp";

export default defineSignature({
  name: "ed25519",
  summary: "Ed25519: Standard Webhooks v1a, or as Discord signs",
  options: (z) =>
    z.strictObject({
      style: z
        .enum(["auto", "v1a", "discord"])
        .default("auto")
        .meta({ description: "v1a, discord, or auto: v1a when signing and for whpk_ keys, else discord" }),
    }),
  checkSecret(secret, use) {
    if (use === "sign") privateKeyOf(secret);
    else publicKeyOf(secret);
  },
  sign(request, secrets, { style }) {
    const { id, timestamp, body } = request;
    const made = (text: string) =>
      secrets.map((secret) => sign(null, Buffer.concat([Buffer.from(text), body]), privateKeyOf(secret)));
    if (style === "discord") {
      return {
        [DISCORD_SIGNATURE]: made(String(timestamp))[0]?.toString("hex") ?? "",
        [DISCORD_TIMESTAMP]: String(timestamp),
      };
    }
    return standardHeaders(
      "webhook",
      request,
      made(`${id}.${timestamp}.`).map((signature) => `v1a,${signature.toString("base64")}`),
    );
  },
  verify(request, secrets, { style }) {
    const isV1a = style === "v1a" || (style === "auto" && secrets.every((secret) => secret.startsWith("whpk_")));
    return isV1a ? verifyV1a(request, secrets) : verifyDiscord(request, secrets);
  },
});

function verifyV1a(request: VerifyRequest, secrets: readonly string[]): { eventId: string } {
  const { id, timestamp, signatures } = standardParts(request, "v1a", SIGNATURE_BYTES);
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), request.body]);
  const keys = secrets.map(publicKeyOf);
  if (!signatures.some((signature) => keys.some((key) => verify(null, signed, key, signature)))) {
    throw new SignatureFailure("no signature matches");
  }
  return { eventId: id };
}

function verifyDiscord(request: VerifyRequest, secrets: readonly string[]): { eventId: string | undefined } {
  const timestamp = headerOf(request, DISCORD_TIMESTAMP);
  const signature = hexBytes(headerOf(request, DISCORD_SIGNATURE), SIGNATURE_BYTES);
  checkTimestamp(timestamp, request);
  if (!signature) throw new SignatureFailure("the signature is not 128 hexadecimal digits");
  const signed = Buffer.concat([Buffer.from(timestamp), request.body]);
  if (!secrets.map(publicKeyOf).some((key) => verify(null, signed, key, signature))) {
    throw new SignatureFailure("the signature does not match");
  }
  return { eventId: textOfBody(request.body, "id") };
}

/** "whsk_" and base64 of the seed, or of seed and public key; PEM; hexadecimal seed. */
function privateKeyOf(secret: string): KeyObject {
  const seed = seedOf(secret);
  return keyFrom(() =>
    seed
      ? createPrivateKey({ key: Buffer.concat([PRIVATE_DER, seed]), format: "der", type: "pkcs8" })
      : createPrivateKey(secret),
  );
}

function seedOf(secret: string): Buffer | undefined {
  if (secret.includes("-----BEGIN")) return undefined;
  const bytes = secret.startsWith("whsk_") ? base64Bytes(secret.slice("whsk_".length)) : hexBytes(secret, KEY_BYTES);
  if (bytes?.length !== KEY_BYTES && bytes?.length !== 2 * KEY_BYTES) {
    throw new SignatureFailure("the private key is neither whsk_ with base64, nor PEM, nor 64 hexadecimal digits");
  }
  return bytes.subarray(0, KEY_BYTES);
}

/** "whpk_" and base64, PEM, or hexadecimal. */
function publicKeyOf(secret: string): KeyObject {
  if (secret.includes("-----BEGIN PUBLIC KEY")) return keyFrom(() => createPublicKey(secret));
  const bytes = secret.startsWith("whpk_") ? base64Bytes(secret.slice("whpk_".length)) : hexBytes(secret, KEY_BYTES);
  if (bytes?.length !== KEY_BYTES) {
    throw new SignatureFailure("the public key is neither whpk_ with base64, nor PEM, nor 64 hexadecimal digits");
  }
  return keyFrom(() => createPublicKey({ key: Buffer.concat([PUBLIC_DER, bytes]), format: "der", type: "spki" }));
}

/** The library's own message may show parts of the key, so it is not passed on. */
function keyFrom(make: () => KeyObject): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = make();
  } catch {
    key = undefined;
  }
  if (key?.asymmetricKeyType !== "ed25519") throw new SignatureFailure("the key is not an Ed25519 key");
  return key;
}
