/** TLS-020: asked for TLS, the server says that it has none. */
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Fix } from "../../fix.ts";
import { answersTls, listensBeyondHost } from "./offer.ts";
import { knownSetting } from "./tls-probe.ts";

export default defineCheck({
  id: "TLS-020",
  title: "the server does not offer TLS",
  severity: "critical",
  why:
    "Clients with sslmode=prefer, the default, go on in plain text without a word, so everything they send can be read and " +
    "changed on the way. The server may even say ssl = on: a certificate that it could not load leaves it without TLS.",
  remedy:
    "Look into the server's log for the reason, repair certificate and key (owner, mode 0600, key size), and reload.",
  limits:
    "Where ssl is off and the server listens on its own host alone, TLS-001 says so more gently. What is seen holds for " +
    "the address that was asked: a proxy may answer differently elsewhere.",
  references: { manual: ["Secure TCP/IP Connections with SSL"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    if (await answersTls(facts)) return [];
    const ssl = await knownSetting(facts, "ssl");
    if (ssl?.value === "off" && !listensBeyondHost(await facts.settings())) {
      throw new NotApplicable("ssl is off on a server that listens on its own host alone, see TLS-001");
    }
    const isSaidOn = ssl?.value === "on";
    const detail = isSaidOn
      ? "ssl says on, and the server answers that it has no TLS"
      : "the server answers that it has no TLS";
    return [{ object: "TLS", detail, place: ssl?.place, fix: isSaidOn ? REPAIR : SWITCH_ON }];
  },
});

const REPAIR: Fix = {
  kind: "words",
  text: "The log of the last start or reload names the file that could not be used: repair it, then select pg_reload_conf().",
};

const SWITCH_ON: Fix = {
  kind: "setting",
  name: "ssl",
  value: "on",
  needsRestart: false,
  risk: "medium",
  riskReason: "it needs server.crt and server.key (ssl_cert_file, ssl_key_file); without them it goes on without TLS",
};
