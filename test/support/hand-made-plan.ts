/** Plans written by hand, for tests of what applies them. */
import { applyPlan } from "../../src/access/apply/apply.ts";
import type { ApplyRequest } from "../../src/access/apply/request.ts";
import type { AccessPlan, PlannedStatement } from "../../src/access/plan/plan.ts";
import type { ProgressEvent } from "../../src/base/operation.ts";
import type { ConnectionSettings } from "../../src/pg/session.ts";
import type { TestCluster } from "./cluster.ts";
import { connectTo } from "./connection.ts";

/** A statement of which a test names only what it is about. */
export function planned(sql: string, parts: Partial<PlannedStatement> = {}): Omit<PlannedStatement, "n"> {
  return {
    sql,
    kind: "grant",
    object: "object",
    role: undefined,
    reason: "the test wants it",
    requires: "superuser",
    lock: "none",
    inverse: undefined,
    risk: "low",
    riskReason: undefined,
    stage: "main",
    database: "postgres",
    passwordOf: undefined,
    ...parts,
  };
}

export function planOf(
  database: string,
  statements: readonly Omit<PlannedStatement, "n">[],
  parts: Partial<AccessPlan> = {},
): AccessPlan {
  return {
    version: 1,
    modelHash: "model",
    database,
    databaseOid: 1,
    serverVersion: 1,
    statements: statements.map((statement, index) => ({ n: index + 1, ...statement })),
    blocked: [],
    unchanged: 0,
    warnings: [],
    stateHash: "state",
    ...parts,
  };
}

export interface HandMade {
  cluster: TestCluster;
  plan: AccessPlan;
  /** What planning again gives after the statements; default: nothing left. */
  left?: AccessPlan;
  /** What planning again gives before them; default: the plan itself. */
  fresh?: () => AccessPlan;
  as?: Partial<ConnectionSettings>;
  changes?: Partial<ApplyRequest>;
}

/** Applies a plan of which the test says what looking again finds. */
export async function applying({ cluster, plan, left, fresh = () => plan, as = {}, changes = {} }: HandMade) {
  const events: ProgressEvent[] = [];
  let looks = 0;
  const report = await applyPlan({
    plan,
    approval: "plan",
    open: (database = plan.database) => connectTo(cluster, { ...as, database }),
    maintenanceDatabase: "postgres",
    replan: async (session) => {
      await session.query("select 1");
      looks += 1;
      return looks % 2 === 1 ? fresh() : (left ?? { ...plan, statements: [] });
    },
    passwords: new Map(),
    signal: new AbortController().signal,
    report: (event) => events.push(event),
    ...changes,
  });
  return { report, events };
}
