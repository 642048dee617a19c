/** NET-001: whoever reaches the port from another machine is let in as anybody. */
import { insteadOf, isFromOutside, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-001",
  title: "trust for other machines",
  severity: "critical",
  why:
    "The server believes whatever role name the client sends, superusers included. Everybody who can open a connection " +
    "from these addresses owns the databases, and through a superuser the machine.",
  remedy: "Ask for scram-sha-256 in a hostssl rule, or for a client certificate (method cert), and reload.",
  limits:
    "A rule with clientcert=verify-full asks for a certificate with the role's name and is no finding; verify-ca is " +
    "NET-024. Rules that an earlier one hides are left to NET-014.",
  references: { cis: ["5.4"], manual: ["Trust Authentication", "The pg_hba.conf File"] },
  judge: ({ hba, order }) =>
    hba.rules
      .filter((rule) => rule.method === "trust" && isFromOutside(rule) && !rule.options.has("clientcert"))
      .filter((rule) => order.isReached(rule))
      .map((rule) =>
        wrongRule(rule, "no credential is asked of other machines", {
          fix: insteadOf(
            rule,
            { type: "hostssl", method: "scram-sha-256" },
            {
              risk: "high",
              riskReason:
                "clients without a password are refused; clients without TLS are refused; with ssl = off all clients of the rule are refused",
            },
          ),
        }),
      ),
});
