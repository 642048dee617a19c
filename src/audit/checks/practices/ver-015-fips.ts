/** VER-015: cryptography that FIPS 140 does not allow is available. A question of policy, asked by profile strict. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

/** MD5 is what a FIPS provider of OpenSSL refuses first. Reads nothing. */
const MD5 = "select pg_catalog.md5('') as digest";

const REFUSED = /could not compute MD5 hash/;

export default defineCheck({
  id: "VER-015",
  title: "FIPS mode off",
  severity: "info",
  why:
    "Where policy asks for validated cryptography, the server has to use an OpenSSL in FIPS mode. A server that still computes " +
    "MD5 does not.",
  remedy: "Use a build and an operating system with a validated OpenSSL provider, and switch its FIPS mode on.",
  limits: "It says whether MD5 is refused, not whether the module was validated.",
  references: { cis: ["6.7"] },
  scope: "cluster",
  needs: [],
  profiles: { default: "off", cis: "off", dev: "off", managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  try {
    await facts.query(MD5);
  } catch (error) {
    if (error instanceof Unanswered && REFUSED.test(error.message)) return [];
    throw error;
  }
  const text = "Switch FIPS mode on in the operating system and restart the server.";
  return [{ object: "cryptography", detail: "MD5 is computed", fix: { kind: "words", text } }];
}
