/** TLS-028: a certificate whose key is too short. */
import type { X509Certificate } from "node:crypto";
import { Unanswered } from "../../answers.ts";
import { certificateCheck } from "./certificate-check.ts";

/** NIST SP 800-57: 112 bits of security. */
const MIN_RSA_BITS = 2_048;
const MIN_CURVE_BITS = 256;

export default certificateCheck({
  id: "TLS-028",
  title: "the certificate's key is too short",
  severity: "high",
  why:
    "Such a key can be found out with rented machines. Whoever has it can be the server to every client that trusts the " +
    "certificate, and reads recorded sessions without forward secrecy.",
  remedy: "Make a new key, RSA of 3072 bits, P-256 or Ed25519, and have a certificate issued for it.",
  limits:
    "RSA below 2048 bits and curves below 256 bits are reported, for the certificates between server and root as well.",
  references: { manual: ["Secure TCP/IP Connections with SSL"], other: ["NIST SP 800-57"] },
  judge: (certificate) => {
    const key = keyOf(certificate);
    return key.bits < key.least ? `${key.kind} key of ${key.bits} bits` : undefined;
  },
});

function keyOf(certificate: X509Certificate): { kind: string; bits: number; least: number } {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKeyOf(certificate);
  if (type === "ec") return { kind: "EC", bits: curveBits(details?.namedCurve ?? ""), least: MIN_CURVE_BITS };
  if (type === "ed25519" || type === "ed448") return { kind: "Ed", bits: MIN_CURVE_BITS, least: MIN_CURVE_BITS };
  const kind = type === "dsa" ? "DSA" : "RSA";
  if (details?.modulusLength === undefined) throw new Unanswered("the kind of the certificate's key is not known here");
  return { kind, bits: details.modulusLength, least: MIN_RSA_BITS };
}

function publicKeyOf(certificate: X509Certificate): X509Certificate["publicKey"] {
  try {
    return certificate.publicKey;
  } catch {
    throw new Unanswered("the kind of the certificate's key is not known here");
  }
}

/** Names of curves hold their size: "prime256v1", "secp384r1", "sect163k1". */
function curveBits(name: string): number {
  const bits = Number(/\d{3}/.exec(name)?.[0]);
  if (Number.isNaN(bits)) throw new Unanswered("the curve of the certificate's key is not known here");
  return bits;
}
