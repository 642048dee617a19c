/** NET-017: one rule for every role and every database. */
import { Unanswered } from "../../answers.ts";
import { isKeyword } from "../../hba/word-sets.ts";
import { isFromOutside, ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-017",
  title: "every role to every database from other machines",
  severity: "low",
  why:
    "Any credential that leaks opens every database that its role may connect to, and new roles and databases are " +
    "reachable the moment they exist.",
  remedy: "Write one rule per application: its role, its database, its machines.",
  limits:
    'Quoted "all" is a role or database of that name; the server\'s view does not show quotes, so there the answer is ' +
    "unknown.",
  references: { cis: ["5.4"], manual: ["The pg_hba.conf File"], other: ["pgdsat 5.10"] },
  judge: ({ hba }) => {
    const found = hba.rules
      .filter(isFromOutside)
      .filter(({ users, databases }) =>
        [users, databases].every((tokens) => tokens.some((token) => isKeyword(token, "all"))),
      )
      .map((rule) => wrongRule(rule, "for all roles and all databases", { fix: FIX }));
    if (found.length === 0 || hba.isExact) return found;
    throw new Unanswered("whether all is a keyword or a name is not shown by the server's view", "superuser");
  },
});

const FIX = { kind: "words", text: "Write one rule per application: its role, its database, its machines." } as const;
