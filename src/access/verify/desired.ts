/**
 * Who shall have what on each governed object: the picture after an apply, everybody's entries included. Those of
 * managed roles are as the rules say, those of others as they are.
 */
import type { Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel } from "../model/model.ts";
import { PlanFacts } from "../plan/facts.ts";
import { Resolver, type Wish } from "../plan/resolve.ts";
import { type Acl, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { NO_PRIVILEGES, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";

export interface DesiredObject {
  object: CatalogObject;
  /** The owner after an apply; undefined for parameters. */
  owner: string | undefined;
  /** By grantee; PUBLIC is the empty name. The owner's own are left out. */
  grants: ReadonlyMap<string, PrivilegeSet>;
  /** By column, then grantee. */
  columns: ReadonlyMap<string, ReadonlyMap<string, PrivilegeSet>>;
}

/** Desired state of every governed object and of the database, in the snapshot's order. */
export function desiredObjects(
  model: AccessModel,
  snapshot: Snapshot,
  kinds: readonly PrivilegeKind[],
): readonly DesiredObject[] {
  const resolver = new Resolver(new PlanFacts({ model, snapshot, kinds, options: {} }));
  return kinds.flatMap((kind) => {
    const builtIn = privilegeSet(kind.publicByDefault);
    return snapshot.objects[kind.name].flatMap((object) => {
      if (resolver.isGoverned(object)) return [wished(object, resolver, builtIn)];
      return isReadDatabase(object, snapshot) ? [asItIs(object, builtIn)] : [];
    });
  });
}

/** What a role may do in the database that was read is probed whether the model governs its list or not. */
function isReadDatabase({ kind, oid }: CatalogObject, { databaseOid }: Snapshot): boolean {
  return kind === "database" && oid === databaseOid;
}

function wished(object: CatalogObject, resolver: Resolver, builtIn: PrivilegeSet): DesiredObject {
  const { list, columns: onColumns, otherColumns } = resolver.wish(object);
  const columns = new Map<string, ReadonlyMap<string, PrivilegeSet>>();
  for (const name of new Set([...(onColumns?.keys() ?? []), ...(object.columns?.keys() ?? [])])) {
    const held = heldIn(object.columns?.get(name) ?? []);
    // Taking a table's privilege away takes those of its columns with it.
    for (const [grantee, taken] of list.taken) held.set(grantee, (held.get(grantee) ?? NO_PRIVILEGES) & ~taken);
    columns.set(name, merged(held, onColumns?.get(name) ?? otherColumns));
  }
  const grants = merged(heldBy(object, builtIn), list);
  return { object, owner: resolver.owner(object) ?? object.owner, grants, columns };
}

function asItIs(object: CatalogObject, builtIn: PrivilegeSet): DesiredObject {
  return { object, owner: object.owner, grants: heldBy(object, builtIn), columns: new Map() };
}

/** What a list holds once the wish has come true. */
function merged(present: ReadonlyMap<string, PrivilegeSet>, wish: Wish): Map<string, PrivilegeSet> {
  const grantees = new Set([...present.keys(), ...wish.holdings.keys()]);
  return new Map(
    [...grantees].map((grantee) => {
      const wanted = wish.of(grantee).privileges;
      if (wish.isExact(grantee)) return [grantee, wanted];
      const kept = (present.get(grantee) ?? NO_PRIVILEGES) & ~(wish.taken.get(grantee) ?? NO_PRIVILEGES);
      return [grantee, kept | wanted];
    }),
  );
}

/** The list's entries, the owner's left out; while there is no list, what the server gives to PUBLIC by itself. */
function heldBy({ acl, owner }: CatalogObject, builtIn: PrivilegeSet): Map<string, PrivilegeSet> {
  if (acl === undefined) return new Map(builtIn === NO_PRIVILEGES ? [] : [[PUBLIC, builtIn]]);
  const held = heldIn(acl);
  if (owner !== undefined) held.delete(owner);
  return held;
}

function heldIn(acl: Acl): Map<string, PrivilegeSet> {
  const held = new Map<string, PrivilegeSet>();
  for (const { grantee, privileges } of acl) held.set(grantee, (held.get(grantee) ?? NO_PRIVILEGES) | privileges);
  return held;
}
