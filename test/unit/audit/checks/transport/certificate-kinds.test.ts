/** Kinds of keys and signatures that authorities really use or used, made by OpenSSL. */
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Unanswered } from "../../../../../src/audit/answers.ts";
import { weakHashOf } from "../../../../../src/audit/checks/transport/signature.ts";
import tls026 from "../../../../../src/audit/checks/transport/tls-026-certificate-name.ts";
import tls028 from "../../../../../src/audit/checks/transport/tls-028-weak-key.ts";
import tls029 from "../../../../../src/audit/checks/transport/tls-029-weak-signature.ts";
import type { LineFacts } from "../../../../../src/audit/facts/line.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { told } from "../../../../support/audit/live.ts";
import { LOCAL_LINE, madeUpFacts } from "../../../../support/audited.ts";
import { needs } from "../../../../support/needs.ts";

const isThere = spawnSync("openssl", ["version"]).status === 0;
beforeEach(needs(isThere, "openssl is not installed"));

const folder = mkdtempSync(join(tmpdir(), "pgkeep-kinds-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function made(...options: string[]): X509Certificate {
  const file = join(folder, "made.crt");
  const fixed = [
    "req",
    "-x509",
    "-nodes",
    "-days",
    "30",
    "-subj",
    "/CN=db",
    "-keyout",
    join(folder, "made.key"),
    "-out",
    file,
  ];
  const { status, stderr } = spawnSync("openssl", [...fixed, ...options], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return new X509Certificate(readFileSync(file));
}

const lineWith = (certificate: X509Certificate, more: Partial<LineFacts> = {}): LineFacts => ({
  ...LOCAL_LINE,
  ...more,
  tls: { protocol: "TLSv1.3", cipher: "", newestOffered: "TLSv1.3", isVerified: false, chain: [certificate] },
});
const judged = async (check: typeof tls028, line: LineFacts) =>
  told(await runCheck(check, { ...madeUpFacts({}), line: () => line }));

describe("TLS-028 and the key of a certificate", () => {
  it.each([
    [["-newkey", "rsa:1024"], "RSA key of 1024 bits"],
    [["-newkey", "rsa:2047"], "RSA key of 2047 bits"],
    [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"], "EC key of 224 bits"],
    [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime192v1"], "EC key of 192 bits"],
  ])("%j is too short", async (options, detail) => {
    expect(await judged(tls028, lineWith(made(...options)))).toEqual({ "CN=db": detail });
  });

  it.each([
    [["-newkey", "rsa:2048"]],
    [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]],
    [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"]],
    [["-newkey", "ed25519"]],
    [["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"]],
  ])("%j is long enough", async (options) => {
    expect(await judged(tls028, lineWith(made(...options)))).toEqual({});
  });
});

describe("TLS-029 and the signature of a certificate", () => {
  const pss = ["-sigopt", "rsa_padding_mode:pss"];
  it.each([
    [["-newkey", "rsa:2048", "-sha1"], "SHA-1"],
    [["-newkey", "rsa:2048", "-md5"], "MD5"],
    [["-newkey", "rsa:2048", "-sha1", ...pss], "SHA-1"],
    [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-sha1"], "SHA-1"],
    [["-newkey", "rsa:2048", "-sha256"], undefined],
    [["-newkey", "rsa:2048", "-sha384", ...pss], undefined],
    [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-sha512"], undefined],
    [["-newkey", "ed25519"], undefined],
  ])("%j is made with %s", async (options, hash) => {
    const certificate = made(...options);
    expect(weakHashOf(certificate.raw)).toBe(hash);
    expect(await judged(tls029, lineWith(certificate))).toEqual(
      hash === undefined ? {} : { "CN=db": `signed with ${hash}` },
    );
  });

  it("throws nothing but Unanswered for bytes that are no certificate", () => {
    const { raw } = made("-newkey", "ed25519");
    for (let length = 0; length < raw.length; length += 3) {
      expect(() => weakHashOf(raw.subarray(0, length))).toThrow(Unanswered);
    }
    for (let at = 0; at < 60; at++) {
      const bytes = Buffer.from(raw);
      bytes[at] = 0xff;
      try {
        weakHashOf(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Unanswered);
      }
    }
  });
});

describe("TLS-026 and the name of a certificate", () => {
  const remote = (host: string): Partial<LineFacts> => ({ host, address: "203.0.113.5", isLoopback: false });
  const named = (...options: string[]) => made("-newkey", "ed25519", ...options);

  it("is grave from the network", async () => {
    const line = lineWith(named("-addext", "subjectAltName=DNS:other"), remote("db.example.org"));
    const outcome = await runCheck(tls026, { ...madeUpFacts({}), line: () => line });
    expect(outcome).toMatchObject({ found: [{ object: "CN=db", detail: "is not for db.example.org: DNS:other" }] });
    expect(outcome.status === "fail" && outcome.found[0]?.severity).toBeUndefined();
  });

  it("may be the common name only where there is no alternative one, as libpq has it", async () => {
    expect(await judged(tls026, lineWith(named(), remote("db")))).toEqual({});
    const beside = lineWith(named("-addext", "subjectAltName=DNS:other"), remote("db"));
    expect(await judged(tls026, beside)).toMatchObject({ "CN=db": expect.any(String) });
  });

  it("holds addresses as addresses", async () => {
    const certificate = named("-addext", "subjectAltName=IP:203.0.113.5,IP:2001:db8::5");
    expect(await judged(tls026, lineWith(certificate, remote("203.0.113.5")))).toEqual({});
    expect(await judged(tls026, lineWith(certificate, remote("2001:db8:0:0::5")))).toEqual({});
    expect(await judged(tls026, lineWith(certificate, remote("203.0.113.6")))).toMatchObject({
      "CN=db": expect.any(String),
    });
  });

  it("does not concern Unix sockets", async () => {
    const line: LineFacts = { ...LOCAL_LINE, transport: "socket" };
    expect(await judged(tls026, line)).toMatch(/^not_applicable/);
  });
});
