/** NET-020: passwords go to the directory server in plain text. */
import type { HbaRule } from "../../hba/hba.ts";
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-020",
  title: "LDAP authentication without TLS",
  severity: "high",
  why:
    "The server gets the user's password in clear text and passes it on to the directory. Without TLS on that way whoever " +
    "listens between the two has it, and often it opens more than the database.",
  remedy: "Add ldaptls=1, or use ldapscheme=ldaps, and verify the directory's certificate on the server.",
  limits: "Whether the directory's certificate is verified is a matter of ldap.conf on the server's host.",
  references: { manual: ["LDAP Authentication"] },
  judge: ({ hba }) =>
    hba.rules
      .filter(({ method, options }) => method === "ldap" && options.get("ldaptls") !== "1")
      .filter(({ options }) => options.get("ldapscheme") !== "ldaps")
      .map((rule) => wrongRule(rule, "the password goes to the directory in plain text", { fix: fixOf(rule) })),
});

function fixOf(rule: HbaRule) {
  const options = new Map([...rule.options, ["ldaptls", "1"]]);
  return insteadOf(
    rule,
    { options },
    {
      risk: "medium",
      riskReason: "logins fail when the directory does not offer TLS or its certificate is not trusted",
    },
  );
}
