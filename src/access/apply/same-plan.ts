/** Whether a plan made now is the plan that was approved, and what is said when it is not. */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import type { AccessPlan } from "../plan/plan.ts";

/** Whether both would run the same statements at the same places for the same model. */
export function samePlan(fresh: AccessPlan, approved: AccessPlan): boolean {
  return (
    fresh.modelHash === approved.modelHash &&
    fresh.database === approved.database &&
    fresh.databaseOid === approved.databaseOid &&
    fresh.serverVersion === approved.serverVersion &&
    statementsText(fresh) === statementsText(approved)
  );
}

/** What of a statement decides what happens; the words about it do not. */
function statementsText({ statements }: AccessPlan): string {
  return JSON.stringify(
    statements.map(({ sql, stage, database, passwordOf }) => [sql, stage, database, passwordOf ?? null]),
  );
}

export function planStale(approved: AccessPlan, fresh: AccessPlan): PgkeepError {
  return new PgkeepError("ACCESS_PLAN_STALE", "the plan no longer fits what it was made from", {
    detail: `${reasonOf(approved, fresh)} A plan made now has ${fresh.statements.length} statements, the one given has ${approved.statements.length}.`,
    hint: "Make the plan again, read it, and apply that one.",
    state: "nothing was changed",
  });
}

function reasonOf(approved: AccessPlan, fresh: AccessPlan): string {
  if (fresh.modelHash !== approved.modelHash) return "The model's file was changed since.";
  if (fresh.database !== approved.database)
    return `It is for database "${tameLine(approved.database)}", this is "${tameLine(fresh.database)}".`;
  if (fresh.databaseOid !== approved.databaseOid)
    return "The database was made anew since, or it is on another server.";
  if (fresh.serverVersion !== approved.serverVersion) return "The server has another version.";
  if (fresh.stateHash !== approved.stateHash) return "Roles or privileges that it touches were changed meanwhile.";
  return "Its statements are not those that the model calls for.";
}

/** Up to 8 problems are listed, as everywhere. */
const LISTED = 8;

export function planBlocked({ blocked }: AccessPlan): PgkeepError {
  const lines = blocked
    .slice(0, LISTED)
    .map(({ sql, needs, reason }) => `${tameLine(sql)};   needs ${tameLine(needs)}: ${tameLine(reason)}`);
  const more = blocked.length > LISTED ? [`and ${blocked.length - LISTED} more`] : [];
  const noun = blocked.length === 1 ? "statement" : "statements";
  return new PgkeepError("ACCESS_BLOCKED", `${blocked.length} ${noun} of the plan can only be run by somebody else`, {
    detail: [...lines, ...more].join("\n"),
    hint: "Have an administrator run them, or apply the rest with --partial.",
    state: "nothing was changed",
    data: { blocked },
  });
}
