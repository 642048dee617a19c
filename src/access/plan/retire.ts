/**
 * Roles that shall be gone: their sessions, what they own, what they were granted, and at last the role.
 *
 * What keeps a role from being dropped lies in every database where it owns something or stands in a list, so the same
 * is done in each, and the role goes when all are done. REASSIGN OWNED gives away, DROP OWNED takes the rest: rights,
 * default privileges, and whatever is still owned, which is therefore listed and must be asked for.
 */
import { ident } from "../../pg/identifiers.ts";
import { revokeMembership } from "../catalog/membership-sql.ts";
import type { Role, RoleDependency } from "../catalog/snapshot.ts";
import type { RoleModel } from "../model/model.ts";
import type { AclEntry } from "../privileges/acl.ts";
import type { GrantPlanning } from "./acting.ts";
import { type Difference, type Draft, STEP, type Touched } from "./draft.ts";
import { isIgnoredRole } from "./ignored-roles.ts";
import { objectText, roleText, textSql } from "./naming.ts";

/** 20 objects are named, the others counted. */
const NAMED = 20;

interface Retiring {
  role: RoleModel;
  reassignTo: string | undefined;
  /** What it owns here, as people read it. */
  owned: readonly string[];
  /** Other databases where it owns something or is named. */
  remote: readonly RoleDependency[];
  planning: GrantPlanning;
}

/** The part that runs before anything else is looked at: what a role that goes gives away is somebody else's by then. */
export function planRetirements(planning: GrantPlanning): void {
  for (const role of planning.facts.model.roles.values()) {
    const existing = planning.facts.existing(role.name);
    if (role.state === "absent" && existing) retire(role, existing, planning);
  }
}

function retire(role: RoleModel, existing: Role, planning: GrantPlanning): void {
  const retiring = retiringOf(role, planning);
  const obstacle = refusalOf(existing, planning) ?? leftBehind(retiring);
  if (obstacle) {
    blockDrop(retiring, obstacle);
    return;
  }
  const { rights } = planning;
  const acting = rights.privilegesOf(role.name);
  const giving = retiring.reassignTo === undefined ? acting : rights.privilegesOf(retiring.reassignTo);
  const dropping = rights.alterRole(role.name);
  for (const way of [acting, giving, dropping]) {
    if (way.isOpen) continue;
    blockDrop(retiring, { needs: way.needs, reason: "the model has it as absent" });
    return;
  }
  planDeparture(retiring, dropping.isOpen ? dropping.requires : "");
}

function retiringOf(role: RoleModel, planning: GrantPlanning): Retiring {
  const { facts } = planning;
  const dependencies = (facts.snapshot.roleDependencies ?? []).filter((each) => each.role === role.name);
  const remote = dependencies.filter(({ database }) => database !== facts.snapshot.database);
  const here = dependencies.find(({ database }) => database === facts.snapshot.database)?.objects ?? 0;
  const objects = ownedBy(role.name, planning);
  const unnamed = here - objects.filter(({ kind }) => !facts.kind(kind).shared).length;
  const owned = [...objects.map(objectText), ...(unnamed > 0 ? [`${unnamed} objects of other kinds`] : [])];
  return { role, reassignTo: role.retirement?.reassignTo, owned, remote, planning };
}

/** Why a role cannot go, and what would have to be otherwise. */
interface Obstacle {
  needs: string;
  reason: string;
}

function refusalOf(existing: Role, { facts, rights }: GrantPlanning): Obstacle | undefined {
  const reason =
    (isIgnoredRole(existing) && "the role belongs to the server or its provider") ||
    (facts.isAdditive && "mode additive takes nothing away") ||
    (existing.name === rights.executor && "it is the role that runs the plan");
  return reason ? { needs: "another mode or role", reason } : undefined;
}

/** What it has must be somebody else's, or be meant to go with it. */
function leftBehind({ role, reassignTo, owned, remote }: Retiring): Obstacle | undefined {
  const isSettled = reassignTo !== undefined || role.retirement?.dropOwned === true;
  if (isSettled || owned.length + remote.length === 0) return undefined;
  const where = remote.map(({ database, objects }) => `${objects} in database "${database}"`);
  return {
    needs: '"reassign_to" or "drop_owned: true" in the model',
    reason: `it owns or is named by: ${[...named(owned), ...where].join(", ")}`,
  };
}

/** Sessions, this database, the others, and at last the role. */
function planDeparture(retiring: Retiring, requires: string): void {
  const { role, reassignTo, remote, planning } = retiring;
  if (reassignTo === undefined) for (const object of ownedBy(role.name, planning)) planning.present.drop(object);
  if (role.retirement?.terminate) endSessions(retiring);
  clearDatabase(retiring, { database: planning.facts.model.database, stage: "main", rank: 10 });
  if (passedOnAsMember(role.name, planning)) leaveOwners(retiring, 10.5);
  for (const [index, { database }] of remote.entries()) {
    clearDatabase(retiring, { database, stage: "after", rank: 100 + index * 10 });
  }
  add(retiring, {
    sql: dropSql(role),
    kind: "drop",
    rank: 100_000,
    stage: remote.length > 0 ? "after" : "main",
    reason: "the model has it as absent; its memberships go with it",
    requires,
    risk: "high",
    riskReason: "nothing brings a role back with its password and memberships",
    differences: [extraRole(role)],
  });
}

function dropSql({ name }: RoleModel): string {
  return `drop role ${ident(name)}`;
}

