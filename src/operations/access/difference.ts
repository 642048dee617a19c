/** How a database differs from its model, thing by thing: for programs, and to compare with another day. */
import type { Difference, ModelDifferences } from "../../access/plan/make-plan.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import type { ZodNamespace } from "../../base/operation.ts";

export function entrySchema(z: ZodNamespace) {
  return z.strictObject({
    what: z.string().meta({ description: "role, membership, privilege, owner, policy ..." }),
    object: z.string(),
    role: z.string().nullable().meta({ description: "Whose it is; empty for PUBLIC" }),
    wanted: z.string().nullable().meta({ description: "As the model has it" }),
    found: z.string().nullable().meta({ description: "As the database has it" }),
  });
}

export function differencesSchema(z: ZodNamespace) {
  const entries = (description: string) => z.array(entrySchema(z)).meta({ description });
  return {
    database: z.string(),
    model: z.strictObject({ file: z.string(), sha256: z.string() }),
    state_hash: z.string(),
    missing: entries("The model has it, the database does not"),
    extra: entries("The database has it, the model does not"),
    different: entries("Both have it, not alike"),
    blocked: z.int().meta({ description: "Statements that would end a difference and that this role cannot run" }),
    warnings: z.array(z.string()),
  };
}

export type DifferenceEntry = ReturnType<typeof entryOf>;

export interface Compared {
  plan: AccessPlan;
  differences: ModelDifferences;
  /** The model's file. */
  file: string;
}

export function differencesDocument({ plan, differences, file }: Compared) {
  const { missing, extra, different } = differences;
  return {
    database: plan.database,
    model: { file, sha256: plan.modelHash },
    state_hash: plan.stateHash,
    missing: missing.map(entryOf),
    extra: extra.map(entryOf),
    different: different.map(entryOf),
    blocked: plan.blocked.length,
    warnings: [...plan.warnings],
  };
}

function entryOf({ what, object, role, wanted, found }: Difference) {
  return { what, object, role: role ?? null, wanted: wanted ?? null, found: found ?? null };
}

/** What makes two entries of different days the same. */
export const keyOf = ({ what, object, role, wanted, found }: DifferenceEntry): string =>
  JSON.stringify([what, object, role, wanted, found]);
