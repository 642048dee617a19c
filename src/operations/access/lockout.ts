/**
 * Whether a plan keeps out the role that runs it.
 *
 * Taking CONNECT from PUBLIC is what a model should do, and an administrator that is neither superuser nor named in it
 * cannot come back afterwards, not even to put it right. That is for the person to decide, so it is said and not refused.
 */
import { PUBLIC } from "../../access/catalog/acl.ts";
import type { Snapshot } from "../../access/catalog/snapshot.ts";
import { RoleClosures } from "../../access/effective/closures.ts";
import type { AccessModel, AccessRule } from "../../access/model/model.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import { tameLine } from "../../base/tame.ts";

/** One warning, or none. */
export function lockoutWarnings(plan: AccessPlan, model: AccessModel, snapshot: Snapshot): string[] {
  const { sessionUser, superuser } = snapshot.executor;
  if (superuser || !model.governsDatabase || !isClosing(plan)) return [];
  const keepers = new Set([
    ...model.rules.filter(givesConnect).map(({ role }) => role),
    ...model.owners.filter(({ target }) => target.kind === "database").map(({ owner }) => owner),
  ]);
  const own = new RoleClosures(snapshot).inherited(sessionUser);
  if (keepers.has(PUBLIC) || [...own].some((role) => keepers.has(role))) return [];
  const name = tameLine(sessionUser);
  return [
    `role "${name}", which runs this, could not connect to database "${tameLine(plan.database)}" any more; name it in database_acl.connect`,
  ];
}

/** PUBLIC loses CONNECT, or the database is made and nobody but its owner and the model's roles shall have it. */
function isClosing({ statements }: AccessPlan): boolean {
  return statements.some(
    ({ kind, role, sql }) => kind === "revoke" && role === PUBLIC && /\bconnect\b.* on database /i.test(sql),
  );
}

function givesConnect({ effect, target, privileges }: AccessRule): boolean {
  return effect === "grant" && target.kind === "database" && (privileges === "all" || privileges.includes("connect"));
}
