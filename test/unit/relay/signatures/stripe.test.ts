/** Stripe's scheme against Stripe's own library, and forgeries. */
import Stripe from "stripe";
import { describe, expect, it } from "vitest";
import stripe from "../../../../src/relay/signatures/stripe.ts";
import { BODY, describeScheme, hexAfter, NOW, type Subject, signed, verify } from "./forgeries.ts";

const subject: Subject = {
  definition: stripe,
  secret: "whsec_test_secret",
  other: "whsec_other_secret",
  header: "stripe-signature",
  read: hexAfter("v1=").read,
  write: (signature, value) => `${value.slice(0, value.indexOf("v1="))}v1=${signature.toString("hex")}`,
};

describeScheme(subject);

const client = new Stripe("sk_test_of_nobody");
const signatureOf = (headers: Record<string, string>) => headers["stripe-signature"] ?? "";
const header = (value: string) => ({ headers: { "stripe-signature": value } });

describe("stripe", () => {
  it("is accepted by Stripe's library, and accepts what that signs", () => {
    const value = signatureOf(signed(subject));
    const event = client.webhooks.constructEvent(BODY, value, subject.secret, 300, undefined, NOW * 1_000);
    expect(event.id).toBe("evt_1");
    const made = client.webhooks.generateTestHeaderString({
      payload: BODY.toString(),
      secret: subject.secret,
      timestamp: NOW,
    });
    expect(verify(subject, header(made))).toBe("evt_1");
  });

  it("carries one signature per secret, and Stripe's library accepts it under each", () => {
    const value = signatureOf(signed(subject, BODY, NOW, [subject.secret, subject.other]));
    for (const secret of [subject.secret, subject.other]) {
      expect(() => client.webhooks.constructEvent(BODY, value, secret, 300, undefined, NOW * 1_000)).not.toThrow();
      expect(verify(subject, { ...header(value), secrets: [secret] })).toBe("evt_1");
    }
  });

  it("leaves out signatures of other versions, and is in no hurry about spaces", () => {
    const value = signatureOf(signed(subject));
    expect(verify(subject, header(`${value},v0=abcdef`))).toBe("evt_1");
    expect(verify(subject, header(value.replace(",", ", ")))).toBe("evt_1");
    expect(() => verify(subject, header(value.replace("v1=", "v0=")))).toThrow();
  });

  it.each([
    ["two times", (value: string) => `t=${NOW + 1},${value}`],
    ["a time that is not the signed one", (value: string) => value.replace(`t=${NOW}`, `t=${NOW + 1}`)],
    ["no time", (value: string) => value.replace(`t=${NOW},`, "")],
    ["a hundred signatures", (value: string) => `${value}${`,v1=${"0".repeat(64)}`.repeat(100)}`],
  ])("refuses %s", (_name, change) => {
    expect(() => verify(subject, header(change(signatureOf(signed(subject)))))).toThrow();
  });
});
