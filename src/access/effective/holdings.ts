/**
 * Which privileges a role holds on an object: the same answer as the server's has_*_privilege functions.
 *
 * Lists repeat (ten thousand tables share a handful), so each distinct list is spread over the roles once and kept. An
 * object without a list has the built-in one of its kind. The predefined roles and the protection of system catalogs
 * come on top, as in the server's aclchk.c.
 */
import type { Snapshot } from "../catalog/snapshot.ts";
import { type Acl, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import { knownTo, NO_PRIVILEGES, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import type { RoleClosures } from "./closures.ts";

/** 12000: relations with lower numbers are catalogs, which only superusers may change. */
const FIRST_UNPINNED_OID = 12_000;

const READ = privilegeSet(["select"]);
const WRITE = privilegeSet(["insert", "update", "delete"]);
const MAINTAIN = privilegeSet(["maintain"]);
const USAGE = privilegeSet(["usage"]);
const CATALOG_PROTECTED = privilegeSet(["insert", "update", "delete", "truncate", "usage"]);

/** What a predefined role gives, on which kinds. */
export const PREDEFINED: readonly { role: string; kinds: readonly ObjectKind[]; gives: PrivilegeSet }[] = [
  { role: "pg_read_all_data", kinds: ["table", "sequence"], gives: READ },
  { role: "pg_write_all_data", kinds: ["table", "sequence"], gives: WRITE },
  { role: "pg_maintain", kinds: ["table"], gives: MAINTAIN },
  { role: "pg_read_all_data", kinds: ["schema"], gives: USAGE },
  { role: "pg_write_all_data", kinds: ["schema"], gives: USAGE },
];

/** A list spread over the roles that have something by it; what PUBLIC has is for everybody. */
interface Spread {
  everybody: PrivilegeSet;
  byRole: ReadonlyMap<string, PrivilegeSet>;
  grantable: ReadonlyMap<string, PrivilegeSet>;
}

export class Holdings {
  readonly #snapshot: Snapshot;
  readonly #closures: RoleClosures;
  readonly #kinds: ReadonlyMap<ObjectKind, PrivilegeKind>;
  readonly #byAcl = new Map<Acl, Spread>();
  readonly #byDefault = new Map<string, Spread>();
  readonly #builtIn = new Map<string, Acl>();

  constructor(snapshot: Snapshot, closures: RoleClosures, kinds: ReadonlyMap<ObjectKind, PrivilegeKind>) {
    this.#snapshot = snapshot;
    this.#closures = closures;
    this.#kinds = kinds;
  }

  /** Everything grantable on objects of that kind here. */
  all(kind: ObjectKind): PrivilegeSet {
    return knownTo(privilegeSet(this.#kinds.get(kind)?.privileges ?? []), this.#snapshot.major);
  }

  /** The object's list, or what stands for it while it has none. */
  aclOf({ kind, acl, owner }: Pick<CatalogObject, "kind" | "acl" | "owner">): Acl {
    if (acl) return acl;
    const key = `${kind} ${owner ?? ""}`;
    let builtIn = this.#builtIn.get(key);
    if (!builtIn) {
      builtIn = this.#defaultAcl(kind, owner);
      this.#builtIn.set(key, builtIn);
    }
    return builtIn;
  }

  /** What `role` may do with `object` without changing roles. PUBLIC is a role here. */
  held(role: string, object: CatalogObject): PrivilegeSet {
    return this.heldBesidePublic(role, object) | this.#protect(this.#spread(object).everybody, object);
  }

  /** What of it `role` would keep if PUBLIC had nothing. */
  heldBesidePublic(role: string, object: CatalogObject): PrivilegeSet {
    if (this.isSuperuser(role)) return this.all(object.kind);
    const listed = this.#spread(object).byRole.get(role) ?? NO_PRIVILEGES;
    return this.#protect(listed | this.#predefined(role, object), object);
  }

  /** What of it `role` may pass on. Owners may pass on everything, whatever their list says. */
  grantable(role: string, object: CatalogObject): PrivilegeSet {
    if (this.isSuperuser(role) || this.owns(role, object)) return this.all(object.kind);
    return this.#spread(object).grantable.get(role) ?? NO_PRIVILEGES;
  }

  /** What the list of `column` alone gives. */
  heldOnColumn(role: string, table: CatalogObject, column: string): PrivilegeSet {
    const acl = table.columns?.get(column);
    if (!acl) return NO_PRIVILEGES;
    const { everybody, byRole } = this.#spreadAcl(acl);
    return everybody | (byRole.get(role) ?? NO_PRIVILEGES);
  }

  /** Roles, besides PUBLIC and superusers, that something about the object is for: owner, grantees, predefined roles. */
  holders(object: CatalogObject): ReadonlySet<string> {
    const { kind, owner, columns } = object;
    const lists = [this.aclOf(object), ...(columns?.values() ?? [])];
    const grantees = lists.flatMap((acl) => acl.map(({ grantee }) => grantee)).filter((grantee) => grantee !== PUBLIC);
    const predefined = PREDEFINED.filter(({ kinds }) => kinds.includes(kind)).map(({ role }) => role);
    return new Set([...grantees, ...predefined, ...(owner === undefined ? [] : [owner])]);
  }

  isSuperuser(role: string): boolean {
    return this.#snapshot.roles.get(role)?.superuser === true;
  }

  /** Whether `role` has the rights of the object's owner. */
  owns(role: string, { owner }: CatalogObject): boolean {
    return owner !== undefined && (this.isSuperuser(role) || this.#closures.inherited(role).has(owner));
  }

  /** Whether it is a table of the server's own that only superusers may change. */
  isProtectedCatalog({ kind, subkind, schema, oid }: CatalogObject): boolean {
    return kind === "table" && subkind !== "view" && (oid < FIRST_UNPINNED_OID || schema === "pg_toast");
  }

  #protect(set: PrivilegeSet, object: CatalogObject): PrivilegeSet {
    return this.isProtectedCatalog(object) ? set & ~CATALOG_PROTECTED : set;
  }

  #predefined(role: string, { kind }: CatalogObject): PrivilegeSet {
    let set = NO_PRIVILEGES;
    const inherited = this.#closures.inherited(role);
    for (const { role: giver, kinds, gives } of PREDEFINED) {
      if (kinds.includes(kind) && inherited.has(giver)) set |= gives;
    }
    return set & this.all(kind);
  }

  #spread(object: CatalogObject): Spread {
    if (object.acl) return this.#spreadAcl(object.acl);
    const key = `${object.kind} ${object.owner ?? ""}`;
    let spread = this.#byDefault.get(key);
    if (!spread) {
      spread = this.#spreadAcl(this.aclOf(object));
      this.#byDefault.set(key, spread);
    }
    return spread;
  }

  #spreadAcl(acl: Acl): Spread {
    let spread = this.#byAcl.get(acl);
    if (!spread) {
      spread = spreadOver(acl, this.#closures);
      this.#byAcl.set(acl, spread);
    }
    return spread;
  }

  #defaultAcl(name: ObjectKind, owner: string | undefined): Acl {
    const kind = this.#kinds.get(name);
    const everybody = privilegeSet(kind?.publicByDefault ?? []);
    const grantor = owner ?? "";
    const own = { grantee: grantor, grantor, privileges: this.#ownerDefault(name), grantable: NO_PRIVILEGES };
    const open = { grantee: PUBLIC, grantor, privileges: everybody, grantable: NO_PRIVILEGES };
    return [...(everybody === NO_PRIVILEGES ? [] : [open]), ...(owner === undefined ? [] : [own])];
  }

  #ownerDefault(name: ObjectKind): PrivilegeSet {
    const named = this.#kinds.get(name)?.ownerByDefault;
    return named ? privilegeSet(named) & this.all(name) : this.all(name);
  }
}

function spreadOver(acl: Acl, closures: RoleClosures): Spread {
  let everybody = NO_PRIVILEGES;
  const byRole = new Map<string, PrivilegeSet>();
  const grantable = new Map<string, PrivilegeSet>();
  for (const entry of acl) {
    if (entry.grantee === PUBLIC) {
      everybody |= entry.privileges;
      continue;
    }
    for (const role of closures.inheritors(entry.grantee)) {
      byRole.set(role, (byRole.get(role) ?? NO_PRIVILEGES) | entry.privileges);
      if (entry.grantable !== 0) grantable.set(role, (grantable.get(role) ?? NO_PRIVILEGES) | entry.grantable);
    }
  }
  return { everybody, byRole, grantable };
}
