/** TLS-027: a certificate that signs itself, or whose authority nobody knows. */
import { leadsToPublicRoot } from "../../../net/server-probe/public-roots.ts";
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import { isSelfSigned, nameOf, servedCertificates } from "./certificates.ts";

export default defineCheck({
  id: "TLS-027",
  title: "self-signed certificate",
  severity: "medium",
  why:
    "Nobody can tell this certificate from one that somebody on the way made a minute ago, unless every client was given " +
    "this very file. Usually none was, and verification is off.",
  remedy:
    "Make an authority of your own (or use a public one), let it sign the server's certificate, and give clients its root.",
  limits:
    "Silent when this run's own connection verified the certificate (sslmode verify-ca or verify-full, also with the certificate " +
    "itself as root). Unknown when it is signed by an authority that is neither public nor was named with sslrootcert.",
  references: { manual: ["Secure TCP/IP Connections with SSL: Creating Certificates"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const chain = await servedCertificates(facts);
    if (facts.line().tls?.isVerified) return [];
    const [own] = chain;
    if (isSelfSigned(own)) return [{ object: nameOf(own), detail: detailOf(own.ca), fix: FIX }];
    if (leadsToPublicRoot(chain)) return [];
    throw new Unanswered(
      "the certificate's authority is not known here; connect with sslmode=verify-full and sslrootcert",
    );
  },
});

function detailOf(isAuthority: boolean): string {
  return isAuthority ? "signs itself, and its key could sign other certificates as well" : "signs itself";
}

const FIX: Found["fix"] = {
  kind: "words",
  text: "Have an authority sign the certificate, reload the server, and set sslmode=verify-full sslrootcert=<its root> on the clients.",
};
