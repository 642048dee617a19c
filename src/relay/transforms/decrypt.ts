/**
 * Opens envelopes that publishers sealed (encryption/envelope.ts). Runs before every other transform, so that those see
 * the payload. A payload that is no envelope passes, unless the pipeline says that all have to be sealed.
 *
 * The key is a reference (`key`) or a file (`key_path`, pg_tide's way). Both are read by `openable`, with its rules for
 * files, so that what arrives here is the key's text.
 */
import { EncryptionFailure, isSealed, type KeyRing, open, readKey } from "../encryption/envelope.ts";
import { defineTransform, TransformFailure } from "./transform.ts";

export default defineTransform({
  name: "decrypt",
  summary: "Opens payloads that were encrypted before they were published",
  rank: 10,
  options: (z) =>
    z
      .strictObject({
        enabled: z.literal(true).default(true).meta({ description: "Switch of pg_tide's configuration" }),
        kms: z
          .enum(["local"])
          .default("local")
          .meta({ description: "Who keeps the key; only local keys are supported" }),
        key: z.string().optional().meta({ description: "Reference to the key: 64 hexadecimal digits", secret: true }),
        key_previous: z
          .string()
          .optional()
          .meta({ description: "Reference to the key before the last rotation", secret: true }),
        key_path: z.string().optional().meta({ description: "File that holds the key" }),
        key_path_previous: z
          .string()
          .optional()
          .meta({ description: "File that holds the key before the last rotation" }),
        required: z.boolean().default(false).meta({ description: "Refuse payloads that are not encrypted" }),
      })
      .refine(
        ({ key, key_path }) => (key === undefined) !== (key_path === undefined),
        'needs either "key" or "key_path"',
      ),
  prepare({ key, key_previous, required }, { outbox }) {
    const keys = ringOf([key, key_previous].filter((text) => text !== undefined));
    return (message) => {
      if (!isSealed(message.payload)) {
        if (required) throw new TransformFailure("the payload is not encrypted");
        return message;
      }
      return { ...message, payload: opened(message.payload, outbox, keys) };
    };
  },
});

function ringOf(texts: readonly string[]): KeyRing {
  try {
    const [current, ...others] = texts.map(readKey);
    if (!current) throw new TransformFailure("there is no key");
    return [current, ...others];
  } catch (error) {
    throw asFailure(error);
  }
}

function opened(payload: string, outbox: string, keys: KeyRing): string {
  try {
    return open(payload, outbox, keys);
  } catch (error) {
    throw asFailure(error);
  }
}

function asFailure(error: unknown): unknown {
  return error instanceof EncryptionFailure ? new TransformFailure(error.message) : error;
}
