/** TLS-033: the server agrees to curves or Diffie-Hellman groups that are too small. */
import { defineCheck, type Found } from "../../check.ts";
import type { Fix } from "../../fix.ts";
import { requireAnswers } from "../probes.ts";
import { seenFrom, tlsProbe } from "./tls-probe.ts";

export default defineCheck({
  id: "TLS-033",
  title: "the server accepts a weak curve or Diffie-Hellman group",
  severity: "medium",
  why:
    "The session's key is as strong as the group on which it is agreed. A 1024-bit group can be prepared once and then opens " +
    "every session that used it; curves below 256 bits are within reach of those who have the machines.",
  remedy: "Name X25519 and prime256v1 as curves, and leave ssl_dh_params_file empty or give it 2048 bits and more.",
  limits:
    "An empty ssl_dh_params_file means a built-in group of 2048 bits, which passes. Seen from the address of the probe.",
  references: { manual: ["Connections and Authentication: SSL"], other: ["CVE-2015-4000"] },
  scope: "cluster",
  needs: ["network"],
  examine: async (facts): Promise<Found[]> => {
    const probe = await tlsProbe(facts);
    if (probe.weakGroups.length === 0) requireAnswers(probe, ["groups"]);
    const { major } = facts.server();
    return probe.weakGroups.map((group) => {
      const detail = `a key exchange with it was answered, ${seenFrom(probe)}`;
      return { object: group, detail, fix: group.startsWith("dh-") ? BUILT_IN_GROUP : goodCurve(major) };
    });
  },
});

const BUILT_IN_GROUP: Fix = {
  kind: "setting",
  name: "ssl_dh_params_file",
  value: "",
  needsRestart: false,
  risk: "low",
};

function goodCurve(major: number): Fix {
  const [name, value] = major >= 18 ? ["ssl_groups", "X25519:prime256v1"] : ["ssl_ecdh_curve", "prime256v1"];
  return { kind: "setting", name, value, needsRestart: false, risk: "low" };
}
