/** TLS-006. */
import tls006 from "../../../../../src/audit/checks/transport/tls-006-weak-curve.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const nameOf = (major: number): string => (major >= 18 ? "ssl_groups" : "ssl_ecdh_curve");

export default defineCase({
  check: tls006,
  wrong: (major) => ({ [nameOf(major)]: major >= 18 ? "X25519:secp224r1" : "secp224r1" }),
  finds: (major) => [nameOf(major)],
  right: (major) => ({ [nameOf(major)]: major >= 18 ? "X25519:secp384r1:brainpoolP256r1" : "secp384r1" }),
  blind: ["plain"],
});
