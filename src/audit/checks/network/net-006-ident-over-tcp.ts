/** NET-006: the client's machine is asked who the user is. */
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-006",
  title: "ident over TCP",
  severity: "high",
  why:
    "The server asks a service on the client's machine for the user's name and believes the answer. Whoever owns that " +
    "machine, or can answer in its place on the network, logs in as any role that the rule admits.",
  remedy: "Ask for scram-sha-256 or a client certificate, and reload.",
  limits: "On a local line ident means peer, where the operating system answers: no finding.",
  references: { cis: ["5.4"], manual: ["Ident Authentication"] },
  judge: ({ hba }) =>
    hba.rules
      .filter(({ type, method }) => type !== "local" && method === "ident")
      .map((rule) =>
        wrongRule(rule, "the client's machine says who is there", {
          fix: insteadOf(
            rule,
            { method: "scram-sha-256" },
            {
              risk: "medium",
              riskReason: "clients that have no password are refused",
            },
          ),
        }),
      ),
});
