/** NET-003: every account of the server's machine is let in as anybody, over the Unix socket. */
import { Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import type { Severity } from "../../ratings.ts";
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-003",
  title: "trust on the Unix socket",
  severity: "high",
  profiles: { dev: "low" },
  why:
    "Every account of the machine that can open the socket becomes any role, superusers included, and with a superuser " +
    "runs programs as the server's account. One broken service on the machine is enough.",
  remedy: "Use peer with a map that lists exactly the accounts that need it, or scram-sha-256, and reload.",
  limits:
    "With unix_socket_permissions 0700 only the server's own account reaches the socket; the finding is then medium. " +
    "Permissions of the socket's directory are not looked at.",
  references: { cis: ["5.3"], manual: ["Trust Authentication", "Peer Authentication"] },
  judge: async ({ hba, order, facts }) => {
    const severity = await severityHere(facts);
    return hba.rules
      .filter((rule) => rule.type === "local" && rule.method === "trust" && order.isReached(rule))
      .map((rule) =>
        wrongRule(rule, "no credential is asked on the socket", {
          severity,
          fix: insteadOf(
            rule,
            { method: "scram-sha-256" },
            {
              risk: "medium",
              riskReason: "local programs that log in without a password are refused",
            },
          ),
        }),
      );
  },
});

async function severityHere(facts: Facts): Promise<Severity | undefined> {
  try {
    return (await facts.settings()).value("unix_socket_permissions") === "0700" ? "medium" : undefined;
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}
