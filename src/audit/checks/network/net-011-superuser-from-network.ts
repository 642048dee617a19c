/** NET-011: superusers may log in from other machines. */
import type { HbaRule } from "../../hba/hba.ts";
import type { RuleOrder } from "../../hba/rule-order.ts";
import { ruleText, tokenText } from "../../hba/rule-text.ts";
import { isKeyword } from "../../hba/word-sets.ts";
import type { RoleFacts } from "../../roles.ts";
import { aheadOf, isFromOutside, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-011",
  title: "superusers may log in over the network",
  severity: "high",
  why:
    "A superuser's password, guessed or stolen, is then usable from elsewhere, and with it the whole machine: files, " +
    "programs, every database. Administration from the machine itself needs no such rule.",
  remedy: "Reject the superusers in a line before the rule, and administer over the socket or a bastion.",
  limits:
    "Named roles, all, groups and patterns are all followed to the superusers that they mean; those that an earlier rule " +
    "takes out are not reported. Superusers without LOGIN cannot log in.",
  references: { cis: ["4.3"], manual: ["The pg_hba.conf File"], other: ["pgdsat 5.11"] },
  judge: async ({ hba, order, facts }) => {
    const rules = hba.rules.filter((rule) => isFromOutside(rule) && rule.databases.some(isDatabase));
    if (rules.length === 0) return [];
    const roles = await facts.roles();
    return rules.flatMap((rule) => {
      const names = superusersThrough(rule, order, roles);
      return names.length === 0 ? [] : [finding(rule, names)];
    });
  },
});

const isDatabase = (token: HbaRule["databases"][number]): boolean => !isKeyword(token, "replication");

function superusersThrough(rule: HbaRule, order: RuleOrder, roles: RoleFacts): readonly string[] {
  return roles
    .superusers()
    .filter(({ canLogin }) => canLogin)
    .map(({ name }) => name)
    .filter((role) => order.admits(rule, role) && order.isReached(rule, { role, databases: isDatabase }));
}

function finding(rule: HbaRule, names: readonly string[]) {
  const users = names.map((text) => ({ text, isQuoted: true, isPattern: false }));
  const rejecting = { ...rule, type: "host" as const, users, method: "reject", options: new Map<string, string>() };
  return wrongRule(rule, `superusers get in by it: ${users.map(tokenText).join(", ")}`, {
    fix: aheadOf(rule, [ruleText(rejecting)], {
      risk: "medium",
      riskReason: "administrators that log in from these addresses are refused",
    }),
  });
}
