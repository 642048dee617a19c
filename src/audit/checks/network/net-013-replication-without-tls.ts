/** NET-013: the stream of all changes may be sent in plain text. */
import type { HbaRule } from "../../hba/hba.ts";
import { kindsOf } from "../../hba/rule-order.ts";
import { isKeyword } from "../../hba/word-sets.ts";
import { insteadOf, isFromOutside, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-013",
  title: "replication without TLS",
  severity: "high",
  why:
    "The stream holds every change of every database, and a base backup everything there is. Without TLS whoever listens " +
    "between primary and standby has a copy.",
  remedy: "Make the rule hostssl and set sslmode=verify-full in the standby's primary_conninfo.",
  limits: "Rules whose plain connections an earlier reject takes are no finding.",
  references: { cis: ["7.5"], manual: ["Streaming Replication"] },
  judge: ({ hba, order }) =>
    hba.rules
      .filter((rule) => isFromOutside(rule) && kindsOf(rule).includes("plain") && rule.databases.some(isReplication))
      .filter((rule) => order.isReached(rule, { kinds: ["plain"], databases: isReplication }))
      .map((rule) =>
        wrongRule(rule, `${rule.type} admits standbys without TLS`, {
          fix: insteadOf(
            rule,
            { type: "hostssl" },
            {
              risk: "high",
              riskReason: "standbys without TLS stop receiving; with ssl = off all clients of the rule are refused",
            },
          ),
        }),
      ),
});

const isReplication = (token: HbaRule["databases"][number]): boolean => isKeyword(token, "replication");
