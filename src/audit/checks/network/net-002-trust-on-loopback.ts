/** NET-002: every program on the server's machine is let in as anybody, over TCP. */
import { isLoopback } from "../../hba/address.ts";
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-002",
  title: "trust for TCP connections of the own machine",
  severity: "high",
  profiles: { dev: "low" },
  why:
    "Any local program becomes any role, whatever its account: a web application that can be made to open connections " +
    "(SSRF) is enough to become superuser. Container images and test setups often ship this line.",
  remedy: "Ask for scram-sha-256, and reload.",
  limits: "Rules that an earlier one hides are left to NET-014; rules that ask for a client certificate to NET-024.",
  references: { cis: ["5.4"], manual: ["Trust Authentication"] },
  judge: ({ hba, order }) =>
    hba.rules
      .filter((rule) => rule.method === "trust" && rule.type !== "local" && isLoopback(rule))
      .filter((rule) => !rule.options.has("clientcert") && order.isReached(rule))
      .map((rule) =>
        wrongRule(rule, "no credential is asked of local programs", {
          fix: insteadOf(
            rule,
            { method: "scram-sha-256" },
            {
              risk: "medium",
              riskReason: "local programs that log in without a password are refused",
            },
          ),
        }),
      ),
});
