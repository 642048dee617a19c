/** TLS-002: the configuration lets clients agree on TLS before 1.2. */
import { settingCheck, wrong } from "../setting-check.ts";
import { leaveToProbe } from "./tls-probe.ts";

const TOO_OLD = new Set(["TLSv1", "TLSv1.1"]);

export default settingCheck({
  id: "TLS-002",
  title: "TLS versions before 1.2 are allowed",
  severity: "high",
  why:
    "TLS 1.0 and 1.1 sign their handshakes with SHA-1 and MD5 and know only ciphers with old weaknesses. Somebody between " +
    "client and server can hold both to the oldest version that they still share.",
  remedy: "Set ssl_min_protocol_version to TLSv1.2, or to TLSv1.3 when every client speaks it.",
  limits:
    "The security level of the TLS library may refuse old versions although the setting allows them; a run with --probe " +
    "asks the server (TLS-021) and then leaves this check out. The profile strict asks for TLS 1.3.",
  references: { cis: ["6.9"], manual: ["Connections and Authentication: SSL"], other: ["RFC 8996"] },
  judge: async (settings, facts) => {
    const setting = settings.get("ssl_min_protocol_version");
    const riskReason = "clients whose TLS library is older than 2012 can no longer connect";
    if (facts.profile === "strict" && setting.value !== "TLSv1.3") {
      const severity = TOO_OLD.has(setting.value) ? undefined : "low";
      return [
        wrong(setting, { to: "TLSv1.3", severity, risk: "medium", riskReason: "clients without TLS 1.3 stay out" }),
      ];
    }
    await leaveToProbe(facts, "TLS-021", ["SSLv3", "TLSv1", "TLSv1.1"]);
    return TOO_OLD.has(setting.value) ? [wrong(setting, { to: "TLSv1.2", risk: "medium", riskReason })] : [];
  },
});
