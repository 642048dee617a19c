/** TLS-026: the certificate is for another name than the one that we connected to. */
import type { X509Certificate } from "node:crypto";
import { parseIp } from "../../../net/ip.ts";
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import { nameOf, RENEW, servedCertificates } from "./certificates.ts";

export default defineCheck({
  id: "TLS-026",
  title: "the certificate does not hold the host's name",
  severity: "medium",
  why:
    "Clients that verify the server in full refuse it, so people fall back to sslmode=require, which any certificate " +
    "satisfies. Then whoever can divert the traffic can be the server.",
  remedy: "Have the certificate issued for every name and address by which clients connect, as subjectAltName.",
  limits:
    "Compared with the host of this run's own connection, by libpq's rules. Over a loopback address it is info: the certificate " +
    "is for the name that others use.",
  references: { manual: ["SSL Support"], other: ["RFC 6125"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const { transport, host, isLoopback } = facts.line();
    if (transport === "socket") throw new NotApplicable("over a Unix socket there is no name to compare");
    const [own] = await servedCertificates(facts);
    if (isFor(own, host)) return [];
    const names = own.subjectAltName ?? "no alternative names";
    const severity = isLoopback ? "info" : undefined;
    return [{ object: nameOf(own), detail: `is not for ${host}: ${names}`, severity, fix: RENEW }];
  },
});

/** libpq: the alternative names, and the common name only where there are none of a host. */
function isFor(certificate: X509Certificate, host: string): boolean {
  if (parseIp(host) === undefined) return certificate.checkHost(host) !== undefined;
  if (certificate.checkIP(host) !== undefined) return true;
  return certificate.subjectAltName === undefined && certificate.subject.split("\n").includes(`CN=${host}`);
}
