/** The scheme svix against the vendor's own library, and forgeries. */
import { Webhook } from "svix";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SignatureFailure } from "../../../../src/relay/signatures/signature.ts";
import svix from "../../../../src/relay/signatures/svix.ts";
import { BODY, describeScheme, NOW, type Subject, signed, verify } from "./forgeries.ts";

const subject: Subject = {
  definition: svix,
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  other: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
  header: "svix-signature",
  timestampHeader: "svix-timestamp",
  idHeader: "svix-id",
  read: (value) => Buffer.from(value.split(",").at(-1) ?? "", "base64"),
  write: (signature) => `v1,${signature.toString("base64")}`,
};

describeScheme(subject);

describe("svix", () => {
  // The library reads the clock.
  beforeEach(() => void vi.useFakeTimers({ now: NOW * 1_000 }));
  afterEach(() => void vi.useRealTimers());

  it("is accepted by the vendor's library, and accepts what that signs", () => {
    const vendor = new Webhook(subject.secret);
    expect(vendor.verify(BODY, signed(subject))).toEqual(JSON.parse(BODY.toString()));
    const headers = {
      "svix-id": "msg_9",
      "svix-timestamp": String(NOW),
      "svix-signature": vendor.sign("msg_9", new Date(NOW * 1_000), BODY),
    };
    expect(verify(subject, { headers })).toBe("msg_9");
  });

  it("is the value of the vendor's documentation", () => {
    const body = Buffer.from('{"test": 2432232314}');
    const made = svix.sign?.(
      { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body },
      [subject.secret],
      {},
    );
    expect(made?.["svix-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  it("carries one signature per secret, and the vendor's library accepts it under each", () => {
    const headers = signed(subject, BODY, NOW, [subject.secret, subject.other]);
    for (const secret of [subject.secret, subject.other]) {
      expect(() => new Webhook(secret).verify(BODY, headers)).not.toThrow();
      expect(verify(subject, { headers, secrets: [secret] })).toBe("msg_1");
    }
  });

  it("is read under the other prefix too", () => {
    const headers = Object.fromEntries(
      Object.entries(signed(subject)).map(([name, value]) => [name.replace("svix", "webhook"), value]),
    );
    expect(verify(subject, { headers })).toBe("msg_1");
  });

  it("takes the secret with or without its prefix, padded or not, and refuses what is no key", () => {
    expect(verify(subject, { headers: signed(subject), secrets: [subject.secret.slice("whsec_".length)] })).toBe(
      "msg_1",
    );
    const key = Buffer.alloc(25, 7).toString("base64");
    expect(() => svix.checkSecret(`whsec_${key.replace(/=+$/, "")}`, "sign")).not.toThrow();
    for (const bad of ["whsec_", "whsec_!!!!", "whsec_AAAA", `whsec_${"A".repeat(400)}`]) {
      expect(() => svix.checkSecret(bad, "sign")).toThrow(SignatureFailure);
    }
  });

  it("refuses a hundred signatures and those of other versions", () => {
    const headers = signed(subject);
    const value = headers["svix-signature"] ?? "";
    const other = (text: string) => ({ headers: { ...headers, "svix-signature": text } });
    expect(() => verify(subject, other(Array.from({ length: 100 }, () => value).join(" ")))).toThrow(SignatureFailure);
    expect(() => verify(subject, other(value.replace("v1,", "v1a,")))).toThrow(SignatureFailure);
    expect(verify(subject, other(`v2,AAAA v1,AAAA ${value}`))).toBe("msg_1");
  });
});
