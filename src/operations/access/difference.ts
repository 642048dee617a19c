/** A plan seen as differences: what the database lacks, what it has too much, what is otherwise. */
import type { AccessPlan, PlannedStatement } from "../../access/plan/plan.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import { effectOf } from "./plan-document.ts";

export function entrySchema(z: ZodNamespace) {
  return z.strictObject({
    kind: z.string(),
    object: z.string(),
    role: z.string().nullable(),
    reason: z.string(),
    sql: z.string().meta({ description: "The statement that would end the difference" }),
    is_blocked: z.boolean().meta({ description: "This role cannot run it" }),
  });
}

export type DifferenceEntry = ReturnType<typeof entryOf>;

export function differencesSchema(z: ZodNamespace) {
  const entries = (description: string) => z.array(entrySchema(z)).meta({ description });
  return {
    database: z.string(),
    model: z.strictObject({ file: z.string(), sha256: z.string() }),
    state_hash: z.string(),
    missing: entries("The model has it, the database does not"),
    extra: entries("The database has it, the model does not"),
    different: entries("Both have it, with other values"),
    warnings: z.array(z.string()),
  };
}

/** Borrowed rights are no difference; blocked statements are. */
export function differencesOf(plan: AccessPlan, file: string) {
  const entries = [
    ...plan.statements
      .filter(({ kind }) => kind !== "temporary")
      .map((statement) => ({ effect: effectOf(statement), entry: entryOf(statement) })),
    ...plan.blocked.map(({ sql, object, role, reason }) => ({
      effect: blockedEffect(sql),
      entry: { kind: "blocked", object, role: role ?? null, reason, sql, is_blocked: true },
    })),
  ];
  const of = (wanted: string) => entries.filter(({ effect }) => effect === wanted).map(({ entry }) => entry);
  return {
    database: plan.database,
    model: { file, sha256: plan.modelHash },
    state_hash: plan.stateHash,
    missing: of("add"),
    extra: of("revoke"),
    different: of("change"),
    warnings: [...plan.warnings],
  };
}

function entryOf({ kind, object, role, reason, sql }: PlannedStatement) {
  return { kind: String(kind), object, role: role ?? null, reason, sql, is_blocked: false };
}

function blockedEffect(sql: string): string {
  const [word = ""] = sql.trim().toLowerCase().split(/\s/, 1);
  if (word === "grant" || word === "create") return "add";
  return word === "revoke" || word === "drop" ? "revoke" : "change";
}
