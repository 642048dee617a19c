/** Plans against a real server: made from a model's text, run as they stand, and looked at again. */
import { inspect } from "../../src/access/catalog/inspect.ts";
import { readModel } from "../../src/access/model/read.ts";
import { makePlan, type PlanOptions } from "../../src/access/plan/make-plan.ts";
import type { AccessPlan, PlannedStatement } from "../../src/access/plan/plan.ts";
import type { Session } from "../../src/pg/session.ts";

export async function planOf(session: Session, model: string, options: PlanOptions = {}): Promise<AccessPlan> {
  return makePlan(await readModel(model, { file: "access.yaml" }), await inspect(session), options);
}

/** SQL of a plan, one statement each. */
export function sqlOf({ statements }: { statements: readonly PlannedStatement[] }): string[] {
  return statements.map(({ sql }) => sql);
}

/** Runs the statements of one stage in one transaction; passwords are left out. Names the statement that fails. */
export async function runPlan(
  session: Session,
  { statements }: Pick<AccessPlan, "statements">,
  stage: PlannedStatement["stage"] = "main",
): Promise<void> {
  const own = statements.filter((each) => each.stage === stage && each.passwordOf === undefined);
  await session.script("begin; set local search_path = pg_catalog");
  for (const { sql, n } of own) {
    try {
      await session.script(sql);
    } catch (error) {
      await session.script("rollback");
      throw new Error(`statement ${n} failed: ${sql}`, { cause: error });
    }
  }
  await session.script("commit");
}

/** Plans, runs, plans again: what is left, which should be nothing. */
export async function leftAfter(session: Session, model: string, options: PlanOptions = {}): Promise<string[]> {
  const plan = await planOf(session, model, options);
  await runPlan(session, plan);
  const again = await planOf(session, model, options);
  const isPassword = new Set(again.statements.filter(({ passwordOf }) => passwordOf).map(({ sql }) => sql));
  return [
    ...sqlOf(again).filter((sql) => !isPassword.has(sql)),
    ...again.blocked.map(({ sql, needs }) => `blocked: ${sql}: ${needs}`),
  ];
}
