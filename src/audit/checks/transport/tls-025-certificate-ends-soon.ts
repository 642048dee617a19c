/** TLS-025: a certificate that ends within a month. */

import { certificateCheck } from "./certificate-check.ts";
import { dayOf, daysBetween, endOf } from "./certificates.ts";

/** 30: time for an authority that works by hand, and short of the third that automation leaves of 90 days. */
const DEFAULT_DAYS = 30;

export default certificateCheck({
  id: "TLS-025",
  title: "the certificate expires soon",
  severity: "medium",
  why:
    "On that day every client that verifies the server is refused at once. A renewal by hand, with its approvals, often " +
    "takes longer than the days that are left.",
  remedy: "Renew the certificate and reload the server; no restart is needed.",
  limits:
    "The number of days is audit.certificate_days in pgkeep.yaml. A certificate that has ended already is TLS-024's.",
  references: { manual: ["Secure TCP/IP Connections with SSL"] },
  judge: (certificate, { now, declared }) => {
    const end = endOf(certificate);
    const days = daysBetween(now, end);
    if (end < now || days >= (declared.certificateDays ?? DEFAULT_DAYS)) return undefined;
    return `expires on ${dayOf(end)}, ${days === 0 ? "within a day" : `in ${days} ${days === 1 ? "day" : "days"}`}`;
  },
});
