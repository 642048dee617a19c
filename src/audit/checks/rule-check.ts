/** Checks of pg_hba.conf, rule by rule. */
import type { Check, Found } from "../check.ts";
import type { Facts } from "../facts/facts.ts";
import type { HbaFacts, HbaRule } from "../hba/hba.ts";

interface RuleCheckParts extends Omit<Check, "examine" | "scope" | "needs"> {
  needs?: Check["needs"] | undefined;
  /** What is wrong with the rules. */
  judge(hba: HbaFacts, facts: Facts): Iterable<Found> | Promise<Iterable<Found>>;
}

/** `facts.hba()` says itself when nothing can be read, so no right is asked for ahead. */
export function ruleCheck({ judge, needs = [], ...parts }: RuleCheckParts): Check {
  return {
    ...parts,
    scope: "cluster",
    needs,
    examine: async (facts) => [...(await judge(await facts.hba(), facts))],
  };
}

/** A finding about one rule: the rule is the object, the place begins the detail. */
export function wrongRule(rule: HbaRule, detail: string, more: Partial<Found> = {}): Found {
  const place = { file: rule.file, line: rule.line };
  return { object: rule.text, detail: `${rule.file}:${rule.line}: ${detail}`, place, ...more };
}
