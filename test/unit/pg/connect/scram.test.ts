/** SCRAM with the server's part played by the test, and the certificate hash of channel binding. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../../src/base/secrets.ts";
import { endPointHash, ScramExchange, saslPrepare } from "../../../../src/pg/connect/scram.ts";
import { createAuthority } from "../../../support/certificates.ts";

describe("SCRAM-SHA-256", () => {
  // Password, salt and nonces of RFC 7677, section 3. Its user name stays empty in PostgreSQL's protocol, so proof and
  // signature differ from the printed ones; the tests below therefore take the server's part themselves.
  const nonce = "rOprNGfwEbeRWgbNEkqO";
  const serverFirst = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
  const exchange = () =>
    new ScramExchange({ mechanism: "SCRAM-SHA-256", couldBind: false, password: new Secret("pencil"), nonce });

  it("starts without a name and with the flag that says whether binding was possible", () => {
    expect(exchange().first()).toBe(`n,,n=,r=${nonce}`);
    const able = new ScramExchange({
      mechanism: "SCRAM-SHA-256",
      couldBind: true,
      password: new Secret("pencil"),
      nonce,
    });
    expect(able.first()).toBe(`y,,n=,r=${nonce}`);
  });

  it("sends a proof that the verifier of the same password accepts", async () => {
    const { createHmac, pbkdf2Sync } = await import("node:crypto");
    const final = await exchange().final(serverFirst);
    const [, withoutProof, proof] = /^(.*),p=(.*)$/.exec(final) ?? [];
    expect(withoutProof).toBe(`c=biws,r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`);
    // What a server does: it knows only the stored key, and recovers the client's key from the proof.
    const salted = pbkdf2Sync("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"), 4096, 32, "sha256");
    const storedKey = createHash("sha256").update(createHmac("sha256", salted).update("Client Key").digest()).digest();
    const signature = createHmac("sha256", storedKey).update(`n=,r=${nonce},${serverFirst},${withoutProof}`).digest();
    const clientKey = Buffer.from(proof ?? "", "base64").map((byte, index) => byte ^ (signature[index] ?? 0));
    expect(createHash("sha256").update(clientKey).digest()).toEqual(storedKey);
  });

  it("[T-05] accepts the server's signature only when it is right to the last bit", async () => {
    const { createHmac, pbkdf2Sync } = await import("node:crypto");
    const one = exchange();
    const [withoutProof] = (await one.final(serverFirst)).split(",p=");
    const salted = pbkdf2Sync("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"), 4096, 32, "sha256");
    const serverKey = createHmac("sha256", salted).update("Server Key").digest();
    const right = createHmac("sha256", serverKey).update(`n=,r=${nonce},${serverFirst},${withoutProof}`).digest();
    expect(() => one.verify(`v=${right.toString("base64")}`)).not.toThrow();
    const wrong = Buffer.from(right);
    wrong[31] = (wrong[31] ?? 0) ^ 1;
    for (const text of [`v=${wrong.toString("base64")}`, "v=", "", "e=other-error"]) {
      expect(() => one.verify(text)).toThrow(expect.objectContaining({ code: "CONNECT_AUTH_REFUSED" }));
    }
  });

  it.each([
    ["plain", "plain"],
    ["a\u00a0b\u3000c", "a b c"],
    ["a\u00adb\u200db", "abb"],
    ["\u200b", " "],
    ["ﬁ①Å", "fi1Å"],
    ["e\u0301", "é"],
  ])("prepares %j as the server did: %j", (given, prepared) => expect(saslPrepare(given)).toBe(prepared));
});

describe("channel binding", () => {
  it("uses the hash of the certificate's own signature", async () => {
    const { certificate } = await createAuthority("x");
    const der = Buffer.from(certificate.rawData);
    expect(endPointHash(der)).toEqual(createHash("sha256").update(der).digest());
  });

  /** The outer shape of a certificate: body, signature algorithm, signature. */
  const certificateWith = (algorithm: string) => {
    const sequence = (content: Buffer) => Buffer.concat([Buffer.from([0x30, content.length]), content]);
    const parts = [sequence(Buffer.alloc(0)), sequence(Buffer.from(algorithm, "hex")), Buffer.from([3, 1, 0])];
    return sequence(Buffer.concat(parts));
  };

  it.each([
    ["MD5 with RSA", "06092a864886f70d010104", "sha256"],
    ["SHA-1 with RSA", "06092a864886f70d010105", "sha256"],
    ["SHA-384 with RSA", "06092a864886f70d01010c", "sha384"],
    ["SHA-512 with ECDSA", "06082a8648ce3d040304", "sha512"],
    ["PSS with SHA-512", "06092a864886f70d01010a3011a00f300d06096086480165030402030500", "sha512"],
    ["PSS with its default", "06092a864886f70d01010a3000", "sha256"],
  ])("knows %s", (_, algorithm, hash) => {
    const der = certificateWith(algorithm);
    expect(endPointHash(der)).toEqual(createHash(hash).update(der).digest());
  });

  it.each([
    ["Ed25519", "06032b6570"],
    ["an unknown one", "06032a0304"],
    ["nothing", ""],
  ])("refuses %s with a way out", (_, algorithm) => {
    expect(() => endPointHash(certificateWith(algorithm))).toThrow(
      expect.objectContaining({ code: "CONNECT_AUTH_REFUSED" }),
    );
  });

  it.each([
    Buffer.alloc(0),
    Buffer.from([0x30]),
    Buffer.from([0x30, 0x84, 1]),
    Buffer.from([0x30, 0x80]),
    Buffer.alloc(50, 0xff),
  ])("refuses rubbish: %#", (der) =>
    expect(() => endPointHash(der)).toThrow(expect.objectContaining({ code: "CONNECT_AUTH_REFUSED" })),
  );
});
