/** NET-019: rules by name instead of address. */
import { isLoopback } from "../../hba/address.ts";
import { ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-019",
  title: "rules by host name",
  severity: "medium",
  why:
    "Each connection waits for a reverse and a forward lookup, and whoever controls those answers controls who may log in. " +
    "A reject by name fails open: a client whose name does not resolve passes it by.",
  remedy: "Use addresses.",
  limits: "The machine's own name, localhost, is answered from its hosts file and is no finding.",
  references: { manual: ["The pg_hba.conf File"] },
  judge: ({ hba }) =>
    hba.rules
      .filter((rule) => rule.address?.kind === "name" && !isLoopback(rule))
      .map((rule) =>
        wrongRule(rule, "name servers decide whom the rule is for", {
          fix: { kind: "words", text: "Replace the name by the addresses or the network that it stands for." },
        }),
      ),
});
