/** NET-022: RADIUS authentication. */
import { ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-022",
  title: "RADIUS authentication",
  severity: "medium",
  why:
    "The client's password arrives in clear text and goes on over UDP, hidden by MD5 and a shared secret only: whoever " +
    "records the exchange can guess it offline. PostgreSQL 19 has the method no more.",
  remedy: "Move to scram-sha-256, certificates, Kerberos or OAuth.",
  references: { manual: ["RADIUS Authentication"], other: ["PostgreSQL 19 release notes", "CVE-2024-3596"] },
  judge: ({ hba }) =>
    hba.rules
      .filter(({ method }) => method === "radius")
      .map((rule) =>
        wrongRule(rule, "passwords go to a RADIUS server over UDP", {
          fix: { kind: "words", text: "Give these roles SCRAM passwords or certificates, then change the method." },
        }),
      ),
});
