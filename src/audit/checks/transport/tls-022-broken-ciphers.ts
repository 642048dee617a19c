/** TLS-022: the server agrees to ciphers that are broken. */
import { brokenPart } from "../../../net/server-probe/cipher-suites.ts";
import { suiteCheck } from "./suite-check.ts";

export default suiteCheck({
  id: "TLS-022",
  title: "the server accepts broken ciphers",
  severity: "high",
  why:
    "RC4, DES, 3DES, RC2, IDEA, SEED, export-grade keys and MD5 can be broken, some within minutes, with traffic that somebody " +
    "recorded. A client that offers nothing better gets them.",
  remedy: "Set ssl_ciphers to ephemeral key exchanges with authenticated encryption.",
  limits: "Seen from the address that the probe runs from. Suites of TLS 1.3 are all sound and are not listed.",
  references: { cis: ["6.10"], manual: ["Connections and Authentication: SSL"], other: ["RFC 7465", "CVE-2016-2183"] },
  judge: (name) => {
    const part = brokenPart(name);
    return part === undefined ? undefined : `${part} is broken`;
  },
});
