/**
 * Checks of pg_hba.conf, rule by rule, and what their findings have in common.
 *
 * A rule is named by its text in one spelling, so two lines that say the same are one finding: the first of them decides.
 */
import { Unanswered } from "../answers.ts";
import type { Check, Found } from "../check.ts";
import type { Facts } from "../facts/facts.ts";
import type { FileFix, Risk } from "../fix.ts";
import { isLoopback } from "../hba/address.ts";
import type { HbaFacts, HbaRule } from "../hba/hba.ts";
import { RuleOrder } from "../hba/rule-order.ts";
import { type RuleChanges, writtenChanges, writtenRule } from "../hba/rule-text.ts";
import type { RoleFacts } from "../roles.ts";
import { editFix } from "../rule-edits.ts";

/** What a check of rules looks at. */
export interface RuleEvidence {
  hba: HbaFacts;
  /** Which rules connections can get to. */
  order: RuleOrder;
  facts: Facts;
}

interface RuleCheckParts extends Omit<Check, "examine" | "scope" | "needs"> {
  needs?: Check["needs"] | undefined;
  /** What is wrong with the rules. */
  judge(evidence: RuleEvidence): Iterable<Found> | Promise<Iterable<Found>>;
}

/** `facts.hba()` says itself when nothing can be read, so no right is asked for ahead. */
export function ruleCheck({ judge, needs = [], ...parts }: RuleCheckParts): Check {
  return {
    ...parts,
    // Whoever runs a managed service has the file, and nobody else can change it.
    profiles: { managed: "off", ...parts.profiles },
    scope: "cluster",
    needs,
    examine: async (facts) => {
      const hba = await facts.hba();
      const order = new RuleOrder(hba, await knownRoles(facts));
      const found = new Map<string, Found>();
      for (const each of await judge({ hba, order, facts })) {
        if (!found.has(each.object)) found.set(each.object, each);
      }
      return [...found.values()];
    },
  };
}

/** Roles and memberships; undefined without a server. */
export async function knownRoles(facts: Facts): Promise<RoleFacts | undefined> {
  try {
    return await facts.roles();
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}

/** A finding about one rule: the rule is the object, the place begins the detail. */
export function wrongRule(rule: HbaRule, detail: string, more: Partial<Found> = {}): Found {
  const place = { file: rule.file, line: rule.line };
  return { object: rule.text, detail: `${rule.file}:${rule.line}: ${detail}`, place, ...more };
}

/** Clients of other machines are let in by the rule. */
export function isFromOutside(rule: HbaRule): boolean {
  return rule.type !== "local" && rule.method !== "reject" && !isLoopback(rule);
}

interface Change {
  risk: Risk;
  riskReason: string;
}

/** The rule with `changes` in its place. */
export function insteadOf(rule: HbaRule, changes: RuleChanges, { risk, riskReason }: Change): FileFix {
  return editFix({ kind: "change", rule: writtenRule(rule), changes: writtenChanges(changes) }, { risk, riskReason });
}

/** Lines that have to stand before the rule's. */
export function aheadOf(rule: HbaRule, lines: readonly string[], change: Change): FileFix {
  return { kind: "file", file: rule.file, lines, how: `put before line ${rule.line}`, ...change };
}

/** The rule's line goes. */
export function without(rule: HbaRule, { risk, riskReason }: Change): FileFix {
  return editFix({ kind: "delete", rule: writtenRule(rule) }, { risk, riskReason });
}
