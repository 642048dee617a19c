/** What all planners look at: model, picture of the server, and the questions about both that several of them ask. */
import { BOOTSTRAP_OID, type Role, type Snapshot } from "../catalog/snapshot.ts";
import { RoleClosures } from "../effective/closures.ts";
import type { AccessModel, RoleModel } from "../model/model.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { ObjectKind } from "../privileges/catalog-object.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { isIgnoredName, isIgnoredRole } from "./ignored-roles.ts";

export interface PlanOptions {
  /** Also change owners of security definer routines and of views, which changes whose rights they run with. */
  includeDefiner?: boolean | undefined;
  /** Also revoke what unmanaged roles were granted through a grant option that is taken away. */
  cascade?: boolean | undefined;
  /** Roles whose password is to be set. undefined: those without one, and with `rotate` all of the model. */
  setPasswords?: ReadonlySet<string> | undefined;
  rotate?: boolean | undefined;
  /** Why something is taken away, in place of "the model does not grant it". */
  reason?: string | undefined;
}

export interface PlanSources {
  model: AccessModel;
  snapshot: Snapshot;
  kinds: readonly PrivilegeKind[];
  options: PlanOptions;
}

export class PlanFacts {
  readonly model: AccessModel;
  readonly snapshot: Snapshot;
  readonly options: PlanOptions;
  readonly kinds: ReadonlyMap<ObjectKind, PrivilegeKind>;
  readonly closures: RoleClosures;
  /** Name of the superuser that initdb made. */
  readonly bootstrap: string;

  constructor({ model, snapshot, kinds, options }: PlanSources) {
    this.model = model;
    this.snapshot = snapshot;
    this.options = options;
    this.kinds = new Map(kinds.map((kind) => [kind.name, kind]));
    this.closures = new RoleClosures(snapshot);
    this.bootstrap = [...snapshot.roles.values()].find(({ oid }) => oid === BOOTSTRAP_OID)?.name ?? "postgres";
  }

  get major(): number {
    return this.snapshot.major;
  }

  get isAdditive(): boolean {
    return this.model.mode === "additive";
  }

  kind(name: ObjectKind): PrivilegeKind {
    const kind = this.kinds.get(name);
    if (!kind) throw new TypeError(`no kind of object "${name}"`);
    return kind;
  }

  /** A role of the model that shall exist. */
  managed(name: string): RoleModel | undefined {
    const role = this.model.roles.get(name);
    return role?.state === "present" && !isIgnoredName(name) ? role : undefined;
  }

  /** A role of the model that shall not exist, and does. */
  isRetiring(name: string): boolean {
    return this.model.roles.get(name)?.state === "absent" && this.snapshot.roles.has(name);
  }

  existing(name: string): Role | undefined {
    return this.snapshot.roles.get(name);
  }

  /** Whether a statement may name it: it is there, or the plan makes it, or it is PUBLIC. */
  willExist(name: string): boolean {
    return (
      name === PUBLIC ||
      this.managed(name) !== undefined ||
      (this.existing(name) !== undefined && !this.isRetiring(name))
    );
  }

  /** Whether a statement that names the role is sure to mean it and no other. */
  isAddressable(name: string): boolean {
    return this.existing(name)?.addressable !== false;
  }

  isSuperuser(name: string): boolean {
    return this.managed(name)?.superuser ?? this.existing(name)?.superuser ?? false;
  }

  /** Whether the rules say everything that `name` has; PUBLIC is decided rule by rule. */
  isExact(name: string): boolean {
    if (this.isAdditive || name === PUBLIC || this.isRetiring(name)) return false;
    if (this.managed(name)) return true;
    if (this.model.mode !== "authoritative") return false;
    const role = this.existing(name);
    return role?.addressable === true && !role.superuser && !isIgnoredRole(role);
  }
}
