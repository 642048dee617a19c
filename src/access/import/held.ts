/**
 * Who has what on an object, as a file would say it: without the owner's own, without roles that nobody here manages,
 * and whoever granted it.
 */
import type { Snapshot } from "../catalog/snapshot.ts";
import { isIgnoredRole } from "../plan/ignored-roles.ts";
import { type Acl, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import {
  NO_PRIVILEGES,
  type PrivilegeName,
  type PrivilegeSet,
  privilegeNames,
  privilegeSet,
} from "../privileges/privilege.ts";

export interface Held {
  privileges: PrivilegeSet;
  /** Those of `privileges` that may be passed on. */
  grantable: PrivilegeSet;
}

export const NOTHING: Held = { privileges: NO_PRIVILEGES, grantable: NO_PRIVILEGES };

/** Answers for one snapshot, remembering lists: most objects share a handful. */
export class Holdings {
  readonly #snapshot: Snapshot;
  readonly #known = new Map<Acl, Map<string, ReadonlyMap<string, Held>>>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** By grantee; PUBLIC is the empty name. `publicByDefault` holds while the object has no list. */
  of(
    { acl, owner }: Pick<CatalogObject, "acl" | "owner">,
    publicByDefault: readonly PrivilegeName[],
  ): ReadonlyMap<string, Held> {
    if (acl) return this.ofList(acl, owner);
    const privileges = privilegeSet(publicByDefault);
    return privileges === NO_PRIVILEGES ? new Map() : new Map([[PUBLIC, { privileges, grantable: NO_PRIVILEGES }]]);
  }

  /** As `of`, for a list that is there. */
  ofList(acl: Acl, owner: string | undefined): ReadonlyMap<string, Held> {
    const byOwner = this.#known.get(acl) ?? new Map<string, ReadonlyMap<string, Held>>();
    this.#known.set(acl, byOwner);
    const known = byOwner.get(owner ?? "");
    if (known) return known;
    const held = new Map<string, Held>();
    for (const { grantee, privileges, grantable } of acl) {
      if (grantee === owner || !this.isDescribed(grantee)) continue;
      const before = held.get(grantee) ?? NOTHING;
      held.set(grantee, {
        privileges: before.privileges | privileges,
        grantable: before.grantable | grantable,
      });
    }
    byOwner.set(owner ?? "", held);
    return held;
  }

  /** Whether a model can speak of the role: PUBLIC, or a role that is there, can be named and is managed by people. */
  isDescribed(grantee: string): boolean {
    if (grantee === PUBLIC) return true;
    const role = this.#snapshot.roles.get(grantee);
    return role?.addressable === true && !isIgnoredRole(role);
  }
}

/** Reading first, then changing, as people list them. */
const FIRST: readonly PrivilegeName[] = ["select", "insert", "update", "delete"];

/** Privileges as the file lists them; `all` when the server has no more of them. */
export function privilegeWords(set: PrivilegeSet, everything: PrivilegeSet): string[] {
  const names = privilegeNames(set);
  if (set === everything && names.length > 3) return ["all"];
  return [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name))];
}

/** A role in a place where PUBLIC may stand. */
export function granteeWord(name: string): string | { role: string } {
  if (name === PUBLIC) return "PUBLIC";
  return name.toLowerCase() === "public" ? { role: name } : name;
}

/** The element alone, or the list. */
export function oneOrList<T>(values: readonly T[]): T | readonly T[] {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : values;
}
