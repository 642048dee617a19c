/**
 * Edits of rules of pg_hba.conf: as lines for a person, and put together where several findings are about one rule.
 *
 * Each check knows how its own finding goes away and nothing of the others, and a line can be replaced once. Changes of
 * different columns add up; a rule that is to be deleted takes every other wish with it. Two checks that want different
 * things in one column are left apart, and the plan says so.
 */
import { groupedBy } from "../base/group.ts";
import type { FileFix, Fix, Risk, RuleEdit } from "./fix.ts";
import { hasSecret, type WrittenChanges, writtenLine } from "./hba/rule-text.ts";

interface Change {
  risk: Risk;
  riskReason?: string | undefined;
}

/** `edit` as lines and what to do with them. */
export function editFix(edit: RuleEdit, { risk, riskReason }: Change): FileFix {
  const { rule } = edit;
  const fix = { kind: "file", file: rule.file, edit, risk, riskReason } as const;
  if (edit.kind === "delete") return { ...fix, lines: [], how: `delete line ${rule.line}` };
  const changes = edit.changes ?? {};
  const lines = [writtenLine(rule, changes)];
  const keepsMethod = changes.method === undefined || changes.method === rule.method;
  const secret = hasSecret(rule) && keepsMethod ? ", with the secret that it has:" : "";
  return edit.kind === "move"
    ? { ...fix, lines, how: `move line ${rule.line} before line ${edit.before}${secret}` }
    : { ...fix, lines, how: `replace line ${rule.line} by${secret}` };
}

/** What a finding says of its cure. */
interface Curable {
  status: "fail" | "waived";
  fix: Fix | undefined;
}

/** `findings` where all that are about one rule propose the same edit, which cures each of them. */
export function withSharedEdits<Finding extends Curable>(findings: readonly Finding[]): readonly Finding[] {
  const byRule = groupedBy(
    findings.flatMap(({ status, fix }) =>
      // What was accepted is not to be changed.
      status === "fail" && fix?.kind === "file" && fix.edit ? [{ fix, edit: fix.edit }] : [],
    ),
    ({ edit }) => ruleKey(edit),
  );
  const shared = new Map([...byRule].map(([key, some]) => [key, mergedFix(some)]));
  return findings.map((finding) => {
    const { fix, status } = finding;
    if (status !== "fail" || fix?.kind !== "file" || !fix.edit) return finding;
    return { ...finding, fix: shared.get(ruleKey(fix.edit)) ?? fix };
  });
}

/** Equal keys are one line. */
export function ruleKey({ rule }: RuleEdit): string {
  return JSON.stringify([rule.file, rule.line]);
}

interface EditOf {
  fix: FileFix;
  edit: RuleEdit;
}

/** undefined: they contradict each other. */
function mergedFix(some: readonly EditOf[]): FileFix | undefined {
  const [first] = some;
  if (first === undefined) return undefined;
  const gone = some.find(({ edit }) => edit.kind === "delete");
  if (gone) return gone.fix;
  const changes = mergedChanges(some.map(({ edit }) => (edit.kind === "delete" ? {} : (edit.changes ?? {}))));
  const places = new Set(some.flatMap(({ edit }) => (edit.kind === "move" ? [edit.before] : [])));
  if (changes === undefined || places.size > 1) return undefined;
  const { rule } = first.edit;
  const [before] = places;
  const edit: RuleEdit =
    before === undefined ? { kind: "change", rule, changes } : { kind: "move", rule, changes, before };
  return editFix(edit, mergedRisk(some.map(({ fix }) => fix)));
}

function mergedChanges(all: readonly WrittenChanges[]): WrittenChanges | undefined {
  const merged = new Map<string, unknown>();
  for (const changes of all) {
    for (const [column, value] of Object.entries(changes)) {
      if (merged.has(column) && JSON.stringify(merged.get(column)) !== JSON.stringify(value)) return undefined;
      merged.set(column, value);
    }
  }
  return Object.fromEntries(merged);
}

const RISKS: readonly Risk[] = ["low", "medium", "high"];

/** The greatest of the risks, and every reason once; one finding's reasons stand with a semicolon between them. */
export function mergedRisk(fixes: readonly Change[]): Change {
  const risk = RISKS.findLast((each) => fixes.some((fix) => fix.risk === each)) ?? "low";
  const reasons = [...new Set(fixes.flatMap(({ riskReason }) => riskReason?.split("; ") ?? []))];
  return { risk, riskReason: reasons.length === 0 ? undefined : reasons.join("; ") };
}
