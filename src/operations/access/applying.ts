/** Plan, ask, apply: the way of every operation that changes a database by a plan. */
import { resolve } from "node:path";
import { applyPlan } from "../../access/apply/apply.ts";
import { leftoversOf } from "../../access/apply/leftovers.ts";
import type { SavedPlan } from "../../access/apply/plan-file.ts";
import type { ApplyRequest } from "../../access/apply/request.ts";
import { identityOf, requireSamePlan } from "../../access/apply/same-plan.ts";
import type { AccessModel } from "../../access/model/model.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import { undoScript } from "../../access/plan/script.ts";
import { EXIT } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { checkOutputFile, writeOutputFile } from "../../config/output-file.ts";
import { appliedDocument } from "./applied-document.ts";
import { type ApplyFlags, optionsOf } from "./apply-input.ts";
import { approve } from "./approval.ts";
import { type Planning, type PlanningRequest, planningOf } from "./planning.ts";
import { maintenanceFor } from "./target.ts";

interface AppliedResult extends Record<"remaining" | "leftovers", readonly unknown[]> {
  outcome: string;
  plan: { statements: readonly unknown[] };
}

/**
 * 23 when the result was kept although it is not as planned, or does not have the effect that was meant; 21 when nothing
 * could be applied because all of it is blocked.
 */
export function appliedExitCode({ remaining, leftovers, outcome, plan }: AppliedResult) {
  if (remaining.length + leftovers.length > 0) return EXIT.unexpectedResult;
  return outcome === "not applied" && plan.statements.length === 0 ? EXIT.unknown : EXIT.ok;
}

interface ApplyingOptions {
  saved?: SavedPlan | undefined;
  /** Narrows the model before it is planned. */
  narrow?: ((model: AccessModel) => AccessModel) | undefined;
  /** In place of the file that the input names. */
  model?: AccessModel | undefined;
}

/** Plans, asks and applies. */
export async function applyModel(
  input: PlanningRequest & ApplyFlags,
  context: OperationContext,
  { saved, narrow, model }: ApplyingOptions = {},
) {
  const options = optionsOf(input);
  const undo = input.saveUndo && resolve(context.workingDirectory, input.saveUndo);
  if (undo) checkOutputFile(undo);
  const planning = await planningOf(input, context, { lenient: false, narrow, model });
  const plan = await planOnce(planning);
  if (saved) requireSamePlan({ approved: saved.identity, fresh: identityOf(plan) });
  const isPlanned = await approve({ plan, model: planning.model }, input, context);
  if (!isPlanned) return appliedDocument({ plan, model: planning.model });
  // Written first: who needs it after a crash needs it most.
  if (undo) writeOutputFile(undo, undoScript(plan));
  const report = await run(planning, { plan, approval: saved || !input.yes ? "plan" : "model", options, context });
  planning.remember(report.passwordsSet);
  const looks = planning.looks();
  const leftovers = looks ? await leftoversOf({ before: looks.first, after: looks.last, model: planning.model }) : [];
  return appliedDocument({ plan, model: planning.model, report, leftovers });
}

async function planOnce(planning: Planning): Promise<AccessPlan> {
  await using session = await planning.open();
  return await planning.plan(session);
}

type Running = Pick<ApplyRequest, "plan" | "approval" | "options"> & { context: OperationContext };

function run({ server, model, passwords, plan: replan }: Planning, { context, ...request }: Running) {
  const { signal, report } = context;
  const target = model.database || server.connection.database;
  return applyPlan({
    ...request,
    open: (database = target) => server.open(database),
    maintenanceDatabase: maintenanceFor(server, target),
    replan,
    passwords,
    signal,
    report,
  });
}
