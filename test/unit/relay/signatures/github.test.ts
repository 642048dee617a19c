/** GitHub's scheme against GitHub's own library, and forgeries. */
import { sign, verify as verifyByGithub } from "@octokit/webhooks-methods";
import { describe, expect, it } from "vitest";
import github from "../../../../src/relay/signatures/github.ts";
import { BODY, describeScheme, hexAfter, type Subject, signed, verify } from "./forgeries.ts";

const subject: Subject = {
  definition: github,
  secret: "It's a Secret to Everybody",
  other: "another secret altogether",
  header: "x-hub-signature-256",
  ...hexAfter("sha256="),
};

describeScheme(subject);

describe("github", () => {
  it("is the value of GitHub's documentation", () => {
    // docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation".
    expect(signed(subject, Buffer.from("Hello, World!"))["x-hub-signature-256"]).toBe(
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    );
  });

  it("is accepted by GitHub's library, and accepts what that signs", async () => {
    const text = BODY.toString();
    expect(await verifyByGithub(subject.secret, text, signed(subject)["x-hub-signature-256"] ?? "")).toBe(true);
    const headers = { "x-hub-signature-256": await sign(subject.secret, text), "x-github-delivery": "72d3162e" };
    expect(verify(subject, { headers })).toBe("72d3162e");
  });

  it("needs its prefix", () => {
    const digits = (signed(subject)["x-hub-signature-256"] ?? "").slice("sha256=".length);
    expect(() => verify(subject, { headers: { "x-hub-signature-256": digits } })).toThrow("sha256=");
  });

  it("works without the delivery's id, which is then unknown", () => {
    const { "x-github-delivery": _id, ...headers } = signed(subject);
    expect(verify(subject, { headers })).toBeUndefined();
  });
});
