/** Twelve and more ways to forge a signed request, tried on one scheme. */
import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type SignatureDefinition, SignatureFailure } from "../../../../src/relay/signatures/signature.ts";

export const NOW = 1_700_000_000;
export const BODY = Buffer.from('{"id":"evt_1","event_id":"Ev1","amount":"1.10 €"}');
export const TOLERANCE = 300;

export interface Subject {
  definition: SignatureDefinition;
  /** Signs. */
  secret: string;
  /** Verifies; the same for shared secrets. */
  verifying?: string;
  /** A secret that somebody else would sign with. */
  other: string;
  /** The header that holds the signature, and how its value is made of the signature's bytes. */
  header: string;
  write(signature: Buffer, value: string): string;
  /** The bytes of the signature in a header's value. */
  read(value: string): Buffer;
  /** The header that holds the time, when it is one of its own. */
  timestampHeader?: string;
  /** The signed id's header. */
  idHeader?: string;
  options?: unknown;
}

export function optionsOf(definition: SignatureDefinition, options: unknown = {}): Record<string, unknown> {
  return definition.options(z).parse(options);
}

/** Headers of a genuine request. */
export function signed(
  subject: Subject,
  body = BODY,
  timestamp = NOW,
  secrets = [subject.secret],
): Record<string, string> {
  const { definition, options } = subject;
  return definition.sign?.({ id: "msg_1", timestamp, body }, secrets, optionsOf(definition, options)) ?? {};
}

export interface Attempt {
  headers: Record<string, string>;
  body?: Buffer;
  now?: number;
  secrets?: string[];
}

export function verify(subject: Subject, { headers, body = BODY, now = NOW, secrets }: Attempt): string | undefined {
  const { definition, options, secret, verifying = secret } = subject;
  const request = { headers, body, now, tolerance: TOLERANCE };
  return definition.verify?.(request, secrets ?? [verifying], optionsOf(definition, options))?.eventId;
}

const flip = (bytes: Buffer, index: number) => {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
};

/** What a forger may send, by name. */
function forgeries(subject: Subject): [string, Attempt][] {
  const genuine = signed(subject);
  const { header, timestampHeader, idHeader } = subject;
  const value = genuine[header] ?? "";
  const bytes = subject.read(value);
  const replaced = (text: string): Attempt => ({ headers: { ...genuine, [header]: text } });
  const withBytes = (made: Buffer) => replaced(subject.write(made, value));
  const { [header]: _left, ...without } = genuine;
  const hmac = (algorithm: string) => createHmac(algorithm, subject.secret).update(BODY).digest();
  return [
    ["no signature", { headers: without }],
    ["an empty signature", replaced("")],
    ["the first bit wrong", withBytes(flip(bytes, 0))],
    ["the last bit wrong", withBytes(flip(bytes, bytes.length - 1))],
    ["a signature cut short", withBytes(bytes.subarray(0, -1))],
    ["a signature with a byte more", withBytes(Buffer.concat([bytes, Buffer.of(0)]))],
    ["no bytes of signature", withBytes(Buffer.alloc(0))],
    ["nothing but zeros", withBytes(Buffer.alloc(bytes.length))],
    ["what is no encoding", replaced(value.replace(/[0-9a-zA-Z+/]{20}=*$/, "!".repeat(20)))],
    ["the text undefined", replaced("undefined")],
    ["a hash without key", withBytes(createHash("sha256").update(BODY).digest())],
    ["an HMAC-SHA1", withBytes(hmac("sha1"))],
    ["an HMAC-SHA512", withBytes(hmac("sha512"))],
    ["a body with one byte changed", { headers: genuine, body: flip(BODY, 8) }],
    ["a body with a line break more", { headers: genuine, body: Buffer.concat([BODY, Buffer.from("\n")]) }],
    ["an empty body", { headers: genuine, body: Buffer.alloc(0) }],
    ["the signature of an empty body", { headers: signed(subject, Buffer.alloc(0)) }],
    ["another secret's signature", { headers: signed(subject, BODY, NOW, [subject.other]) }],
    ["an unknown version", replaced(value.replace(/(v\w+|sha256)([=,])/g, "v9$2").replace(/^([0-9a-f]+)$/, "v9=$1"))],
    ["the signature under another header", { headers: { ...without, "x-other": value } }],
    ["a header of the object's own", { headers: Object.create({ ...genuine }) }],
    ...timeForgeries(subject),
    ...(timestampHeader ? stampForgeries(genuine, timestampHeader) : []),
    ...(idHeader ? [["another id", { headers: { ...genuine, [idHeader]: "msg_2" } }] as [string, Attempt]] : []),
  ];
}

