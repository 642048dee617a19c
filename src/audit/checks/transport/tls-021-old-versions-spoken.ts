/** TLS-021: the server agrees to SSL 3.0, TLS 1.0 or TLS 1.1. */
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import type { Fix } from "../../fix.ts";
import { requireAnswers } from "../probes.ts";
import { knownSetting, seenFrom, tlsProbe } from "./tls-probe.ts";

const OLD = ["SSLv3", "TLSv1", "TLSv1.1"] as const;

export default defineCheck({
  id: "TLS-021",
  title: "the server speaks TLS before 1.2",
  severity: "high",
  why:
    "Somebody between client and server can hold both to the oldest version that they share, and these have known attacks: " +
    "POODLE, BEAST, forged SHA-1 handshakes. Nothing but very old clients needs them.",
  remedy: "Set ssl_min_protocol_version to TLSv1.2, and renew clients that TLS-009 names.",
  limits: "Seen from the address that the probe runs from; a proxy in between answers for itself.",
  references: { cis: ["6.9"], manual: ["Connections and Authentication: SSL"], other: ["RFC 8996", "RFC 7568"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const spoken = facts.line().tls?.protocol;
    const own = OLD.find((version) => version === spoken);
    const fix = await fixOf(facts);
    if (!facts.has("network") && own !== undefined) {
      return [{ object: own, detail: "this very connection agreed on it", fix }];
    }
    const probe = await tlsProbe(facts);
    const found = OLD.filter((version) => probe.versions.includes(version)).map((version) => ({
      object: version,
      detail: `a handshake was answered, ${seenFrom(probe)}`,
      fix,
    }));
    if (found.length === 0) requireAnswers(probe, OLD);
    return found;
  },
});

/** When the setting is right already, somebody else speaks. */
async function fixOf(facts: Facts): Promise<Fix> {
  const setting = await knownSetting(facts, "ssl_min_protocol_version");
  if (setting !== undefined && ["TLSv1.2", "TLSv1.3"].includes(setting.value)) {
    return {
      kind: "words",
      text: "The setting forbids it already: look at the proxy in front of the server, or reload the server.",
    };
  }
  return {
    kind: "setting",
    name: "ssl_min_protocol_version",
    value: "TLSv1.2",
    needsRestart: false,
    risk: "medium",
    riskReason: "clients whose TLS library is older than 2012 can no longer connect",
  };
}
