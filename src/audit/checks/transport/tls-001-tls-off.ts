/** TLS-001: the server has TLS switched off. */
import { NotApplicable } from "../../answers.ts";
import { settingCheck, wrong } from "../setting-check.ts";
import { answersTlsOrUnknown, listensBeyondHost } from "./offer.ts";

export default settingCheck({
  id: "TLS-001",
  title: "TLS is off",
  severity: "high",
  why:
    "Queries, results and session contents cross the network as plain text. Whoever can read or divert that traffic sees " +
    "all of it and can add statements of their own to a session that somebody else opened.",
  remedy: "Give the server a certificate and its key, then set ssl to on.",
  limits:
    "A proxy on the same host that takes TLS away is not seen here; accept the finding with a waiver then. Where the " +
    "server's own answer is known, TLS-020 reports it instead.",
  references: { cis: ["6.8"], manual: ["Secure TCP/IP Connections with SSL"] },
  judge: async (settings, facts) => {
    const setting = settings.get("ssl");
    const isRemote = listensBeyondHost(settings);
    const answer = await answersTlsOrUnknown(facts);
    if (answer === false && (setting.value === "on" || isRemote)) {
      throw new NotApplicable("the server answers that it has no TLS, which TLS-020 reports");
    }
    if (setting.value === "on") return [];
    const detail = isRemote ? "off" : "off; the server listens on its own host alone";
    const riskReason =
      "it needs server.crt and server.key (ssl_cert_file, ssl_key_file); without them it goes on without TLS";
    return [wrong(setting, { detail, to: "on", severity: isRemote ? "high" : "medium", risk: "medium", riskReason })];
  },
});
