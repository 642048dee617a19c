/** The plain HMAC: forms that senders use, forgeries, the value as other tools compute it. */
import { describe, expect, it } from "vitest";
import hmacSha256 from "../../../../src/relay/signatures/hmac-sha256.ts";
import { BODY, describeScheme, hexAfter, optionsOf, type Subject, signed, verify } from "./forgeries.ts";

const subject: Subject = {
  definition: hmacSha256,
  secret: "correct horse battery staple",
  other: "another secret altogether",
  header: "x-signature-256",
  ...hexAfter("sha256="),
};

describeScheme(subject);

describe("hmac-sha256", () => {
  it("is the published value of the algorithm", () => {
    // RFC 4231, test case 2.
    const headers = signed({ ...subject, secret: "Jefe" }, Buffer.from("what do ya want for nothing?"));
    expect(headers).toEqual({
      "x-signature-256": "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    });
  });

  it("is read with or without prefix, in capitals too, under either header", () => {
    const digits = (signed(subject)["x-signature-256"] ?? "").slice("sha256=".length);
    for (const value of [digits, digits.toUpperCase(), `sha256=${digits.toUpperCase()}`]) {
      for (const header of ["x-signature-256", "x-webhook-signature", "x-pg-tide-signature"]) {
        expect(() => verify(subject, { headers: { [header]: value } })).not.toThrow();
      }
    }
  });

  it("stands in the header that was configured, and is looked for nowhere else then", () => {
    const named = { ...subject, header: "x-hook", options: { header: "X-Hook" } };
    expect(Object.keys(signed(named))).toEqual(["x-hook"]);
    expect(() => verify(named, { headers: signed(named) })).not.toThrow();
    expect(() => verify(named, { headers: signed(subject) })).toThrow("header x-hook is missing");
  });

  it.each(["", "a b", "x:y", "x\r\ny", "ä", "a".repeat(65)])("%j is no header", (header) => {
    expect(() => optionsOf(hmacSha256, { header })).toThrow();
  });

  it("signs with the first of several secrets", () => {
    expect(signed(subject, BODY, 0, [subject.secret, subject.other])).toEqual(signed(subject));
  });
});
