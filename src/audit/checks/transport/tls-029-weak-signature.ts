/** TLS-029: a certificate that is signed with SHA-1 or MD5. */

import { certificateCheck } from "./certificate-check.ts";
import { weakHashOf } from "./signature.ts";

export default certificateCheck({
  id: "TLS-029",
  title: "the certificate is signed with a broken hash",
  severity: "high",
  why:
    "Two documents with the same SHA-1 or MD5 can be made, so a signature of one is a signature of the other. An authority " +
    "that still signs so can be tricked into a certificate for your server's name.",
  remedy: "Have the certificate issued again with SHA-256.",
  limits: "The signature of a root under itself does not matter and is left out.",
  references: { manual: ["Secure TCP/IP Connections with SSL"], other: ["RFC 9155"] },
  judge: (certificate) => {
    const hash = weakHashOf(certificate.raw);
    return hash === undefined ? undefined : `signed with ${hash}`;
  },
});
