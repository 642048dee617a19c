/** Who may say yes to a plan: a person who has seen it, or --yes. Without either, silence is a refusal. */
import { planBlocked } from "../../access/apply/same-plan.ts";
import type { AccessModel } from "../../access/model/model.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { ApplyFlags } from "./apply-input.ts";
import { effectOf, planDocument } from "./plan-document.ts";

/**
 * Whether `plan` is to be applied: false when there is nothing to do, or when nothing shall be done (--dry-run).
 *
 * Throws ACCESS_BLOCKED, ACCESS_UNAPPROVED, CANCELLED.
 */
export async function approve(
  { plan, model }: { plan: AccessPlan; model: AccessModel },
  { yes = false, dryRun = false, partial = false }: ApplyFlags,
  { prompt, report }: OperationContext,
): Promise<boolean> {
  if (dryRun) return false;
  if (plan.blocked.length > 0 && !partial) throw planBlocked(plan);
  if (plan.statements.length === 0) return false;
  if (yes) return true;
  if (!prompt) {
    throw new PgkeepError("ACCESS_UNAPPROVED", `applying ${counted(plan)} to "${plan.database}" was not approved`, {
      detail: "There is no terminal to ask at, and a piped answer is not read.",
      hint: "Look at it with pgkeep access plan, then approve it with --yes.",
      state: "nothing was changed",
    });
  }
  report({ type: "access.approval_needed", plan: planDocument(plan, model) });
  const answer = await prompt.confirm(`Apply ${counted(plan)} to database "${plan.database}"?`);
  if (answer) return true;
  throw new PgkeepError("CANCELLED", "the plan was not approved", { state: "nothing was changed" });
}

/** "5 statements, 2 of which take something away". */
function counted({ statements }: AccessPlan): string {
  const revoking = statements.filter((statement) => effectOf(statement) === "revoke").length;
  const noun = statements.length === 1 ? "1 statement" : `${statements.length} statements`;
  return revoking === 0 ? noun : `${noun} (${revoking} take something away)`;
}
