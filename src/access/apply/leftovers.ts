/**
 * What a role can still do although it was taken from it.
 *
 * A revoke ends one grant. The same privilege may also come from PUBLIC, a membership, ownership, an attribute or a
 * predefined role, and then the database is as the plan said and not as anybody meant. What the model itself gives, through
 * roles that it manages, is meant; everything else is left over and named, with the path that gives it.
 */
import { kindOf } from "../catalog/kinds.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import { type EffectiveAccess, effectiveAccess } from "../effective/effective.ts";
import { explain } from "../effective/explain.ts";
import type { AccessModel } from "../model/model.ts";
import { aclEntryText, PUBLIC, privilegesOf } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { NO_PRIVILEGES, type PrivilegeName, type PrivilegeSet, privilegeNames } from "../privileges/privilege.ts";

export interface Leftover {
  role: string;
  /** `table "app"."orders"`. */
  object: string;
  privilege: PrivilegeName;
  /** Each way that still gives it: "app -> ops (inherit); ops=r/owner". */
  paths: readonly string[];
}

/** 100: more of them have one cause. */
export const MAX_LEFTOVERS = 100;

export interface LeftoverQuestion {
  before: Snapshot;
  after: Snapshot;
  model: AccessModel;
}

/** Every privilege that a role lost between the two looks and still has, at most MAX_LEFTOVERS. */
export async function leftoversOf({ before, after, model }: LeftoverQuestion): Promise<Leftover[]> {
  // A database that the run itself made has lost nothing, and its oids are not those of the one that was looked at.
  if (before.databaseOid !== after.databaseOid) return [];
  const losses = [...lossesBetween({ before, after, model })];
  if (losses.length === 0) return [];
  const access = await effectiveAccess(after);
  const leftovers: Leftover[] = [];
  for (const loss of losses) {
    const left = unmeant(access, loss, model);
    for (const privilege of privilegeNames(left)) {
      if (leftovers.length === MAX_LEFTOVERS) return leftovers;
      leftovers.push(await described(access, loss, privilege));
    }
  }
  return leftovers;
}

interface Loss {
  role: string;
  object: CatalogObject;
  privileges: PrivilegeSet;
}

function* lossesBetween({ before, after, model }: LeftoverQuestion): Generator<Loss> {
  for (const [kind, objects] of Object.entries(after.objects)) {
    const earlier = new Map(
      Object.entries(before.objects)
        .filter(([name]) => name === kind)
        .flatMap(([, list]) => list.map((object) => [object.oid, object] as const)),
    );
    for (const object of objects) {
      const was = earlier.get(object.oid);
      if (was?.acl === undefined || textOf(was) === textOf(object)) continue;
      for (const role of new Set(was.acl.map(({ grantee }) => grantee))) {
        if (role === PUBLIC || !after.roles.has(role) || isBeyondTheModel(role, after, model)) continue;
        const had = privilegesOf(was.acl, role).privileges;
        const has = object.acl ? privilegesOf(object.acl, role).privileges : NO_PRIVILEGES;
        const privileges = had & ~has;
        if (privileges !== NO_PRIVILEGES) yield { role, object, privileges };
      }
    }
  }
}

/** That an administrator who gave away what it owned still may do everything surprises nobody. */
const isBeyondTheModel = (role: string, { roles }: Snapshot, model: AccessModel): boolean =>
  roles.get(role)?.superuser === true && !model.roles.has(role);

const textOf = ({ acl }: CatalogObject): string => acl?.map(aclEntryText).join() ?? "";

function unmeant(access: EffectiveAccess, { role, object, privileges }: Loss, model: AccessModel): PrivilegeSet {
  const left = access.heldAfterSetRole(role, object) & privileges;
  if (left === NO_PRIVILEGES || model.roles.get(role)?.superuser) return NO_PRIVILEGES;
  const acl = access.holdings.aclOf(object);
  let meant: PrivilegeSet = NO_PRIVILEGES;
  for (const holder of [...access.closures.inherited(role), ...access.closures.becomes(role)]) {
    const isManaged = model.roles.has(holder) || model.memberships.some((each) => each.role === holder);
    if (!isManaged) continue;
    if (object.owner === holder) return NO_PRIVILEGES;
    if (holder !== role) meant |= privilegesOf(acl, holder).privileges;
    // A predefined role in the model is there for what it gives.
    if (holder.startsWith("pg_")) meant |= access.held(holder, object);
  }
  if (model.rules.some(({ effect, role: to }) => to === PUBLIC && effect === "grant")) {
    meant |= privilegesOf(acl, PUBLIC).privileges;
  }
  return left & ~meant;
}

async function described(access: EffectiveAccess, { role, object }: Loss, privilege: PrivilegeName): Promise<Leftover> {
  const kind = await kindOf(object.kind);
  const { paths } = explain(access, { role, privilege, object, kind });
  return {
    role,
    object: `${object.kind} ${object.sql}`,
    privilege,
    paths: paths.map(({ steps }) => steps.map(({ text }) => text).join("; ")),
  };
}
