/** NET-023: patterns that match more names than they look like. */
import type { HbaToken } from "../../hba/hba.ts";
import { isAnchored } from "../../hba/pattern.ts";
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-023",
  title: "patterns that are not anchored",
  severity: "medium",
  since: 16,
  why:
    "A pattern is found anywhere in the name: /app also means wrapper_admin. Whoever may make roles or databases picks a " +
    "name that the rule lets in.",
  remedy: "Write /^...$, with every alternative inside.",
  limits: "Before PostgreSQL 16 such a word is a name like others.",
  references: { manual: ["The pg_hba.conf File"] },
  judge: ({ hba }) =>
    hba.rules.flatMap((rule) => {
      const loose = [...rule.databases, ...rule.users].filter(isLoose);
      if (loose.length === 0) return [];
      const changes = { databases: rule.databases.map(anchored), users: rule.users.map(anchored) };
      return [
        wrongRule(rule, `found anywhere in a name: ${loose.map(({ text }) => text).join(", ")}`, {
          fix: insteadOf(rule, changes, {
            risk: "medium",
            riskReason: "names that only contain the pattern are no longer let in",
          }),
        }),
      ];
    }),
});

const isLoose = ({ text, isPattern }: HbaToken): boolean => isPattern && !isAnchored(text.slice(1));

function anchored(token: HbaToken): HbaToken {
  if (!isLoose(token)) return token;
  // An anchor at one side stays right inside the group.
  return { ...token, text: `/^(${token.text.slice(1)})$` };
}