function ownedBy(role: string, { facts, present }: GrantPlanning) {
  return [...facts.kinds.values()]
    .filter(({ name }) => name !== "parameter")
    .flatMap(({ name }) => present.of(name).filter(({ owner }) => owner === role));
}

function named(owned: readonly string[]): string[] {
  const more = owned.length > NAMED ? [`and ${owned.length - NAMED} more`] : [];
  return [...owned.slice(0, NAMED), ...more];
}

function endSessions(retiring: Retiring): void {
  const name = textSql(retiring.role.name);
  add(retiring, {
    sql: `select pg_catalog.pg_terminate_backend(a.pid) from pg_catalog.pg_stat_activity as a where a.usename = ${name} and a.pid <> pg_catalog.pg_backend_pid()`,
    kind: "terminate",
    rank: 0,
    stage: "main",
    reason: "its sessions would go on although the role is gone",
    requires: "membership in the role or in pg_signal_backend",
    risk: "high",
    riskReason: "transactions of these sessions are rolled back",
    differences: [],
  });
}

/** Whether it granted something, by a grant option, on objects whose owner's rights it has anyway. */
function passedOnAsMember(role: string, { facts, present }: GrantPlanning): boolean {
  const owners = facts.closures.inherited(role);
  const isItsGrant = ({ grantor }: AclEntry): boolean => grantor === role;
  return [...facts.kinds.values()].some(({ name }) =>
    present.of(name).some(({ owner, acl = [], columns }) => {
      if (owner === undefined || owner === role || !owners.has(owner)) return false;
      return acl.some(isItsGrant) || [...(columns?.values() ?? [])].some((list) => list.some(isItsGrant));
    }),
  );
}

/**
 * A member of the owner counts as having every grant option, so DROP OWNED takes its own and leaves what it passed on;
 * then the role cannot be dropped. Without the membership that goes too. REASSIGN OWNED may need it, so it comes after.
 */
function leaveOwners(retiring: Retiring, rank: number): void {
  const { role, planning } = retiring;
  const { snapshot, major } = planning.facts;
  for (const row of snapshot.memberships.filter(({ member }) => member === role.name)) {
    const way = planning.rights.revokeRole(row);
    if (!way.isOpen) continue;
    add(retiring, {
      sql: revokeMembership(row, major),
      kind: "revoke role",
      rank,
      stage: "main",
      reason: `with the rights of ${roleText(row.role)} what it passed on would stay`,
      requires: way.requires,
      risk: "low",
      riskReason: undefined,
      differences: [],
    });
  }
}

interface Clearing {
  database: string;
  stage: "main" | "after";
  rank: number;
}

function clearDatabase(retiring: Retiring, { database, stage, rank }: Clearing): void {
  const { role, reassignTo, owned, planning } = retiring;
  const requires = `privileges of ${roleText(role.name)}`;
  const isHere = database === planning.facts.model.database;
  if (reassignTo !== undefined) {
    add(retiring, {
      sql: `reassign owned by ${ident(role.name)} to ${ident(reassignTo)}`,
      kind: "owner",
      rank,
      stage,
      database,
      reason: `what the role owns goes to ${roleText(reassignTo)}${isHere && owned.length > 0 ? `: ${named(owned).join(", ")}` : ""}`,
      requires: `${requires} and of ${roleText(reassignTo)}`,
      risk: "medium",
      riskReason: "security definer routines and views then run with the new owner's rights",
      lock: "access exclusive",
      differences: [],
    });
  }
  const drops = reassignTo === undefined && (owned.length > 0 || !isHere);
  const dropped = isHere ? named(owned).join(", ") : `everything that it owns in database "${database}"`;
  add(retiring, {
    sql: `drop owned by ${ident(role.name)}`,
    kind: drops ? "drop" : "revoke",
    rank: rank + 1,
    stage,
    database,
    reason: drops
      ? `drops ${dropped}; takes away its privileges and default privileges`
      : "takes away its privileges and default privileges",
    requires,
    risk: drops ? "high" : "medium",
    riskReason: drops ? `drops ${dropped}` : "rights that it passed on go as well",
    lock: drops ? "access exclusive" : "none",
    differences: [],
  });
}

interface Retirement
  extends Pick<
    Draft,
    "sql" | "kind" | "rank" | "stage" | "reason" | "requires" | "risk" | "riskReason" | "database" | "lock"
  > {
  differences: readonly Difference[];
}

function touching({ role, planning }: Retiring): Touched[] {
  const owned = ownedBy(role.name, planning).map(({ kind, sql }): Touched => ({ about: "object", kind, sql }));
  return [{ about: "role", role: role.name }, { about: "memberships", role: role.name }, ...owned];
}

function add(retiring: Retiring, { differences, ...statement }: Retirement): void {
  const { role, planning } = retiring;
  const way = planning.rights.privilegesOf(role.name);
  planning.book.add({
    ...statement,
    step: STEP.retire,
    object: roleText(role.name),
    role: role.name,
    inverse: undefined,
    as: way.isOpen && /^(?:reassign|drop) owned/.test(statement.sql) ? way.as : undefined,
    touches: touching(retiring),
    differences: () => differences,
  });
}

function blockDrop(retiring: Retiring, obstacle: Obstacle): void {
  const { role, planning } = retiring;
  planning.book.block({
    ...obstacle,
    sql: dropSql(role),
    object: roleText(role.name),
    role: role.name,
    touches: touching(retiring),
    differences: () => [extraRole(role)],
  });
}

function extraRole({ name }: RoleModel): Difference {
  return { difference: "extra", what: "role", object: roleText(name), role: name, wanted: undefined, found: "present" };
}
