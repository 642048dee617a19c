/** TLS-032: the server does not speak TLS 1.3. */
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import type { Fix } from "../../fix.ts";
import { requireAnswers } from "../probes.ts";
import { knownSetting, seenFrom, tlsProbe } from "./tls-probe.ts";

export default defineCheck({
  id: "TLS-032",
  title: "the server does not speak TLS 1.3",
  severity: "low",
  why:
    "TLS 1.3 has no weak suites left, hides certificates from onlookers and takes one round trip less. A server without it " +
    "runs with an old library or was told to do without.",
  remedy: "Leave ssl_max_protocol_version empty, use a TLS library from 2018 or later, and a curve that TLS 1.3 has.",
  limits: "Seen from the address of this run; a proxy in between answers for itself.",
  references: { manual: ["Connections and Authentication: SSL"], other: ["RFC 8446"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const { tls } = facts.line();
    if (tls?.protocol === "TLSv1.3") return [];
    if (tls?.newestOffered === "TLSv1.3") {
      return [await found(facts, `this connection offered it, and the server chose ${tls.protocol}`)];
    }
    const probe = await tlsProbe(facts);
    if (probe.versions.includes("TLSv1.3")) return [];
    requireAnswers(probe, ["TLSv1.3"]);
    return [await found(facts, `a handshake was refused, ${seenFrom(probe)}`)];
  },
});

async function found(facts: Facts, detail: string): Promise<Found> {
  const setting = await knownSetting(facts, "ssl_max_protocol_version");
  const isBounded = setting !== undefined && ["TLSv1", "TLSv1.1", "TLSv1.2"].includes(setting.value);
  return { object: "TLSv1.3", detail, fix: isBounded ? UNBOUND : RENEW_LIBRARY };
}

const UNBOUND: Fix = { kind: "setting", name: "ssl_max_protocol_version", value: "", needsRestart: false, risk: "low" };
const RENEW_LIBRARY: Fix = {
  kind: "words",
  text: "Look at ssl_ecdh_curve or ssl_groups and at the OpenSSL that the server was built with: 1.1.1 or later has TLS 1.3.",
};
