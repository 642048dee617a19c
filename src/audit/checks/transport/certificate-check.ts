/** Checks that look at every certificate that the server shows, one by one. */
import type { X509Certificate } from "node:crypto";
import type { Check, Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { countingCertificates, nameOf, RENEW, servedCertificates } from "./certificates.ts";

interface CertificateCheckParts extends Omit<Check, "examine" | "scope" | "needs"> {
  /** What is wrong with one; undefined: nothing. */
  judge(certificate: X509Certificate, facts: Facts): string | undefined;
}

export function certificateCheck({ judge, ...parts }: CertificateCheckParts): Check {
  return {
    ...parts,
    scope: "cluster",
    needs: [],
    examine: async (facts): Promise<Found[]> => {
      const certificates = countingCertificates(await servedCertificates(facts));
      return certificates.flatMap((certificate) => {
        const detail = judge(certificate, facts);
        return detail === undefined ? [] : [{ object: nameOf(certificate), detail, fix: RENEW }];
      });
    },
  };
}
