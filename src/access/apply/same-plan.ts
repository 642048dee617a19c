/**
 * Whether a plan made now is the plan that was approved, and what is said when it is not.
 *
 * Plans are compared by identity: what they are for, what they were made from, and a digest of what they would run.
 * The words about a statement (reason, risk) decide nothing.
 */
import { createHash } from "node:crypto";
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import type { AccessPlan } from "../plan/plan.ts";

export interface PlanIdentity {
  modelHash: string;
  database: string;
  /** null: the database did not exist. */
  databaseOid: number | null;
  serverVersion: number;
  stateHash: string;
  statementCount: number;
  /** SHA-256 over everything of the statements that decides what happens, hex. */
  statementsHash: string;
}

export function identityOf(plan: AccessPlan): PlanIdentity {
  const { modelHash, database, databaseOid, serverVersion, stateHash, statements } = plan;
  const text = JSON.stringify(
    statements.map(({ sql, stage, database: where, passwordOf }) => [sql, stage, where, passwordOf ?? null]),
  );
  return {
    modelHash,
    database,
    databaseOid: databaseOid ?? null,
    serverVersion,
    stateHash,
    statementCount: statements.length,
    statementsHash: createHash("sha256").update(text).digest("hex"),
  };
}

/** A plan that somebody agreed to, and the one that is made of the same now. */
export interface ComparedPlans {
  approved: PlanIdentity;
  fresh: PlanIdentity;
}

/** Why `fresh` is not the approved plan, as a sentence; undefined when it is. */
export function differenceOf({ approved, fresh }: ComparedPlans): string | undefined {
  if (fresh.modelHash !== approved.modelHash) return "The model's file was changed since.";
  if (fresh.database !== approved.database)
    return `It is for database "${tameLine(approved.database)}", this is "${tameLine(fresh.database)}".`;
  if (fresh.databaseOid !== approved.databaseOid)
    return "The database was made anew since, or it is on another server.";
  if (fresh.serverVersion !== approved.serverVersion) return "The server has another version.";
  if (fresh.stateHash !== approved.stateHash) return "Roles or privileges that it touches were changed meanwhile.";
  if (fresh.statementsHash !== approved.statementsHash)
    return "Its statements are not those that the model calls for here.";
  return undefined;
}

/** Throws ACCESS_PLAN_STALE unless both are the same plan. */
export function requireSamePlan({ approved, fresh }: ComparedPlans): void {
  const reason = differenceOf({ approved, fresh });
  if (reason === undefined) return;
  throw new PgkeepError("ACCESS_PLAN_STALE", "the plan no longer fits what it was made from", {
    detail: `${reason} A plan made now has ${fresh.statementCount} statements, the approved one has ${approved.statementCount}.`,
    hint: "Make the plan again, read it, and apply that one.",
    state: "nothing was changed",
  });
}

/** Up to 8 problems are listed, as everywhere. */
const LISTED = 8;

export function planBlocked({ blocked }: AccessPlan): PgkeepError {
  const lines = blocked
    .slice(0, LISTED)
    .map(({ sql, needs, reason }) => `${tameLine(sql)};   needs ${tameLine(needs)}: ${tameLine(reason)}`);
  const more = blocked.length > LISTED ? [`and ${blocked.length - LISTED} more`] : [];
  const noun = blocked.length === 1 ? "statement" : "statements";
  // Some wait for a word from the person here, not for another person.
  const flags = [...new Set(blocked.map(({ needs }) => needs).filter((needs) => needs.startsWith("--")))];
  const byOthers = blocked.filter(({ needs }) => !needs.startsWith("--"));
  const ways = [
    ...(flags.length > 0 ? [`confirm with ${flags.join(" and ")}`] : []),
    ...(byOthers.length > 0 ? [`have an administrator run ${flags.length > 0 ? "the others" : "them"}`] : []),
  ];
  const hint = `${ways.join(", ")}, or apply the rest with --partial.`;
  return new PgkeepError("ACCESS_BLOCKED", `${blocked.length} ${noun} of the plan cannot be run as it is`, {
    detail: [...lines, ...more].join("\n"),
    hint: hint.charAt(0).toUpperCase() + hint.slice(1),
    state: "nothing was changed",
    data: { blocked },
  });
}
