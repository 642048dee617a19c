/**
 * From drafts to the statements of a plan: steps in their order, roles changed in between, numbers.
 *
 * Statements that run as another role stand together, between SET ROLE and RESET ROLE. RESET gives the executor back
 * exactly, also one that a stored setting turns into another role at login.
 */
import { ident } from "../../pg/identifiers.ts";
import { type Draft, STEP } from "./draft.ts";
import type { PlanFacts } from "./facts.ts";
import { roleText } from "./naming.ts";
import type { PlannedStatement, StatementStage } from "./plan.ts";

const STAGES: readonly StatementStage[] = ["before", "main", "after"];

export function inOrder(drafts: readonly Draft[], facts: PlanFacts): PlannedStatement[] {
  const hasAfter = drafts.some(({ stage }) => stage === "after");
  const sorted = drafts
    .map((draft, index) => ({ draft: hasAfter ? heldBack(draft) : draft, index }))
    .sort((one, other) => compare(one.draft, other.draft) || one.index - other.index)
    .map(({ draft }) => draft);
  const statements: PlannedStatement[] = [];
  let current: Draft | undefined;
  const put = (draft: Draft): void => {
    statements.push(planned(draft, statements.length + 1, facts));
  };
  for (const draft of sorted) {
    if (current && !isSameActor(current, draft)) {
      if (current.as !== undefined) put(roleChange(current, undefined));
      current = undefined;
    }
    if (!current && draft.as !== undefined) put(roleChange(draft, draft.as));
    current = draft;
    put(draft);
  }
  if (current?.as !== undefined) put(roleChange(current, undefined));
  return statements;
}

/** What was borrowed is needed in the other databases too. */
function heldBack(draft: Draft): Draft {
  const isBorrowed = draft.step === STEP.cleanUp && draft.kind === "temporary";
  return isBorrowed ? { ...draft, stage: "after", step: STEP.retire, rank: 200_000 } : draft;
}

function compare(one: Draft, other: Draft): number {
  const stage = ({ stage: name = "main" }: Draft): number => STAGES.indexOf(name);
  return (
    stage(one) - stage(other) ||
    one.step - other.step ||
    (one.rank ?? 0) - (other.rank ?? 0) ||
    compareText(one.as, other.as)
  );
}

function compareText(one = "", other = ""): number {
  return one < other ? -1 : Number(one > other);
}

function isSameActor(one: Draft, other: Draft): boolean {
  return one.as === other.as && one.stage === other.stage && one.database === other.database;
}

function roleChange(draft: Draft, to: string | undefined): Draft {
  return {
    step: draft.step,
    sql: to === undefined ? "reset role" : `set role ${ident(to)}`,
    kind: "temporary",
    object: roleText(draft.as ?? ""),
    role: draft.as,
    reason: to === undefined ? "back to the role that runs the plan" : "the next statements have to run as this role",
    requires: draft.requires,
    inverse: undefined,
    stage: draft.stage,
    database: draft.database,
    touches: [],
    differences: () => [],
  };
}

function planned(draft: Draft, n: number, { model }: PlanFacts): PlannedStatement {
  const { sql, kind, object, role, reason, requires, lock = "none", inverse, risk = "low", riskReason } = draft;
  const { stage = "main", database = model.database, passwordOf } = draft;
  return { n, sql, kind, object, role, reason, requires, lock, inverse, risk, riskReason, stage, database, passwordOf };
}
