/**
 * Acting on an object: as its owner, as the grantor of an entry, with the right to name it.
 */
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { PrivilegeSet } from "../privileges/privilege.ts";
import type { DraftBook, Touched, Way } from "./draft.ts";
import type { PlanFacts } from "./facts.ts";
import { roleText } from "./naming.ts";
import type { PresentObjects } from "./present.ts";
import type { Rights } from "./required-rights.ts";
import type { Resolver } from "./resolve.ts";

/** What every planner is handed. */
export interface Planning {
  facts: PlanFacts;
  book: DraftBook;
  rights: Rights;
}

export interface GrantPlanning extends Planning {
  present: PresentObjects;
  resolver: Resolver;
  /** What was lent already, by key. */
  lent: Set<string>;
}

/** Objects of one owner and schema that a statement names together. */
export interface Acted {
  owner: string | undefined;
  objects: readonly CatalogObject[];
}

/** The owner's rights, or for grants a grant option that the executor has itself. */
export function wayOfOwner(
  { owner, objects }: Pick<Acted, "owner" | "objects">,
  privileges: PrivilegeSet | undefined,
  { rights, facts, present }: GrantPlanning,
): Way {
  const way = owner === undefined ? superuserOnly(rights) : rights.privilegesOf(owner);
  if (way.isOpen || privileges === undefined) return way;
  const held = facts.closures.inherited(rights.executor);
  const mayPassOn = objects.every((object) =>
    present.list(object).some(({ grantee, grantable }) => held.has(grantee) && (privileges & ~grantable) === 0),
  );
  return mayPassOn ? { isOpen: true, as: undefined, requires: "the grant option (you have it)" } : way;
}

function superuserOnly(rights: Rights): Way {
  return rights.isSuperuser
    ? { isOpen: true, as: undefined, requires: "superuser (you are one)" }
    : { isOpen: false, needs: "a superuser" };
}

/** Only the grantor takes back what it granted, and only while it does not act as the owner by itself. */
export function wayOfGrantor(grantor: string, { owner }: Pick<Acted, "owner">, { rights, facts }: GrantPlanning): Way {
  const role = facts.existing(grantor);
  if (!role) return { isOpen: false, needs: "a superuser; the role that granted it is gone" };
  if (!role.addressable) return { isOpen: false, needs: "a superuser; the grantor's name is not text here" };
  if (role.superuser || (owner !== undefined && facts.closures.inherited(grantor).has(owner))) {
    return { isOpen: false, needs: `a superuser, after ${roleText(grantor)} has lost the rights of the owner` };
  }
  return rights.become(grantor);
}

/** One mention per object, however many statements touch it: a plan may hold millions of such pairs. */
const mentions = new WeakMap<CatalogObject, Touched>();

export function touchedBy(objects: readonly CatalogObject[]): Touched[] {
  return objects.map((object) => {
    let mention = mentions.get(object);
    if (!mention) {
      mention = { about: "object", kind: object.kind, sql: object.sql };
      mentions.set(object, mention);
    }
    return mention;
  });
}
