/** NET-014: rules that an earlier one hides. */
import type { FileFix } from "../../fix.ts";
import type { HbaRule } from "../../hba/hba.ts";
import { writtenRule } from "../../hba/rule-text.ts";
import type { Severity } from "../../ratings.ts";
import { editFix } from "../../rule-edits.ts";
import { ruleCheck, without, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-014",
  title: "rules that can never match",
  severity: "medium",
  why:
    "The first rule that fits decides, so this one does nothing. Whoever wrote it believes in a protection, or a " +
    "permission, that is not there.",
  remedy: "Put the narrower rule first, or delete it.",
  limits:
    "One earlier rule has to cover it alone; several that cover it together are not added up. High when the hidden rule is " +
    "a reject or the other one trust, low when both ask for the same.",
  references: { manual: ["The pg_hba.conf File"] },
  judge: ({ hba, order }) =>
    hba.rules.flatMap((rule) => {
      const cover = order.coverOf(rule);
      if (cover === undefined) return [];
      const detail = `${cover.file}:${cover.line} (${cover.method}) comes first and takes all of it`;
      const covered = { hidden: rule, cover };
      return [wrongRule(rule, detail, { severity: severityOf(covered), fix: fixOf(covered) })];
    }),
});

/** A rule, and the earlier one that takes all of it. */
interface Covered {
  hidden: HbaRule;
  cover: HbaRule;
}

function severityOf({ hidden, cover }: Covered): Severity | undefined {
  if (hidden.method === cover.method) return "low";
  return hidden.method === "reject" || cover.method === "trust" ? "high" : undefined;
}

function fixOf({ hidden, cover }: Covered): FileFix {
  if (hidden.method === cover.method || hidden.file !== cover.file) {
    return without(hidden, { risk: "low", riskReason: "the rule does nothing where it stands" });
  }
  return editFix(
    { kind: "move", rule: writtenRule(hidden), before: cover.line },
    { risk: "medium", riskReason: "connections that the earlier rule decided are then decided by this one" },
  );
}
