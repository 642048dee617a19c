/** A plan as operations give it out: snake_case, every field present, PUBLIC spelled out where people read it. */

import type { AccessModel } from "../../access/model/model.ts";
import type { AccessPlan, BlockedStatement, PlannedStatement } from "../../access/plan/plan.ts";
import { EXIT } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";

const KINDS = [
  "create database",
  "create role",
  "alter role",
  "grant role",
  "revoke role",
  "owner",
  "create schema",
  "revoke",
  "grant",
  "default privileges",
  "row security",
  "setting",
  "comment",
  "password",
  "temporary",
  "terminate",
  "drop",
] as const satisfies readonly PlannedStatement["kind"][];

const LOCKS = [
  "none",
  "access exclusive",
  "share row exclusive",
] as const satisfies readonly PlannedStatement["lock"][];

export function statementSchema(z: ZodNamespace) {
  return z.strictObject({
    n: z.int(),
    sql: z.string().meta({ description: "What runs; a password stands as [secret]" }),
    kind: z.enum(KINDS),
    object: z.string(),
    role: z.string().nullable().meta({ description: "Who gains or loses; empty for PUBLIC" }),
    reason: z.string(),
    requires: z.string().meta({ description: "The right that the executor needs" }),
    lock: z.enum(LOCKS),
    reversible: z.boolean(),
    inverse: z.string().nullable(),
    risk: z.enum(["low", "medium", "high"]),
    risk_reason: z.string().nullable(),
    stage: z.enum(["before", "main", "after"]),
    database: z.string(),
  });
}

export function blockedSchema(z: ZodNamespace) {
  return z.strictObject({
    sql: z.string(),
    object: z.string(),
    role: z.string().nullable(),
    reason: z.string(),
    needs: z.string().meta({ description: "Who can run it" }),
  });
}

export function planSchema(z: ZodNamespace) {
  return z.strictObject({
    database: z.string(),
    model: z.strictObject({
      file: z.string(),
      sha256: z.string(),
      mode: z.enum(["additive", "adopt", "authoritative"]),
    }),
    server_version: z.int(),
    state_hash: z.string().meta({ description: "Of everything that the plan touches, as it is now" }),
    summary: z.strictObject({
      add: z.int(),
      change: z.int(),
      revoke: z.int(),
      blocked: z.int(),
      unchanged: z.int(),
      locks: z.array(z.enum(LOCKS)),
      requires: z.array(z.string()),
      is_reversible: z.boolean(),
    }),
    statements: z.array(statementSchema(z)),
    blocked: z.array(blockedSchema(z)),
    warnings: z.array(z.string()),
  });
}

export function statementDocument(statement: PlannedStatement) {
  const { role, inverse, riskReason, passwordOf: _, ...rest } = statement;
  return {
    ...rest,
    role: role ?? null,
    reversible: inverse !== undefined,
    inverse: inverse ?? null,
    risk_reason: riskReason ?? null,
  };
}

export function blockedDocument({ role, ...rest }: BlockedStatement) {
  return { ...rest, role: role ?? null };
}

export function planDocument(plan: AccessPlan, model: AccessModel) {
  return {
    database: plan.database,
    model: { file: model.file, sha256: plan.modelHash, mode: model.mode },
    server_version: plan.serverVersion,
    state_hash: plan.stateHash,
    summary: summaryOf(plan),
    statements: plan.statements.map(statementDocument),
    blocked: plan.blocked.map(blockedDocument),
    warnings: [...plan.warnings],
  };
}

function summaryOf({ statements, blocked, unchanged }: AccessPlan) {
  const counted = statements.filter(({ kind }) => kind !== "temporary");
  const effects = counted.map(effectOf);
  const count = (effect: Effect): number => effects.filter((each) => each === effect).length;
  const locks: PlannedStatement["lock"][] = statements.map(({ lock }) => lock).filter((lock) => lock !== "none");
  return {
    add: count("add"),
    change: count("change"),
    revoke: count("revoke"),
    blocked: blocked.length,
    unchanged,
    locks: [...new Set(locks)],
    requires: [...new Set(counted.map(({ requires }) => requires))],
    is_reversible: counted.every(({ inverse }) => inverse !== undefined),
  };
}

export type Effect = "add" | "change" | "revoke";

const EFFECTS: Readonly<Record<string, Effect>> = {
  "create database": "add",
  "create role": "add",
  "create schema": "add",
  "grant role": "add",
  grant: "add",
  "revoke role": "revoke",
  revoke: "revoke",
  drop: "revoke",
  terminate: "revoke",
};

/** Whether a statement adds something, changes it or takes it away. */
export function effectOf({ kind, sql }: { kind: string; sql: string }): Effect {
  const known = EFFECTS[kind];
  if (known) return known;
  if (kind === "default privileges") return /\brevoke\b/i.test(sql.split(/"/)[0] ?? "") ? "revoke" : "add";
  if (kind === "row security" && /^\s*create\b/i.test(sql)) return "add";
  if (kind === "row security" && /^\s*drop\b/i.test(sql)) return "revoke";
  return "change";
}

/** 21 when something is blocked, 20 when there is something to do. */
export function planExitCode({ blocked, statements }: { blocked: readonly unknown[]; statements: readonly unknown[] }) {
  if (blocked.length > 0) return EXIT.unknown;
  return statements.length > 0 ? EXIT.findings : EXIT.ok;
}

export type PlanDocument = ReturnType<typeof planDocument>;

/** Whether a progress event's field is a plan's document; events are untyped. */
export function isPlanDocument(value: unknown): value is PlanDocument {
  return typeof value === "object" && value !== null && "statements" in value && "summary" in value;
}

/** The plan that a document is of, for what renders plans. */
export function planOfDocument(document: PlanDocument): AccessPlan {
  return {
    version: 1,
    modelHash: document.model.sha256,
    database: document.database,
    databaseOid: undefined,
    serverVersion: document.server_version,
    stateHash: document.state_hash,
    unchanged: document.summary.unchanged,
    warnings: document.warnings,
    blocked: document.blocked.map(({ role, ...rest }) => ({ ...rest, role: role ?? undefined })),
    statements: document.statements.map(({ role, inverse, risk_reason, reversible: _, ...rest }) => ({
      ...rest,
      role: role ?? undefined,
      inverse: inverse ?? undefined,
      riskReason: risk_reason ?? undefined,
      passwordOf: rest.kind === "password" ? (role ?? undefined) : undefined,
    })),
  };
}
