/** Whether a chain of certificates leads to an authority that browsers and systems trust, as Node ships them. */
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";

/**
 * First the server's own certificate. Signatures and the right to sign are checked; dates and names are other questions.
 */
export function leadsToPublicRoot(chain: readonly X509Certificate[]): boolean {
  const top = topOf(chain);
  if (top === undefined) return false;
  return rootCertificates.some((pem) => {
    const root = new X509Certificate(pem);
    return root.fingerprint256 === top.fingerprint256 || isIssuedBy(top, root);
  });
}

/** The last certificate of an unbroken line; undefined when it is broken. */
function topOf([own, ...above]: readonly X509Certificate[]): X509Certificate | undefined {
  let top = own;
  for (const issuer of above) {
    if (top === undefined || !isIssuedBy(top, issuer)) return undefined;
    top = issuer;
  }
  return top;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
