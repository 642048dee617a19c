/** SCRAM verifiers against the RFC vectors, and the strict check of their form. */
import { createHash, createHmac, randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { forgetSecretsForTests, Secret, scrub } from "../../../src/base/secrets.ts";
import {
  applyValueFunctions,
  isScramCall,
  isScramVerifier,
  MAX_SCRAM_ITERATIONS,
  matchesScramVerifier,
  parseScramVerifier,
  scramVerifier,
} from "../../../src/pg/scram.ts";

afterEach(forgetSecretsForTests);

const SALT = Buffer.from("0123456789abcdef");
const verifierOf = (password: string, options: { salt?: Buffer; iterations?: number } = {}) =>
  scramVerifier(new Secret(password), { salt: SALT, ...options }).expose();

describe("a SCRAM verifier", () => {
  // RFC 7677 section 3: user "user", password "pencil".
  const exchange = {
    salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"),
    authMessage: [
      "n=user,r=rOprNGfwEbeRWgbNEkqO",
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    ].join(","),
    proof: Buffer.from("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "base64"),
    serverSignature: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  };

  it("accepts the proof of RFC 7677 and gives its server signature", () => {
    const verifier = parseScramVerifier(verifierOf("pencil", { salt: exchange.salt }));
    if (!verifier) throw new Error("not a verifier");
    const sign = (key: Buffer) => createHmac("sha256", key).update(exchange.authMessage).digest();
    const clientSignature = sign(verifier.storedKey);
    const clientKey = exchange.proof.map((byte, place) => byte ^ (clientSignature[place] ?? 0));
    expect(createHash("sha256").update(clientKey).digest()).toEqual(verifier.storedKey);
    expect(sign(verifier.serverKey).toString("base64")).toBe(exchange.serverSignature);
  });

  it("is in the form that servers store", () => {
    expect(verifierOf("pencil", { iterations: 10_000 })).toMatch(
      /^SCRAM-SHA-256\$10000:MDEyMzQ1Njc4OWFiY2RlZg==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/,
    );
  });

  it("[A-05] is itself a secret", () => {
    const verifier = scramVerifier(new Secret("pencil"), { salt: SALT });
    expect(`${verifier}`).toBe("[secret]");
    expect(scrub(`stored ${verifier.expose()}`)).toBe("stored [secret]");
  });

  it("recognises its password and no other", () => {
    const verifier = parseScramVerifier(verifierOf("pencil"));
    if (!verifier) throw new Error("not a verifier");
    expect(matchesScramVerifier(new Secret("pencil"), verifier)).toBe(true);
    expect(matchesScramVerifier(new Secret("pencil "), verifier)).toBe(false);
  });

  it.each([4095, MAX_SCRAM_ITERATIONS + 1, 4096.5, Number.NaN])("is not made with %d iterations", (iterations) => {
    expect(() => verifierOf("pencil", { iterations })).toThrow(/iteration count/);
  });

  it("is not made with a short salt", () => {
    expect(() => verifierOf("pencil", { salt: Buffer.alloc(15) })).toThrow(/salt/);
  });
});

describe("preparing a password", () => {
  // RFC 4013 section 3, examples 1 to 4, and what clients do with spaces.
  it.each([
    ["I\u00adX", "IX"],
    ["user", "user"],
    ["\u00aa", "a"],
    ["\u2168", "IX"],
    ["a\u00a0b", "a b"],
    ["ｐａｓｓ", "pass"],
    ["a\u0308pfel", "äpfel"],
  ])("%j is the same password as %j", (written, prepared) => {
    expect(verifierOf(written)).toBe(verifierOf(prepared));
  });

  it("keeps case, inner spaces and characters that mean something elsewhere", () => {
    const passwords = ["Pencil", "pencil", " pencil", "pen cil", "p'e\"n\\c$1", "🐘 elephant", "пароль", "סיסמה"];
    expect(new Set(passwords.map((password) => verifierOf(password))).size).toBe(passwords.length);
  });

  it.each([
    ["empty", ""],
    ["with a line break", "pass\n"],
    ["with a NUL", "pa\0ss"],
    ["with a C1 control", "pa\u0085ss"],
    ["with half a character", "pa\ud83dss"],
    ["too long", "x".repeat(1025)],
    ["of dropped characters only", "\u00ad"],
    ["that mixes a compatibility form with a character newer than the tables", "ﬁ🐘"],
    ["that mixes a compatibility form with right-to-left text", "ﬁס"],
    ["with a zero width space beside a compatibility form, which clients treat in two ways", "a\u200bﬁ"],
  ])("[A-05] refuses one %s", (_what, password) => {
    expect(() => verifierOf(password)).toThrow(
      expect.objectContaining({ code: "CONFIG_VALUE_INVALID", message: expect.stringMatching(/^the password/) }),
    );
  });

  it("never repeats the password in an error", () => {
    const password = "hunter2-canary\n";
    try {
      verifierOf(password);
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("hunter2-canary");
    }
  });
});

describe("recognising a verifier", () => {
  const good = verifierOf("pencil");

  it("accepts every one that was made here", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~]{1,30}$/), fc.uint8Array({ minLength: 16, maxLength: 16 }), (text, salt) =>
        isScramVerifier(verifierOf(text, { salt: Buffer.from(salt) })),
      ),
      { numRuns: 20 },
    );
  });

  it.each([
    ["the malformed one that servers hash", "SCRAM-SHA-256$4096:bad"],
    ["a line break at the end", `${good}\n`],
    ["a space in front", ` ${good}`],
    ["another hash", good.replace("256", "512")],
    ["lower case", good.toLowerCase()],
    ["no iterations", good.replace("$4096:", "$0:")],
    ["a leading zero", good.replace("$4096:", "$04096:")],
    ["iterations beyond an integer", good.replace("$4096:", "$2147483648:")],
    ["a sign", good.replace("$4096:", "$+4096:")],
    ["a missing padding", good.slice(0, -1)],
    ["a short key", good.replace(/[A-Za-z0-9+/]{4}=:/, "=:")],
    ["a key of another length", good.replace(/:[^:]+$/, ":AAAA")],
    ["an empty salt", good.replace(/:[^$]+\$/, ":$")],
    ["non-canonical base64", good.replace(/.=$/, (end) => (end === "B=" ? "C=" : "B="))],
    ["a further field", `${good}:x`],
    ["md5", "md5d41d8cd98f00b204e9800998ecf8427e"],
    ["nothing", ""],
  ])("[A-05] refuses %s", (_what, text) => {
    expect(isScramVerifier(text)).toBe(false);
  });
});

