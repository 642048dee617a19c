/** Yes, no, or unknown, and why. */
import type { Snapshot } from "../catalog/snapshot.ts";
import { PUBLIC } from "../privileges/acl.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import type { EffectiveAccess } from "./effective.ts";
import type { AccessPath, Answer, Question } from "./explanation.ts";

/** From what is held, not from the paths: their search is bounded, and a bound must not turn into a "no". */
export function answerOf(
  access: EffectiveAccess,
  question: Question,
  paths: readonly AccessPath[],
): { answer: Answer; reasons: string[] } {
  const { snapshot, closures } = access;
  const { role, object } = question;
  if (holds(access, question, role)) return { answer: "now", reasons: [] };
  if (role !== PUBLIC && snapshot.roles.get(role)?.addressable !== true) {
    return {
      answer: "unknown",
      reasons: ["the role's name cannot be written in UTF-8, so lists cannot be told to name it"],
    };
  }
  const others = [...closures.becomes(role)];
  if (others.some((as) => holds(access, question, as))) return { answer: "after set role", reasons: [] };
  if (others.some((as) => holdsColumn(access, question, as))) return { answer: "some columns", reasons: [] };
  const unknown = whyUnknown(snapshot, others);
  if (unknown !== undefined) return { answer: "unknown", reasons: [unknown] };
  return { answer: "no", reasons: paths.length > 0 ? [`the role has no usage on schema ${object.schema}`] : [] };
}

/** What was asked for, acting as `as`: of the whole object, or of the one column. */
function holds(access: EffectiveAccess, { object, privilege, column }: Question, as: string): boolean {
  const bit = privilegeSet([privilege]);
  if (column === undefined) return (access.usable(as, object) & bit) !== 0;
  return access.reaches(as, object) && (access.heldOnColumn(as, object, column) & bit) !== 0;
}

function holdsColumn(access: EffectiveAccess, question: Question, as: string): boolean {
  if (question.column !== undefined) return false;
  return [...(question.object.columns?.keys() ?? [])].some((column) => holds(access, { ...question, column }, as));
}

/** A "no" must not stand on what could not be read. */
function whyUnknown({ unreadable, roles }: Snapshot, others: readonly string[]): string | undefined {
  if (others.some((name) => roles.get(name)?.addressable === false)) {
    return "it can become a role whose name cannot be written in UTF-8";
  }
  return unreadable.find((what) => what.startsWith("privileges that this version does not know"));
}
