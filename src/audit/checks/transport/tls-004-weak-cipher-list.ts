/** TLS-004: the list of ciphers lets weak ones in. */
import type { Found } from "../../check.ts";
import { settingCheck, wrong } from "../setting-check.ts";
import { DEFAULT_CIPHERS, GOOD_CIPHERS, weakParts } from "./cipher-list.ts";
import { leaveToProbe } from "./tls-probe.ts";

export default settingCheck({
  id: "TLS-004",
  title: "the list of ciphers admits weak classes",
  severity: "medium",
  why:
    "A client that offers little else gets a cipher that can be broken, and with anonymous ones anybody may pretend to be the " +
    "server. Old drivers and scripts offer such ciphers without telling anybody.",
  remedy: `Set ssl_ciphers to a list of ephemeral key exchanges with authenticated encryption: ${GOOD_CIPHERS}.`,
  limits:
    "The list that servers are built with is reported as info alone. What the library really takes depends on how it was " +
    "built: a run with --probe asks the server (TLS-022, TLS-023, TLS-031) and then leaves this check out.",
  references: { cis: ["6.10"], manual: ["Connections and Authentication: SSL"] },
  judge: async (settings, facts): Promise<Found[]> => {
    const setting = settings.get("ssl_ciphers");
    await leaveToProbe(facts, "TLS-022, TLS-023 and TLS-031", ["TLSv1", "TLSv1.1", "TLSv1.2"]);
    const parts = weakParts(setting.value);
    if (parts.length === 0) return [];
    const isDefault = setting.value === DEFAULT_CIPHERS;
    const detail = isDefault
      ? "the list that the server was built with, which admits MEDIUM ciphers"
      : `${parts.join(", ")} in ${setting.value}`;
    const riskReason = "clients that know only older ciphers can no longer connect";
    return [
      wrong(setting, {
        detail,
        severity: isDefault ? "info" : undefined,
        to: GOOD_CIPHERS,
        risk: "medium",
        riskReason,
      }),
    ];
  },
});
