/** The list of suites agrees with OpenSSL's, and each is judged by what it is made of. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import {
  brokenPart,
  CIPHER_SUITES,
  isOpen,
  isSince12,
  lacksForwardSecrecy,
  suiteOf,
} from "../../../../src/net/server-probe/cipher-suites.ts";
import { needs } from "../../../support/needs.ts";

const openssl = spawnSync("openssl", ["ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], {
  encoding: "utf8",
});

describe("the list of suites", () => {
  it("holds every code once, in order", () => {
    const codes = CIPHER_SUITES.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
    expect(codes.length).toBe(336);
  });

  it("calls codes what OpenSSL calls them, and lacks none of its suites below TLS 1.3", (context) => {
    needs(openssl.status === 0, "openssl is not installed")(context);
    const known = [...openssl.stdout.matchAll(/0x(..),0x(..) - (\S+)/g)].map(([, high, low, name]) => ({
      code: Number.parseInt(`${high}${low}`, 16),
      name,
    }));
    const older = known.filter(({ code }) => code >> 8 !== 0x13);
    expect(older.length).toBeGreaterThan(100);
    expect(older.map(({ code }) => suiteOf(code))).toEqual(older);
  });

  it.each([
    [0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"],
    [0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"],
    [0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"],
    [0x001b, "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA"],
    [0x0025, "TLS_KRB5_WITH_IDEA_CBC_MD5"],
    [0x002b, "TLS_KRB5_EXPORT_WITH_RC4_40_MD5"],
    [0x0066, "TLS_DHE_DSS_WITH_RC4_128_SHA"],
    [0x0096, "TLS_RSA_WITH_SEED_CBC_SHA"],
    [0x009b, "TLS_DH_anon_WITH_SEED_CBC_SHA"],
    [0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"],
    [0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"],
    [0xc016, "TLS_ECDH_anon_WITH_RC4_128_SHA"],
    [0xc033, "TLS_ECDHE_PSK_WITH_RC4_128_SHA"],
    [0xfeff, "TLS_RSA_FIPS_WITH_3DES_EDE_CBC_SHA"],
  ])("knows what OpenSSL forgot: 0x%s", (code, name) => {
    expect(suiteOf(code)).toEqual({ code, name });
  });
});

describe("what a suite lacks", () => {
  it.each([
    ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", { broken: undefined, open: false, secret: true }],
    ["TLS_AES_256_GCM_SHA384", { broken: undefined, open: false, secret: true }],
    ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", { broken: undefined, open: false, secret: true }],
    ["TLS_RSA_WITH_AES_256_GCM_SHA384", { broken: undefined, open: false, secret: false }],
    ["TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", { broken: undefined, open: false, secret: false }],
    ["TLS_PSK_WITH_AES_128_CBC_SHA", { broken: undefined, open: false, secret: false }],
    ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", { broken: "3DES", open: false, secret: false }],
    ["TLS_DHE_RSA_WITH_DES_CBC_SHA", { broken: "DES", open: false, secret: true }],
    ["TLS_ECDHE_RSA_WITH_RC4_128_SHA", { broken: "RC4", open: false, secret: true }],
    ["TLS_RSA_EXPORT1024_WITH_RC4_56_SHA", { broken: "EXPORT", open: false, secret: false }],
    ["TLS_RSA_WITH_NULL_MD5", { broken: "MD5", open: true, secret: false }],
    ["TLS_ECDH_anon_WITH_AES_256_CBC_SHA", { broken: undefined, open: true, secret: true }],
    ["TLS_DH_anon_WITH_SEED_CBC_SHA", { broken: "SEED", open: true, secret: true }],
    ["TLS_RSA_FIPS_WITH_DES_CBC_SHA", { broken: "DES", open: false, secret: false }],
  ] as const)("%s", (name, { broken, open, secret }) => {
    expect(brokenPart(name)).toBe(broken);
    expect(isOpen(name)).toBe(open);
    expect(lacksForwardSecrecy(name)).toBe(!secret);
  });

  it("knows which need TLS 1.2", () => {
    const of = (name: string) => isSince12({ code: 0, name });
    expect(of("TLS_RSA_WITH_AES_128_CBC_SHA256")).toBe(true);
    expect(of("TLS_RSA_WITH_AES_128_CCM")).toBe(true);
    expect(of("TLS_RSA_WITH_AES_128_CBC_SHA")).toBe(false);
    expect(of("TLS_RSA_WITH_RC4_128_MD5")).toBe(false);
  });
});
