/** NET-012: replication for every role, from every address, or for nothing. */
import { Unanswered } from "../../answers.ts";
import { isAnywhere } from "../../hba/address.ts";
import type { HbaRule } from "../../hba/hba.ts";
import { isKeyword } from "../../hba/word-sets.ts";
import { isFromOutside, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-012",
  title: "replication open to everybody",
  severity: "high",
  why:
    "A replication connection copies the whole cluster, passwords included, past every privilege. The rule lets every role " +
    "with that attribute try it, or from everywhere, or without any credential.",
  remedy: "Name the replication role and the machines of its standbys, in a hostssl rule.",
  limits:
    "A database that is called replication is written in quotes; the server's view does not show them, so there the " +
    "answer is unknown. Rules for the own machine count only with trust.",
  references: { cis: ["7.1"], manual: ["Streaming Replication", "The pg_hba.conf File"] },
  judge: ({ hba }) => {
    const found = hba.rules
      .filter((rule) => rule.method !== "reject" && rule.databases.some((token) => isKeyword(token, "replication")))
      .flatMap((rule) => {
        const faults = faultsOf(rule);
        return faults.length === 0 ? [] : [wrongRule(rule, `replication ${faults.join(" and ")}`, { fix: FIX })];
      });
    if (found.length === 0 || hba.isExact) return found;
    throw new Unanswered(
      "whether replication is a keyword or a database is not shown by the server's view",
      "superuser",
    );
  },
});

const FIX = {
  kind: "words",
  text: "Name the replication role and the addresses of its standbys: hostssl replication ROLE ADDRESS scram-sha-256.",
} as const;

function faultsOf(rule: HbaRule): readonly string[] {
  return [
    ...(isFromOutside(rule) && rule.users.some((token) => isKeyword(token, "all")) ? ["for every role"] : []),
    ...(isAnywhere(rule) ? ["from every address"] : []),
    ...(rule.method === "trust" && !rule.options.has("clientcert") ? ["without a credential"] : []),
  ];
}
