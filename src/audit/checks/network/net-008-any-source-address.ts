/** NET-008: the whole Internet may try. */
import { isAnywhere } from "../../hba/address.ts";
import type { HbaRule } from "../../hba/hba.ts";
import { ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-008",
  title: "rules for any address",
  severity: "high",
  why:
    "Nothing in the server limits where a login may come from, so passwords can be guessed from anywhere that reaches the " +
    "port, and a stolen one works from anywhere. One mistake in the firewall is all that is between.",
  remedy: "List the networks of the applications, and keep a firewall in front as well.",
  limits: "Medium where TLS is required together with SCRAM or a client certificate. Firewalls are not seen.",
  references: { cis: ["5.4"], manual: ["The pg_hba.conf File"] },
  judge: ({ hba }) =>
    hba.rules
      .filter((rule) => rule.method !== "reject" && isAnywhere(rule))
      .map((rule) =>
        wrongRule(rule, "every address may log in", {
          severity: isGuarded(rule) ? "medium" : undefined,
          fix: { kind: "words", text: "Write one rule per network that has clients, instead of every address." },
        }),
      ),
});

const isGuarded = ({ type, method }: HbaRule): boolean =>
  type === "hostssl" && (method === "scram-sha-256" || method === "cert");
