/** NET-026: rules for roles and databases that are not there. */
import { Unanswered } from "../../answers.ts";
import type { HbaRule, HbaToken } from "../../hba/hba.ts";
import { groupOf, isDatabaseKeyword, isKeyword } from "../../hba/word-sets.ts";
import type { RoleFacts } from "../../roles.ts";
import { ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-026",
  title: "rules for roles or databases that do not exist",
  severity: "low",
  why:
    "The rule is a mistake in a name, or waits for whoever makes a role or database of that name next. A mistyped reject " +
    "rejects nobody.",
  remedy: "Correct the name, or remove the rule.",
  limits:
    "A role that is made later is planned here, so it stays low. The server's view does not show quotes: without a finding, " +
    "keywords that may be names leave the answer unknown.",
  references: { manual: ["The pg_hba.conf File"] },
  judge: async ({ hba, facts }) => {
    const known = await facts.roles();
    const found = hba.rules.flatMap((rule) => {
      const missing = missingIn(rule, known);
      const fix = { kind: "words", text: "Correct the name, or remove it from the rule." } as const;
      return missing.length === 0 ? [] : [wrongRule(rule, `there is no ${missing.join(", no ")}`, { fix })];
    });
    if (found.length > 0 || hba.isExact || !hba.rules.some(hasKeyword)) return found;
    throw new Unanswered("whether words are keywords or names is not shown by the server's view", "superuser");
  },
});

function missingIn({ users, databases }: HbaRule, known: RoleFacts): readonly string[] {
  const roles = users
    .filter((token) => !token.isPattern && !isKeyword(token, "all"))
    .map((token) => groupOf(token) ?? token.text)
    .filter((name) => !known.roles.has(name));
  const names = databases.filter((token) => !token.isPattern && !isDatabaseKeyword(token)).map(({ text }) => text);
  const missing = names.filter((name) => !known.databases.has(name));
  return [...roles.map((name) => `role "${name}"`), ...missing.map((name) => `database "${name}"`)];
}

const hasKeyword = ({ users, databases }: HbaRule): boolean =>
  users.some((token: HbaToken) => isKeyword(token, "all") || groupOf(token) !== undefined) ||
  databases.some(isDatabaseKeyword);
