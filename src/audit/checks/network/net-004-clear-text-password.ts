/** NET-004: the password itself is sent to the server. */
import type { HbaRule } from "../../hba/hba.ts";
import { kindsOf } from "../../hba/rule-order.ts";
import { insteadOf, isFromOutside, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-004",
  title: "passwords are asked for in clear text",
  severity: "critical",
  why:
    "The client sends the password as it is. On a connection without TLS whoever listens on the way has it; with TLS the " +
    "server, its logs and whoever plays the server still see it. SCRAM proves the password without sending it.",
  remedy: "Use scram-sha-256 instead, and reload.",
  limits: "Critical where other machines may connect without TLS, medium on TLS, sockets and loopback.",
  references: { cis: ["5.4"], manual: ["Password Authentication"] },
  judge: ({ hba, order }) =>
    hba.rules
      .filter((rule) => rule.method === "password" && order.isReached(rule))
      .map((rule) =>
        wrongRule(rule, isExposed(rule) ? "readable on the way" : "readable by whoever is the server", {
          severity: isExposed(rule) ? undefined : "medium",
          fix: insteadOf(
            rule,
            { method: "scram-sha-256" },
            {
              risk: "medium",
              riskReason: "roles whose password is stored as MD5 hash cannot log in until it is set again",
            },
          ),
        }),
      ),
});

const isExposed = (rule: HbaRule): boolean => isFromOutside(rule) && kindsOf(rule).includes("plain");