describe("scram() in a parameter", () => {
  const environment: Record<string, string> = { PW: "pencil", CALL: "scram(${env:PW})", DONE: verifierOf("x") };
  const resolve = async (text: string) => text.replace(/\$\{env:(\w+)\}/g, (_, name) => environment[name] ?? "");
  const apply = (text: string) => applyValueFunctions(text, { resolve, randomBytes: () => SALT });

  it("makes a verifier of one reference", async () => {
    expect(await apply("scram(${env:PW})")).toBe(verifierOf("pencil"));
    expect(await apply("  SCRAM( ${env:PW} )  ")).toBe(verifierOf("pencil"));
  });

  it("draws a new salt each time", async () => {
    const once = () => applyValueFunctions("scram(${env:PW})", { resolve, randomBytes });
    expect(await once()).not.toBe(await once());
  });

  it("[R-04] is not recognised in what a reference brings in", async () => {
    expect(await apply("${env:CALL}")).toBe("scram(${env:PW})");
  });

  it("passes a verifier on", async () => {
    expect(await apply("scram(${env:DONE})")).toBe(environment.DONE);
  });

  it.each(["scram(pencil)", "scram()", "scram(${env:PW}", "x scram(${env:PW})", "scram(${env:PW}${env:PW})"])(
    "leaves %j to reference expansion alone",
    async (text) => {
      expect(isScramCall(text)).toBe(false);
      expect(await apply(text)).toBe(await resolve(text));
    },
  );
});
