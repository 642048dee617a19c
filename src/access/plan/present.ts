/**
 * Objects as they will be once owners are as planned: that is what the steps after it start from.
 *
 * A change of owner rewrites the list, the old owner's name becoming the new one's wherever it stands; what has no list
 * keeps none. The lists of a database repeat, so results are remembered by the list itself.
 */
import { type Acl, type AclEntry, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import { knownTo, privilegeSet } from "../privileges/privilege.ts";
import type { PlanFacts } from "./facts.ts";

export class PresentObjects {
  readonly #facts: PlanFacts;
  readonly #changed = new Map<CatalogObject, CatalogObject>();
  readonly #dropped = new Set<CatalogObject>();
  readonly #made: CatalogObject[] = [];
  readonly #rewritten = new Map<Acl, Map<string, Acl>>();
  readonly #builtIn = new Map<string, Acl>();

  constructor(facts: PlanFacts) {
    this.#facts = facts;
  }

  of(kind: ObjectKind): readonly CatalogObject[] {
    const present = this.#facts.snapshot.objects[kind];
    const made = this.#made.filter((object) => object.kind === kind);
    if (this.#changed.size === 0 && this.#dropped.size === 0 && made.length === 0) return present;
    return [
      ...present.filter((object) => !this.#dropped.has(object)).map((object) => this.#changed.get(object) ?? object),
      ...made,
    ];
  }

  add(object: CatalogObject): void {
    this.#made.push(object);
  }

  drop(object: CatalogObject): void {
    this.#dropped.add(object);
  }

  setOwner(object: CatalogObject, owner: string): void {
    const acl =
      object.acl === undefined || object.owner === undefined
        ? object.acl
        : this.#rewrite(object.acl, object.owner, owner);
    const columns =
      object.columns &&
      new Map([...object.columns].map(([name, list]) => [name, this.#rewrite(list, object.owner ?? "", owner)]));
    this.#changed.set(object, { ...object, owner, acl, columns });
  }

  #rewrite(acl: Acl, from: string, to: string): Acl {
    const byPair = this.#rewritten.get(acl) ?? new Map<string, Acl>();
    this.#rewritten.set(acl, byPair);
    const key = JSON.stringify([from, to]);
    const known = byPair.get(key) ?? renamed(acl, from, to);
    byPair.set(key, known);
    return known;
  }

  /** The list that holds: the object's own, or the built-in defaults of its kind. */
  list({ kind, owner, acl }: Pick<CatalogObject, "kind" | "owner" | "acl">): Acl {
    return acl ?? this.builtIn(kind, owner ?? this.#facts.bootstrap);
  }

  builtIn(kind: ObjectKind, owner: string): Acl {
    const key = JSON.stringify([kind, owner]);
    let acl = this.#builtIn.get(key);
    if (!acl) {
      const { privileges, ownerByDefault, publicByDefault } = this.#facts.kind(kind);
      const own = knownTo(privilegeSet(ownerByDefault ?? privileges), this.#facts.major);
      const everybody = privilegeSet(publicByDefault);
      acl = [
        { grantee: owner, grantor: owner, privileges: own, grantable: 0 },
        { grantee: PUBLIC, grantor: owner, privileges: everybody, grantable: 0 },
      ].filter(({ privileges: some }) => some !== 0);
      this.#builtIn.set(key, acl);
    }
    return acl;
  }
}

/** `acl` with one name for another; entries that become alike are joined. */
function renamed(acl: Acl, from: string, to: string): Acl {
  const entries = new Map<string, AclEntry>();
  const name = (role: string): string => (role === from ? to : role);
  for (const entry of acl) {
    const [grantee, grantor] = [name(entry.grantee), name(entry.grantor)];
    const key = JSON.stringify([grantee, grantor]);
    const known = entries.get(key);
    entries.set(key, {
      grantee,
      grantor,
      privileges: entry.privileges | (known?.privileges ?? 0),
      grantable: entry.grantable | (known?.grantable ?? 0),
    });
  }
  return [...entries.values()];
}
