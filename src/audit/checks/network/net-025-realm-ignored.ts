/** NET-025: Kerberos names of any realm count as the same. */
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-025",
  title: "the realm of Kerberos names is ignored",
  severity: "medium",
  why:
    "joe@PARTNER.EXAMPLE becomes joe, like joe@OURS.EXAMPLE. Where realms trust each other, or a second one is added later, " +
    "somebody else's administrator chooses who our joe is.",
  remedy: "Remove include_realm=0 and map the names with their realm, or fix the realm with krb_realm.",
  references: { manual: ["GSSAPI Authentication", "SSPI Authentication"] },
  judge: ({ hba }) =>
    hba.rules
      .filter(({ method }) => method === "gss" || method === "sspi")
      .filter(({ options }) => options.get("include_realm") === "0" && !options.has("krb_realm"))
      .map((rule) => {
        const options = new Map([...rule.options].filter(([name]) => name !== "include_realm"));
        return wrongRule(rule, "include_realm=0 without krb_realm", {
          fix: insteadOf(
            rule,
            { options },
            {
              risk: "high",
              riskReason: "names arrive with their realm, and nobody logs in until a map removes it",
            },
          ),
        });
      }),
});
