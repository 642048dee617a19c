/** Ed25519 in both styles, against published vectors and the platform's second implementation, and forgeries. */
import { webcrypto } from "node:crypto";
import { describe, expect, it } from "vitest";
import ed25519 from "../../../../src/relay/signatures/ed25519.ts";
import { SignatureFailure } from "../../../../src/relay/signatures/signature.ts";
import { BODY, describeScheme, hexAfter, NOW, type Subject, signed, verify } from "./forgeries.ts";

// RFC 8032, section 7.1, TEST 3 and TEST 2.
const SEED = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
const PUBLIC = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
const OTHER_SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const OTHER_PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

const base64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");
const pem = (label: string, der: string) => `-----BEGIN ${label}-----\n${base64(der)}\n-----END ${label}-----\n`;

const v1a: Subject = {
  definition: ed25519,
  secret: `whsk_${base64(SEED)}`,
  verifying: `whpk_${base64(PUBLIC)}`,
  other: `whsk_${base64(OTHER_SEED)}`,
  header: "webhook-signature",
  timestampHeader: "webhook-timestamp",
  idHeader: "webhook-id",
  read: (value) => Buffer.from(value.split(",").at(-1) ?? "", "base64"),
  write: (signature) => `v1a,${signature.toString("base64")}`,
};

const discord: Subject = {
  definition: ed25519,
  secret: SEED,
  verifying: PUBLIC,
  other: OTHER_SEED,
  header: "x-signature-ed25519",
  timestampHeader: "x-signature-timestamp",
  ...hexAfter(""),
  options: { style: "discord" },
};

describeScheme(v1a);
describeScheme(discord);

describe("ed25519", () => {
  it("is the published signature of the algorithm", () => {
    // RFC 8032, TEST 3 signs the two bytes af82; a body with an empty time and id in front would not be one, so the
    // key pairs are what is taken from there: the public key belongs to the seed.
    expect(() => verify(discord, { headers: signed(discord) })).not.toThrow();
    expect(() => verify(discord, { headers: signed(discord), secrets: [OTHER_PUBLIC] })).toThrow(SignatureFailure);
  });

  it("signs what the platform's web cryptography accepts, and accepts what that signs", async () => {
    const { subtle } = webcrypto;
    const raw = Buffer.from(PUBLIC, "hex");
    const publicKey = await subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    const signature = v1a.read(signed(v1a)["webhook-signature"] ?? "");
    const text = Buffer.concat([Buffer.from(`msg_1.${NOW}.`), BODY]);
    expect(await subtle.verify("Ed25519", publicKey, signature, text)).toBe(true);

    const pair = await subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("no pair of keys");
    const made = await subtle.sign("Ed25519", pair.privateKey, Buffer.concat([Buffer.from(String(NOW)), BODY]));
    const key = Buffer.from(await subtle.exportKey("raw", pair.publicKey)).toString("hex");
    const headers = { "x-signature-timestamp": String(NOW), "x-signature-ed25519": Buffer.from(made).toString("hex") };
    expect(verify(discord, { headers, secrets: [key] })).toBe("evt_1");
  });

  it("takes keys as whsk_ and whpk_, hexadecimal and PEM", () => {
    const privateForms = [
      `whsk_${base64(SEED)}`,
      `whsk_${base64(SEED + PUBLIC)}`,
      SEED,
      pem("PRIVATE KEY", `302e020100300506032b657004220420${SEED}`),
    ];
    const publicForms = [`whpk_${base64(PUBLIC)}`, PUBLIC, pem("PUBLIC KEY", `302a300506032b6570032100${PUBLIC}`)];
    const styled = { ...v1a, options: { style: "v1a" } };
    for (const secret of privateForms) {
      const headers = signed({ ...styled, secret });
      for (const key of publicForms) expect(verify(styled, { headers, secrets: [key] })).toBe("msg_1");
    }
  });

  it("reads Discord's form of hexadecimal keys and v1a of whpk_ keys when nobody said", () => {
    expect(verify({ ...discord, options: {} }, { headers: signed(discord) })).toBe("evt_1");
    expect(verify({ ...v1a, options: {} }, { headers: signed(v1a) })).toBe("msg_1");
  });

  it("carries one signature per key", () => {
    const headers = signed(v1a, BODY, NOW, [v1a.secret, v1a.other]);
    for (const key of [PUBLIC, OTHER_PUBLIC]) {
      expect(verify(v1a, { headers, secrets: [`whpk_${base64(key)}`] })).toBe("msg_1");
    }
  });

  it.each([
    "whpk_AAAA",
    "zz",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    pem("PUBLIC KEY", `302a300506032b656e032100${PUBLIC}`),
    pem("PRIVATE KEY", `302e020100300506032b657004220420${SEED}`),
  ])("refuses a public key that is none, without showing it", (key) => {
    const refused = () => ed25519.checkSecret(key, "verify");
    expect(refused).toThrow(SignatureFailure);
    expect(refused).not.toThrow(key);
  });

  it("refuses a public key for signing", () => {
    expect(() => ed25519.checkSecret(pem("PUBLIC KEY", `302a300506032b6570032100${PUBLIC}`), "sign")).toThrow(
      SignatureFailure,
    );
    expect(() => ed25519.checkSecret(`whpk_${base64(PUBLIC)}`, "sign")).toThrow(SignatureFailure);
  });
});
