/**
 * Why a role may or may not do something with an object: the answer, and every path that gives it.
 *
 * A path is a chain of memberships (empty for the role itself) and what stands at its end: an attribute, ownership, an
 * entry of a list, a built-in default, a predefined role. Each hop and each end says what proves it and, where one
 * statement takes it away, that statement. What no path gives is listed too, so that a "no" shows what was looked at.
 */
import { isColumnPrivilege } from "../privileges/privilege.ts";
import { pathsTo } from "./access-paths.ts";
import { answerOf } from "./answer.ts";
import type { EffectiveAccess } from "./effective.ts";
import { type AccessPath, type Explanation, type Question, SOURCES, type Source } from "./explanation.ts";
import { notesOf } from "./notes.ts";
import { ends } from "./path-ends.ts";

/** The answer for one role, privilege and object, or one of its columns. */
export function explain(access: EffectiveAccess, question: Question): Explanation {
  const found = [...ends(access, question)].map((end) => pathsTo(access, question, end));
  const paths = found.flatMap(({ paths: some }) => some).sort(nearestFirst);
  const { role, privilege, object, column } = question;
  const { answer, reasons } = answerOf(access, question, paths);
  return {
    role,
    privilege,
    object,
    column,
    answer,
    reasons,
    paths,
    isComplete: found.every(({ isComplete }) => isComplete),
    notBy: SOURCES.filter((source) => applies(source, question) && !paths.some((path) => path.source === source)),
    notes: notesOf(access, question),
  };
}

/** What is so now before what SET ROLE gives, short before long. */
function nearestFirst(a: AccessPath, b: AccessPath): number {
  return Number(a.when !== "now") - Number(b.when !== "now") || a.steps.length - b.steps.length;
}

function applies(source: Source, { object, kind, privilege }: Question): boolean {
  if (source === "column grant") return object.kind === "table" && isColumnPrivilege(privilege);
  if (source === "ownership") return object.owner !== undefined;
  if (source === "built-in default") return kind.publicByDefault.includes(privilege);
  if (source === "predefined role") return ["table", "sequence", "schema"].includes(object.kind);
  return true;
}
