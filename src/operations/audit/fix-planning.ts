/**
 * The plan of `audit fix`: settings by what is in force now, privileges by what the access planner says of each database.
 *
 * A step that the planner cannot do as a whole is left to people, with its reason; the plan of a database holds the rest.
 */
import { inspectFor } from "../../access/plan/inspect-for.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import {
  planRevocations,
  type RevocationFate,
  type RevocationRequest,
  revocationTargets,
} from "../../access/plan/revocations.ts";
import { actingStatements, statementsBy } from "../../audit/fix/acting.ts";
import { readFixFacts } from "../../audit/fix/apply-settings.ts";
import { enterFixSession } from "../../audit/fix/fix-session.ts";
import { type FixStep, fixSteps, NO_FACTS, settingsOf } from "../../audit/fix/plan.ts";
import type { Consent } from "../../audit/fix/safe.ts";
import type { AuditReport } from "../../audit/report/report.ts";
import type { Session } from "../../pg/session.ts";
import type { Server } from "../server/connect.ts";

const REASON = "an audit finding asks for it";

/** The steps, and for each database the plan that takes privileges away. */
export interface FixPlan {
  database: string | undefined;
  steps: readonly FixStep[];
  revocations: readonly DatabaseRevocations[];
}

interface Request extends RevocationRequest {
  /** Number of its step. */
  n: number;
}

export interface DatabaseRevocations {
  database: string;
  requests: readonly Request[];
  plan: AccessPlan;
}

export async function fixPlanOf(report: AuditReport, server: Server | undefined, consent: Consent): Promise<FixPlan> {
  if (!server) return { database: undefined, steps: fixSteps(report, NO_FACTS, consent), revocations: [] };
  const database = server.connection.database;
  const facts = await withSession(server, database, (session) => readFixFacts(session, settingsOf(report)));
  const steps = [...fixSteps(report, facts, consent)];
  const revocations: DatabaseRevocations[] = [];
  for (const [name, some] of revokesByDatabase(steps, database)) {
    const { requests, plan, changes } = await withSession(server, name, (session) => planFor(session, some));
    for (const [index, step] of steps.entries()) steps[index] = { ...step, ...changes.get(step.n) };
    if (requests.length > 0) revocations.push({ database: name, requests, plan });
  }
  return { database, steps, revocations };
}

function revokesByDatabase(steps: readonly FixStep[], database: string): Map<string, Request[]> {
  const byDatabase = new Map<string, Request[]>();
  for (const { n, revoke, database: own = database, byHand } of steps) {
    if (!revoke || byHand !== undefined) continue;
    const { on: kind, object, privileges, columns, from: role, grantOptionOnly: optionOnly, sql } = revoke;
    const some = byDatabase.get(own) ?? [];
    byDatabase.set(own, some);
    some.push({ n, kind, object, privileges, columns, role, optionOnly, sql });
  }
  return byDatabase;
}

/** What can be done here as a whole, with its statements, and why the rest cannot. */
async function planFor(session: Session, requests: readonly Request[]) {
  const snapshot = await inspectFor(revocationTargets(requests), session);
  const { fates } = await planRevocations(requests, snapshot, REASON);
  const changes = new Map([...fates].map(([request, fate]) => [request.n, changeBy(request, fate)]));
  const open = requests.filter(({ n }) => changes.get(n)?.byHand === undefined);
  const { plan } = await planRevocations(open, snapshot, REASON);
  return { requests: open, plan, changes };
}

/** What a step becomes when the planner has looked at it. */
function changeBy({ sql }: Request, fate: RevocationFate): Pick<FixStep, "sql" | "byHand"> {
  switch (fate.fate) {
    case "planned":
      // REVOKE takes what the acting role granted, so a script has to become each of them.
      return { sql: statementsBy(fate.actors, sql), byHand: undefined };
    case "blocked":
      return { sql: actingStatements(fate.sql), byHand: `it needs ${fate.needs}: ${fate.reason}` };
    case "nothing to do":
      return { sql: actingStatements(sql), byHand: "the planner finds nothing to take away there" };
  }
}

/** The same plan from another look, for the transaction that applies it. */
export async function revocationsOf(session: Session, requests: readonly Request[]): Promise<AccessPlan> {
  const snapshot = await inspectFor(revocationTargets(requests), session);
  return (await planRevocations(requests, snapshot, REASON)).plan;
}

export async function withSession<Result>(
  server: Server,
  database: string,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  await using session = await enterFixSession(server.open, database);
  return await work(session);
}
