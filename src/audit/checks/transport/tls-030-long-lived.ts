/** TLS-030: a certificate that is valid for years, or names no host as clients expect it. */
import { leadsToPublicRoot } from "../../../net/server-probe/public-roots.ts";
import { defineCheck, type Found } from "../../check.ts";
import { beginOf, daysBetween, endOf, isSelfSigned, nameOf, RENEW, servedCertificates } from "./certificates.ts";

/** 825: the last limit of public authorities that was longer than a year (until 2020). */
const MAX_DAYS = 825;

export default defineCheck({
  id: "TLS-030",
  title: "the certificate lives long or holds no alternative name",
  severity: "low",
  why:
    "A key that is used for years is copied, backed up and forgotten, and a stolen one stays good until the end. Without " +
    "subjectAltName newer clients find no name at all and refuse to verify.",
  remedy: "Issue certificates for a year at most, with subjectAltName, and automate their renewal.",
  limits: "The life of a certificate by an internal authority is info: its rules are the operator's own.",
  references: { manual: ["SSL Support"], other: ["RFC 6125"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const chain = await servedCertificates(facts);
    const [own] = chain;
    const days = daysBetween(beginOf(own), endOf(own));
    const life = days > MAX_DAYS ? `valid for ${days} days` : undefined;
    const name = own.subjectAltName === undefined ? "no subjectAltName" : undefined;
    if (life === undefined && name === undefined) return [];
    const isInternal = !isSelfSigned(own) && !leadsToPublicRoot(chain);
    const severity = name === undefined && isInternal ? "info" : undefined;
    const detail = [life, name].filter((part) => part !== undefined).join(", ");
    return [{ object: nameOf(own), detail, severity, fix: RENEW }];
  },
});
