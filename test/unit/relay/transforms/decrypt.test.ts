/** Encrypted payloads: sealed by publishers, opened by the relay, rotated, and worth nothing when anything was changed. */
import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  EncryptionFailure,
  isSealed,
  type KeyRing,
  open,
  readKey,
  reseal,
  seal,
} from "../../../../src/relay/encryption/envelope.ts";
import decrypt from "../../../../src/relay/transforms/decrypt.ts";
import { TransformFailure } from "../../../../src/relay/transforms/transform.ts";
import { message } from "../formats/messages.ts";

const OLD = "ab".repeat(32);
const NEW = "cd".repeat(32);
const ring = (...keys: string[]): KeyRing => {
  const [current, ...others] = keys.map(readKey);
  if (!current) throw new Error("no key");
  return [current, ...others];
};
const apply = async (options: Record<string, unknown>, payload: string, outbox = "orders") =>
  (await decrypt.prepare(decrypt.options(z).parse(options), { outbox }))(message({ payload }))?.payload;

describe("[relay 6] an envelope", () => {
  it("has the parts of the contract", () => {
    const envelope = JSON.parse(seal('{"a": 1}', "orders", ring(OLD)));
    expect(Object.keys(envelope)).toEqual(["_enc", "kms", "kid", "alg", "iv", "edek", "ct"]);
    expect(envelope).toMatchObject({ _enc: 1, kms: "local", alg: "AES256GCM", edek: "bG9jYWw=" });
    // SHA-256 of 32 bytes 0xab, by sha256sum.
    expect(envelope.kid).toBe("9a2db2e23f1504cd");
    expect(Buffer.from(envelope.iv, "base64")).toHaveLength(12);
    expect(Buffer.from(envelope.ct, "base64")).toHaveLength(8 + 16);
  });

  it("never uses a nonce twice, and opens to exactly what was sealed", () => {
    const text = '{"n": 12345678901234567890, "s": "é\\u2028"}';
    const sealed = Array.from({ length: 1_000 }, () => seal(text, "orders", ring(OLD)));
    expect(new Set(sealed.map((one) => JSON.parse(one).iv)).size).toBe(1_000);
    expect(open(sealed[0] ?? "", "orders", ring(OLD))).toBe(text);
  });

  it("does not open when one bit of any part is changed, cut, or meant for another outbox", () => {
    const sealed = JSON.parse(seal('{"card": "canary"}', "orders", ring(OLD)));
    const flipped = (name: string, at: number) => {
      const bytes = Buffer.from(sealed[name], "base64");
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return { ...sealed, [name]: bytes.toString("base64") };
    };
    const broken = [
      flipped("iv", 0),
      flipped("ct", 0),
      flipped("ct", sealed.ct.length - 20 > 0 ? 20 : 1),
      { ...sealed, ct: sealed.ct.slice(0, 20) },
      { ...sealed, iv: "" },
      { ...sealed, kid: "0".repeat(16) },
      { ...sealed, alg: "AES128GCM" },
      { ...sealed, kms: "aws" },
      { ...sealed, ct: 5 },
      { ...sealed, _enc: 2 },
    ];
    for (const one of broken) {
      expect(() => open(JSON.stringify(one), "orders", ring(OLD)), JSON.stringify(one)).toThrow(EncryptionFailure);
    }
    expect(() => open(JSON.stringify(sealed), "payments", ring(OLD))).toThrow("another outbox");
  });

  it("that holds anything but JSON is refused, so that nothing can pass for more than a payload", () => {
    const cipher = createCipheriv("aes-256-gcm", Buffer.from(OLD, "hex"), Buffer.alloc(12)).setAAD(
      Buffer.from("orders"),
    );
    const ct = Buffer.concat([cipher.update('1,"op":"forged"'), cipher.final(), cipher.getAuthTag()]).toString(
      "base64",
    );
    const envelope = { ...JSON.parse(seal("1", "orders", ring(OLD))), iv: Buffer.alloc(12).toString("base64"), ct };
    expect(() => open(JSON.stringify(envelope), "orders", ring(OLD))).toThrow("not JSON");
  });

  it("is sealed anew with the new key, and left alone when it has it", () => {
    const old = seal('{"a":1}', "orders", ring(OLD));
    const rotated = reseal(old, "orders", ring(NEW, OLD)) ?? "";
    expect(open(rotated, "orders", ring(NEW))).toBe('{"a":1}');
    expect(() => open(old, "orders", ring(NEW))).toThrow("not configured");
    expect(reseal(rotated, "orders", ring(NEW, OLD))).toBeUndefined();
  });

  it("is told from payloads that only look like one", () => {
    expect(isSealed(seal("1", "o", ring(OLD)))).toBe(true);
    for (const text of ['{"_enc": 2}', '{"a": "_enc"}', '{"a": {"_enc": 1}}', '"_enc"', "[]", "{"])
      expect(isSealed(text), text).toBe(false);
  });

  it.each(["", "ab", "zz".repeat(32), `${"ab".repeat(32)}0`, "ab".repeat(33)])("takes no key %j", (text) => {
    expect(() => readKey(text)).toThrow(EncryptionFailure);
  });

  it("takes a key with white space around it and in capitals for the same key", () => {
    expect(readKey(` ${OLD.toUpperCase()}\n`).id).toBe(readKey(OLD).id);
    expect(JSON.stringify(readKey(OLD))).not.toContain(OLD);
  });
});

describe("[relay 6] the decrypt transform", () => {
  it("opens what either key sealed, and passes what is not sealed", async () => {
    const options = { key: NEW, key_previous: OLD };
    expect(await apply(options, seal('{"a": 1}', "orders", ring(OLD)))).toBe('{"a": 1}');
    expect(await apply(options, seal('{"a": 2}', "orders", ring(NEW)))).toBe('{"a": 2}');
    expect(await apply(options, '{"plain": true}')).toBe('{"plain": true}');
  });

  it("[R-21] refuses what does not open, and what is not sealed when all must be, without a word of it", async () => {
    const foreign = apply({ key: NEW }, seal('{"a": "canary"}', "orders", ring(OLD)));
    await expect(foreign).rejects.toThrow(TransformFailure);
    await expect(apply({ key: OLD }, seal("1", "orders", ring(OLD)), "payments")).rejects.toThrow("another outbox");
    await expect(apply({ key: OLD, required: true }, '{"a": "canary"}')).rejects.toThrow("not encrypted");
  });

  it("refuses options that can never work", () => {
    const accepts = (options: Record<string, unknown>) => decrypt.options(z).safeParse(options).success;
    expect(accepts({})).toBe(false);
    expect(accepts({ key: "${env:A}", key_path: "/x" })).toBe(false);
    expect(accepts({ key: "${env:A}", kms: "aws" })).toBe(false);
    expect(accepts({ key: "${env:A}", enabled: true })).toBe(true);
    expect(() => decrypt.prepare(decrypt.options(z).parse({ key: "short" }), { outbox: "o" })).toThrow(
      TransformFailure,
    );
  });
});
