/** What an apply did, as operations give it out. */

import type { Leftover } from "../../access/apply/leftovers.ts";
import type { ApplyReport } from "../../access/apply/request.ts";
import type { AccessModel } from "../../access/model/model.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import { planDocument, planSchema, statementDocument, statementSchema } from "./plan-document.ts";

export function appliedSchema(z: ZodNamespace) {
  return z.strictObject({
    database: z.string(),
    outcome: z
      .enum(["nothing to do", "not applied", "applied", "done by another run", "applied, but not as planned"])
      .meta({ description: "not applied: --dry-run, or all of it is blocked" }),
    plan: planSchema(z).meta({ description: "As it was approved" }),
    applied: z.array(statementSchema(z)).meta({ description: "What was run and committed, in this order" }),
    notices: z.array(z.strictObject({ n: z.int(), severity: z.string(), code: z.string(), message: z.string() })),
    passwords_set: z.array(z.string()).meta({ description: "Roles" }),
    retries: z.int().meta({ description: "How often other sessions made the transaction start again" }),
    remaining: z.array(statementSchema(z)).meta({ description: "Still to do; only with --keep-partial" }),
    leftovers: z
      .array(
        z.strictObject({
          role: z.string(),
          object: z.string(),
          privilege: z.string(),
          paths: z.array(z.string()).meta({ description: "What still gives it" }),
        }),
      )
      .meta({ description: "Taken from a role that has it all the same, in a way that the model does not mean" }),
  });
}

export interface Applied {
  plan: AccessPlan;
  model: AccessModel;
  /** Absent when nothing was run. */
  report?: ApplyReport | undefined;
  leftovers?: readonly Leftover[] | undefined;
}

export function appliedDocument({ plan, model, report, leftovers = [] }: Applied) {
  return {
    database: plan.database,
    outcome: outcomeOf({ plan, report, leftovers }),
    plan: planDocument(plan, model),
    applied: report?.statements.map(statementDocument) ?? [],
    notices: [...(report?.notices ?? [])],
    passwords_set: [...(report?.passwordsSet ?? [])],
    retries: report?.retries ?? 0,
    remaining: report?.remaining.map(statementDocument) ?? [],
    leftovers: leftovers.map(({ paths, ...leftover }) => ({ ...leftover, paths: [...paths] })),
  };
}

function outcomeOf({ plan, report, leftovers = [] }: Omit<Applied, "model">) {
  const isEmpty = plan.statements.length + plan.blocked.length === 0;
  if (!report) return isEmpty ? ("nothing to do" as const) : ("not applied" as const);
  if (report.remaining.length + leftovers.length > 0) return "applied, but not as planned" as const;
  return report.wasDone ? ("done by another run" as const) : ("applied" as const);
}
