/** TLS-024: a certificate that has ended, or does not hold yet. */

import { certificateCheck } from "./certificate-check.ts";
import { beginOf, dayOf, endOf } from "./certificates.ts";

export default certificateCheck({
  id: "TLS-024",
  title: "the certificate is expired or not yet valid",
  severity: "critical",
  why:
    "Clients that verify the server refuse it, so the service stops for exactly those who did it right. People then switch " +
    "verification off to go on, and it stays off.",
  remedy: "Renew the certificate and reload the server; automate it so that it does not happen again.",
  limits: "Clients with sslmode=require or less do not look at dates and do not notice.",
  references: { manual: ["SSL Support"] },
  judge: (certificate, { now }) => {
    if (endOf(certificate) < now) return `expired on ${dayOf(endOf(certificate))}`;
    if (beginOf(certificate) > now) return `valid from ${dayOf(beginOf(certificate))} on`;
    return undefined;
  },
});
