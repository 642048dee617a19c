/** NET-010: sessions of other machines may be without encryption. */
import { kindsOf } from "../../hba/rule-order.ts";
import { insteadOf, isFromOutside, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-010",
  title: "sessions without encryption from other machines",
  severity: "high",
  why:
    "A client that does not ask for TLS, or is talked out of it by somebody on the way, sends its queries and gets its rows " +
    "in plain text. Whoever listens reads them, and whoever sits on the way changes them.",
  remedy: "Make the rules hostssl, or put hostnossl all all all reject before all others, and reload.",
  limits:
    "Rules whose plain connections an earlier reject takes are no finding. Whether clients really come without TLS is " +
    "TLS-008.",
  references: { cis: ["5.4", "6.8"], manual: ["The pg_hba.conf File", "Secure TCP/IP Connections with SSL"] },
  judge: ({ hba, order }) =>
    hba.rules
      .filter((rule) => isFromOutside(rule) && kindsOf(rule).includes("plain"))
      .filter((rule) => order.isReached(rule, { kinds: ["plain"] }))
      .map((rule) =>
        wrongRule(rule, `${rule.type} admits clients without TLS`, {
          fix: insteadOf(
            rule,
            { type: "hostssl" },
            {
              risk: "high",
              riskReason: "clients without TLS are refused; with ssl = off all clients of the rule are refused",
            },
          ),
        }),
      ),
});
