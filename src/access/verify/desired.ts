/**
 * What verification needs to know of the model once it is held against a server: who shall have what on which object.
 *
 * It is the picture after an apply, everybody's entries included: those of managed roles as the rules say, those of
 * others as they are.
 */
import { type Acl, PUBLIC } from "../catalog/acl.ts";
import { knownTo, NO_PRIVILEGES, type PrivilegeSet, privilegeSet } from "../catalog/privilege.ts";
import type { CatalogObject, ObjectKind, Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel, AccessRule } from "../model/model.ts";
import { objectMatcher } from "../model/object-pattern.ts";
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

/** Desired state of every governed object, in the snapshot's order. */
export function desiredObjects(
  model: AccessModel,
  snapshot: Snapshot,
  kinds: readonly PrivilegeKind[],
): readonly DesiredObject[] {
  const rules = rulesByPlace(model);
  const owners = ownersByPlace(model);
  return kinds.flatMap((kind) =>
    snapshot.objects[kind.name]
      .filter((object) => object.extension === undefined && (isGoverned(model, object) || isReadDatabase(object, snapshot)))
      .map((object) => {
        const owner = owners.get(placeOf(object))?.findLast(({ matches }) => matches(object))?.owner ?? object.owner;
        return desiredObject({ model, snapshot, kind, object, owner, rules: rules.get(placeOf(object)) ?? [] });
      }),
  );
}

/** The database that was read is always there, because what a role may do in it is probed in any case. */
function isReadDatabase({ kind, oid }: CatalogObject, { databaseOid }: Snapshot): boolean {
  return kind === "database" && oid === databaseOid;
}

/** Whether the model says everything about `object`, or may leave it alone. */
export function isGoverned(model: AccessModel, object: CatalogObject): boolean {
  if (object.kind === "database") return model.governsDatabase && object.name === model.database;
  if (object.kind === "schema") return model.schemas.has(object.name);
  if (object.schema !== undefined) return model.schemas.has(object.schema);
  return model.governed.some((target) => objectMatcher(target)(object));
}

interface PreparedRule {
  rule: AccessRule;
  matches: (object: CatalogObject) => boolean;
}

/** Rules name their schema, so an object is held against those of its place only. */
function rulesByPlace(model: AccessModel): ReadonlyMap<string, readonly PreparedRule[]> {
  return grouped(
    model.rules.map((rule) => ({ rule, matches: objectMatcher(rule.target) })),
    ({ rule }) => place(rule.target.kind, rule.target.schema),
  );
}

function ownersByPlace(model: AccessModel) {
  return grouped(
    model.owners.map(({ target, owner }) => ({ owner, target, matches: objectMatcher(target) })),
    ({ target }) => place(target.kind, target.schema),
  );
}

function placeOf({ kind, schema }: CatalogObject): string {
  return place(kind, schema);
}

function place(kind: ObjectKind, schema: string | undefined): string {
  return `${kind} ${schema ?? ""}`;
}

interface Source {
  model: AccessModel;
  snapshot: Snapshot;
  kind: PrivilegeKind;
  object: CatalogObject;
  owner: string | undefined;
  rules: readonly PreparedRule[];
}

function desiredObject({ model, snapshot, kind, object, owner, rules }: Source): DesiredObject {
  const all = knownTo(privilegeSet(kind.privileges), snapshot.major);
  const matching = rules.filter(({ matches }) => matches(object)).map(({ rule }) => rule);
  const governs = isGoverned(model, object) ? governsGrantee(model, matching, { snapshot, owner }) : () => false;
  const grants = heldBy(object.acl ?? builtIn(kind, object), (grantee) => !governs(grantee) && grantee !== object.owner);
  const columns = new Map<string, Map<string, PrivilegeSet>>();
  for (const [column, acl] of object.columns ?? []) columns.set(column, heldBy(acl, (grantee) => !governs(grantee)));
  // Grants, then revokes, then columns, whatever the order of the file.
  const ordered = [
    ...matching.filter(({ effect, columns: named }) => effect === "grant" && !named),
    ...matching.filter(({ effect, columns: named }) => effect === "revoke" && !named),
    ...matching.filter(({ columns: named }) => named),
  ];
  for (const rule of ordered) {
    const set = rule.privileges === "all" ? all : knownTo(privilegeSet(rule.privileges), snapshot.major) & all;
    if (rule.columns) {
      for (const column of rule.columns) apply(entryOf(columns, column), rule, set);
    } else {
      apply(grants, rule, set);
      // Taking a table's privilege away takes those of its columns with it.
      if (rule.effect === "revoke") for (const held of columns.values()) apply(held, rule, set);
    }
  }
  return { object, owner, grants, columns };
}

function apply(held: Map<string, PrivilegeSet>, { effect, role }: AccessRule, set: PrivilegeSet): void {
  const before = held.get(role) ?? NO_PRIVILEGES;
  held.set(role, effect === "grant" ? before | set : before & ~set);
}

function governsGrantee(
  model: AccessModel,
  rules: readonly AccessRule[],
  { snapshot, owner }: { snapshot: Snapshot; owner: string | undefined },
): (grantee: string) => boolean {
  if (model.mode === "additive") return () => false;
  const speaksOfPublic = rules.some(({ role }) => role === PUBLIC);
  return (grantee) => {
    if (grantee === PUBLIC) return speaksOfPublic || model.mode === "authoritative";
    if (model.roles.has(grantee)) return true;
    if (model.mode !== "authoritative" || grantee === owner) return false;
    const role = snapshot.roles.get(grantee);
    return role !== undefined && !role.superuser && !grantee.startsWith("pg_");
  };
}

function heldBy(acl: Acl, keeps: (grantee: string) => boolean): Map<string, PrivilegeSet> {
  const held = new Map<string, PrivilegeSet>();
  for (const { grantee, privileges } of acl) {
    if (keeps(grantee)) held.set(grantee, (held.get(grantee) ?? NO_PRIVILEGES) | privileges);
  }
  return held;
}

function builtIn(kind: PrivilegeKind, { owner = "" }: CatalogObject): Acl {
  const privileges = privilegeSet(kind.publicByDefault);
  return privileges === NO_PRIVILEGES
    ? []
    : [{ grantee: PUBLIC, grantor: owner, privileges, grantable: NO_PRIVILEGES }];
}

function entryOf<Value>(map: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let entry = map.get(key);
  if (!entry) {
    entry = new Map();
    map.set(key, entry);
  }
  return entry;
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