function isTimed(subject: Subject): boolean {
  return JSON.stringify(signed(subject)) !== JSON.stringify(signed(subject, BODY, NOW + 1));
}

function timeForgeries(subject: Subject): [string, Attempt][] {
  if (!isTimed(subject)) return [];
  const genuine = signed(subject);
  return [
    ["a replay after the tolerance", { headers: genuine, now: NOW + TOLERANCE + 1 }],
    ["a time before the receiver's", { headers: genuine, now: NOW - TOLERANCE - 1 }],
    ["a time far in the future", { headers: signed(subject, BODY, NOW * 1_000) }],
  ];
}

function stampForgeries(genuine: Record<string, string>, header: string): [string, Attempt][] {
  const stamps = ["", String(NOW + 1), ` ${NOW}`, `0${NOW}`, `${NOW}.0`, `+${NOW}`, "1.7e9", "NaN", `${NOW}, ${NOW}`];
  return stamps.map((stamp) => [`the time ${JSON.stringify(stamp)}`, { headers: { ...genuine, [header]: stamp } }]);
}

/** Declares the tests that every scheme has to pass. */
export function describeScheme(subject: Subject): void {
  const { definition, secret, verifying = secret, other } = subject;
  describe(`[R-09] forged requests of ${definition.name}`, () => {
    it("are at least twelve, and the genuine one passes", () => {
      expect(forgeries(subject).length).toBeGreaterThanOrEqual(12);
      expect(() => verify(subject, { headers: signed(subject) })).not.toThrow();
    });

    it.each(forgeries(subject))("%s", (_name, attempt) => {
      expect(() => verify(subject, attempt)).toThrow(SignatureFailure);
    });

    it("are refused in words that hold neither secret nor signature", () => {
      for (const [, attempt] of forgeries(subject)) {
        try {
          verify(subject, attempt);
        } catch (error) {
          const text = String(error);
          for (const hidden of [secret, verifying, signed(subject)[subject.header] ?? ""])
            expect(text).not.toContain(hidden);
        }
      }
    });

    if (isTimed(subject)) {
      it("a clock that is off by the tolerance is right, both ways", () => {
        const headers = signed(subject);
        expect(() => verify(subject, { headers, now: NOW + TOLERANCE })).not.toThrow();
        expect(() => verify(subject, { headers, now: NOW - TOLERANCE })).not.toThrow();
      });
    }
  });

  describe(`secrets of ${definition.name}`, () => {
    it("rotate: any of the receiver's is accepted", () => {
      const stranger = verifying === secret ? other : verifying;
      expect(() => verify(subject, { headers: signed(subject), secrets: [stranger, verifying] })).not.toThrow();
      expect(() => verify(subject, { headers: signed(subject), secrets: [verifying, stranger] })).not.toThrow();
    });

    it("none at all accepts nothing", () => {
      expect(() => verify(subject, { headers: signed(subject), secrets: [] })).toThrow(SignatureFailure);
    });

    it("are looked at when a pipeline starts", () => {
      expect(() => definition.checkSecret(secret, "sign")).not.toThrow();
      expect(() => definition.checkSecret(verifying, "verify")).not.toThrow();
      for (const bad of ["", "short"]) expect(() => definition.checkSecret(bad, "verify")).toThrow(SignatureFailure);
    });
  });
}

export const hexAfter = (prefix: string) => ({
  write: (signature: Buffer) => `${prefix}${signature.toString("hex")}`,
  read: (value: string) => Buffer.from(value.slice(value.lastIndexOf(prefix) + prefix.length), "hex"),
});
