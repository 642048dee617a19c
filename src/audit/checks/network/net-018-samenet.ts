/** NET-018: rules that follow the masks of the network interfaces. */
import { ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-018",
  title: "rules for whatever network the server is in",
  severity: "medium",
  why:
    "The rule admits as many machines as the masks of the server's interfaces say at that moment. In a cloud network or " +
    "with a container bridge that is a range which nobody chose, and it changes with the interfaces.",
  remedy: "Write the network explicitly.",
  references: { manual: ["The pg_hba.conf File"] },
  judge: ({ hba }) =>
    hba.rules
      .filter(({ address, method }) => address?.kind === "samenet" && method !== "reject")
      .map((rule) =>
        wrongRule(rule, "the interfaces decide who may log in", {
          fix: { kind: "words", text: "Replace samenet by the network that is meant, with its prefix length." },
        }),
      ),
});
