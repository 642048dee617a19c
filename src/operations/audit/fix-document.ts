/** A fix plan, and what became of it, as operations give it out. */
import { type FixStep, GROUPS } from "../../audit/fix/plan.ts";
import type { ScriptStep } from "../../audit/fix/script.ts";
import { SEVERITIES } from "../../audit/ratings.ts";
import type { Grade, Score } from "../../audit/report/report.ts";
import { EXIT } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";

const EFFECTS = [
  "at once",
  "after a reload",
  "in new sessions, after a reload",
  "after a restart",
] as const satisfies readonly FixStep["effect"][];
const GRADES = ["A", "B", "C", "D", "F"] as const satisfies readonly Grade[];
const OUTCOMES = ["nothing to do", "planned", "not applied", "applied", "applied, but not cured"] as const;
export type FixOutcome = (typeof OUTCOMES)[number];

function findingSchema(z: ZodNamespace) {
  return z.strictObject({
    check: z.string(),
    title: z.string(),
    severity: z.enum(SEVERITIES),
    object: z.string(),
    fingerprint: z.string(),
  });
}

function stepSchema(z: ZodNamespace) {
  return z.strictObject({
    n: z.int(),
    group: z.enum(GROUPS),
    database: z.string().nullable().meta({ description: "null: the cluster" }),
    cures: z.array(findingSchema(z)),
    sql: z.array(z.string()).meta({ description: "Statements, each without a semicolon" }),
    conf: z.array(z.string()).meta({ description: "The same for postgresql.conf" }),
    lines: z.array(z.string()).meta({ description: "Lines of a file, commands, or advice" }),
    file: z.string().nullable(),
    how: z.string().nullable(),
    effect: z.enum(EFFECTS).nullable().meta({ description: "When the server goes by it; null: when it is done" }),
    risk: z.enum(["low", "medium", "high"]).nullable(),
    risk_reason: z.string().nullable(),
    is_safe: z
      .boolean()
      .meta({ description: "--apply does it: reversible, without dependants, of a risk that was accepted" }),
    by_hand: z.string().nullable().meta({ description: "Why --apply leaves it out" }),
  });
}

function scoreSchema(z: ZodNamespace) {
  return z.strictObject({
    score: z.number().nullable(),
    grade: z.enum(GRADES).nullable(),
    findings: z.int().meta({ description: "That fail" }),
  });
}

export function fixSchema(z: ZodNamespace) {
  const score = scoreSchema(z);
  return z.strictObject({
    database: z.string().nullable().meta({ description: "Where scripts begin; null: no server was asked" }),
    outcome: z.enum(OUTCOMES).meta({ description: "not applied: --dry-run, or nothing of it is safe" }),
    summary: z.strictObject({
      steps: z.int(),
      safe: z.int(),
      by_hand: z.int(),
      findings: z.int(),
      needs_restart: z.boolean(),
    }),
    steps: z.array(stepSchema(z)),
    applied: z.array(z.int()).meta({ description: "Numbers of steps that were done and kept" }),
    failed: z.array(z.strictObject({ n: z.int(), reason: z.string() })),
    before: score,
    after: score.nullable().meta({ description: "Of the second audit; null when nothing was applied" }),
    cured: z.array(findingSchema(z)),
    not_cured: z
      .array(findingSchema(z))
      .meta({ description: "Still there, or not to be seen any more, after their step" }),
    appeared: z.array(findingSchema(z)).meta({ description: "Found by the second audit only" }),
    undo: z.string().nullable().meta({ description: "A script for psql that undoes what was applied" }),
    undo_file: z.string().nullable(),
  });
}

export function stepDocument(step: FixStep, conf: readonly string[]) {
  const { n, group, database, cures, sql, lines, file, effect, risk, riskReason, byHand } = step;
  return {
    n,
    group,
    database: database ?? null,
    cures: [...cures],
    sql: [...sql],
    conf: [...conf],
    lines: [...lines],
    file: file?.name ?? null,
    how: file?.how ?? null,
    effect: effect ?? null,
    risk: risk ?? null,
    risk_reason: riskReason ?? null,
    is_safe: byHand === undefined,
    by_hand: byHand ?? null,
  };
}

export function scoreDocument({ score, grade }: Score, findings: number) {
  return { score: score ?? null, grade: grade ?? null, findings };
}

interface Fixed {
  outcome: string;
  steps: readonly unknown[];
  summary: { safe: number };
  failed: readonly unknown[];
  not_cured: readonly unknown[];
}

/** 23: applied, and something is still there. 21: nothing that is wanted is ours to do. 20: a plan with something in it. */
export function fixExitCode({ outcome, summary, failed, not_cured }: Fixed): number {
  if (failed.length + not_cured.length > 0) return EXIT.unexpectedResult;
  if (outcome === "planned") return EXIT.findings;
  return outcome === "not applied" && summary.safe === 0 ? EXIT.unknown : EXIT.ok;
}

export type StepDocument = ReturnType<typeof stepDocument>;

/** The step that a document is of, for what writes scripts. */
export function scriptStepOf(step: StepDocument): ScriptStep {
  const { database, file, how, effect, risk, risk_reason, ...rest } = step;
  return {
    ...rest,
    database: database ?? undefined,
    file: file === null ? undefined : { name: file, how: how ?? "" },
    effect: effect ?? undefined,
    risk: risk ?? undefined,
    riskReason: risk_reason ?? undefined,
  };
}
