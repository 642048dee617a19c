/**
 * What the model promises about one role: the rights that it has by itself, through memberships and from PUBLIC, and so
 * everything that it must not be able to do.
 */
import type { Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel } from "../model/model.ts";
import { SYSTEM_SCHEMA } from "../model/selectors.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject, DefaultAclKind, ObjectKind } from "../privileges/catalog-object.ts";
import { NO_PRIVILEGES, type PrivilegeName, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { type DesiredObject, desiredObjects } from "./desired.ts";
import { desiredGraph, presentGraph, type RoleGraph } from "./role-graph.ts";

/** Everything: more bits than there are privileges. */
const EVERYTHING: PrivilegeSet = 2 ** 30 - 1;

/** What a predefined role gives on every object of a kind, without any list saying so. */
const PREDEFINED: readonly { role: string; kind: ObjectKind; privileges: readonly PrivilegeName[] }[] = [
  { role: "pg_read_all_data", kind: "table", privileges: ["select"] },
  { role: "pg_read_all_data", kind: "sequence", privileges: ["select"] },
  { role: "pg_read_all_data", kind: "schema", privileges: ["usage"] },
  { role: "pg_write_all_data", kind: "table", privileges: ["insert", "update", "delete"] },
  { role: "pg_write_all_data", kind: "sequence", privileges: ["update"] },
  { role: "pg_write_all_data", kind: "schema", privileges: ["usage"] },
  { role: "pg_maintain", kind: "table", privileges: ["maintain"] },
];

export class Expectations {
  readonly model: AccessModel;
  readonly snapshot: Snapshot;
  /** As the model wants memberships to be. */
  readonly wanted: RoleGraph;
  /** As they are. */
  readonly present: RoleGraph;
  readonly objects: readonly DesiredObject[];
  readonly #schemas: ReadonlyMap<string, DesiredObject>;

  constructor(model: AccessModel, snapshot: Snapshot, kinds: readonly PrivilegeKind[]) {
    this.model = model;
    this.snapshot = snapshot;
    this.wanted = desiredGraph(model, snapshot);
    this.present = presentGraph(snapshot);
    this.objects = desiredObjects(model, snapshot, kinds);
    this.#schemas = new Map(
      this.objects.filter(({ object }) => object.kind === "schema").map((schema) => [schema.object.name, schema]),
    );
  }

  /** Whether a missing grant is a promise: in mode additive the model says nothing about what it does not name. */
  get promisesAbsence(): boolean {
    return this.model.mode !== "additive";
  }

  schema(name: string): DesiredObject | undefined {
    return this.#schemas.get(name);
  }

  /** Whether the model lets `role` read that relation of pg_catalog. */
  readsSystem(role: string, relation: string): boolean {
    const select = privilegeSet(["select"]);
    return this.objects.some(
      (desired) =>
        desired.object.kind === "table" &&
        desired.object.schema === SYSTEM_SCHEMA &&
        desired.object.name === relation &&
        (this.privileges(role, desired) & select) !== 0,
    );
  }

  isOwner(role: string, { owner }: DesiredObject): boolean {
    return this.wanted.isSuperuser(role) || (owner !== undefined && this.wanted.actsAs(role).has(owner));
  }

  /** What `role` may do with the object as a whole; nothing while it may not use the object's schema. */
  privileges(role: string, desired: DesiredObject): PrivilegeSet {
    if (this.wanted.isSuperuser(role)) return EVERYTHING;
    return this.#reachesSchema(role, desired) ? this.#ownAndGranted(role, desired) : NO_PRIVILEGES;
  }

  /** What `role` may do with that column, the object's privileges included. */
  columnPrivileges(role: string, desired: DesiredObject, column: string): PrivilegeSet {
    const held = desired.columns.get(column);
    const whole = this.privileges(role, desired);
    if (!held || !this.#reachesSchema(role, desired)) return whole;
    return whole | this.#granted(role, held);
  }

  /** Whether `role` may do it with the whole object, with some columns only, or not at all. */
  extent(role: string, desired: DesiredObject, privilege: PrivilegeName): "all" | "columns" | "none" {
    const bit = privilegeSet([privilege]);
    if ((this.privileges(role, desired) & bit) !== 0) return "all";
    const some = [...desired.columns.keys()].some(
      (column) => (this.columnPrivileges(role, desired, column) & bit) !== 0,
    );
    return some ? "columns" : "none";
  }

  /** Whether `role` may do it with each column that there is now, be it by one right on the object or one by one. */
  grantsEveryColumn(role: string, desired: DesiredObject, privilege: PrivilegeName): boolean {
    const bit = privilegeSet([privilege]);
    const columns = desired.object.columnNames ?? [];
    return columns.every((column) => (this.columnPrivileges(role, desired, column) & bit) !== 0);
  }

  /** What `role` gets on an object that `creator` makes in `schema`. */
  privilegesOnNew(
    role: string,
    { creator, schema, on }: { creator: string; schema: string; on: DefaultAclKind },
  ): { privileges: PrivilegeSet; usesSchema: boolean } {
    const home = this.schema(schema);
    const usesSchema = home !== undefined && (this.privileges(role, home) & privilegeSet(["usage"])) !== 0;
    const acting = this.wanted.actsAs(role);
    if (this.wanted.isSuperuser(role) || acting.has(creator)) return { privileges: EVERYTHING, usesSchema };
    const rules = this.model.defaults.filter(
      (rule) => rule.creator === creator && rule.on === on && (rule.schema === undefined || rule.schema === schema),
    );
    const held = new Map<string, PrivilegeSet>();
    const kept = this.#keptDefaults({ creator, schema, on });
    for (const [grantee, privileges] of kept) held.set(grantee, privileges);
    for (const effect of ["grant", "revoke"] as const) {
      for (const rule of rules.filter((candidate) => candidate.effect === effect)) {
        const set = rule.privileges === "all" ? EVERYTHING : privilegeSet(rule.privileges);
        const before = held.get(rule.role) ?? NO_PRIVILEGES;
        held.set(rule.role, effect === "grant" ? before | set : before & ~set);
      }
    }
    const kind: ObjectKind = on === "tables" ? "table" : on === "sequences" ? "sequence" : "routine";
    return { privileges: this.#granted(role, held) | this.#predefined(role, kind), usesSchema };
  }

  /** Defaults that the model does not speak of: those of others, and what the server gives to PUBLIC by itself. */
  #keptDefaults({ creator, schema, on }: { creator: string; schema: string; on: DefaultAclKind }) {
    const lists = this.snapshot.defaultAcls.filter(
      (list) => list.creator === creator && list.on === on && (list.schema === undefined || list.schema === schema),
    );
    const held = new Map<string, PrivilegeSet>();
    if (on === "routines" && !lists.some((list) => list.schema === undefined))
      held.set(PUBLIC, privilegeSet(["execute"]));
    for (const { acl } of lists) {
      for (const { grantee, privileges } of acl) {
        const isOurs = this.promisesAbsence && this.model.roles.has(grantee);
        if (!isOurs) held.set(grantee, (held.get(grantee) ?? NO_PRIVILEGES) | privileges);
      }
    }
    return held;
  }

  #reachesSchema(role: string, { object }: DesiredObject): boolean {
    // Nobody needs a grant to name what the server brings along.
    if (object.schema === undefined || object.schema === SYSTEM_SCHEMA) return true;
    const home = this.schema(object.schema);
    return home !== undefined && (this.#ownAndGranted(role, home) & privilegeSet(["usage"])) !== 0;
  }

  #ownAndGranted(role: string, desired: DesiredObject): PrivilegeSet {
    if (this.isOwner(role, desired)) return EVERYTHING;
    return this.#granted(role, desired.grants) | this.#predefined(role, desired.object.kind);
  }

  #granted(role: string, held: ReadonlyMap<string, PrivilegeSet>): PrivilegeSet {
    let privileges = held.get(PUBLIC) ?? NO_PRIVILEGES;
    for (const acting of this.wanted.actsAs(role)) privileges |= held.get(acting) ?? NO_PRIVILEGES;
    return privileges;
  }

  #predefined(role: string, kind: ObjectKind): PrivilegeSet {
    const acting = this.wanted.actsAs(role);
    return PREDEFINED.filter((entry) => entry.kind === kind && acting.has(entry.role)).reduce(
      (set, { privileges }) => set | privilegeSet(privileges),
      NO_PRIVILEGES,
    );
  }
}

/** Whether `role` has the rights of the object's owner as the server is now, so that what is tried would happen. */
export function ownsNow({ present }: Expectations, role: string, { owner }: CatalogObject): boolean {
  return present.isSuperuser(role) || (owner !== undefined && present.actsAs(role).has(owner));
}

/** What lists give to `role` now, ownership included; schemas left out. */
export function heldNow(expectations: Expectations, role: string, object: CatalogObject): PrivilegeSet {
  if (ownsNow(expectations, role, object)) return EVERYTHING;
  const acting = expectations.present.actsAs(role);
  return (object.acl ?? []).reduce(
    (set, { grantee, privileges }) => (grantee === PUBLIC || acting.has(grantee) ? set | privileges : set),
    NO_PRIVILEGES,
  );
}
