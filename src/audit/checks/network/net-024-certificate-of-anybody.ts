/** NET-024: any certificate of an authority opens every role of the rule. */
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-024",
  title: "trust with any certificate of the authority",
  severity: "critical",
  why:
    "The server checks that somebody signed the client's certificate, and not for whom. Every holder of any certificate of " +
    "that authority logs in as any role that the rule lists.",
  remedy: "Use the method cert, which compares the certificate's name with the role, or clientcert=verify-full.",
  references: { manual: ["Certificate Authentication"] },
  judge: ({ hba }) =>
    hba.rules
      .filter(({ method, options }) => method === "trust" && options.get("clientcert") === "verify-ca")
      .map((rule) =>
        wrongRule(rule, "the certificate's name is not compared with the role", {
          fix: insteadOf(
            rule,
            { method: "cert" },
            {
              risk: "medium",
              riskReason: "clients whose certificate has another name than their role are refused; give them a map",
            },
          ),
        }),
      ),
});
