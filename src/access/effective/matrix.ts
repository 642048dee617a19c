/**
 * Roles against objects, one short text per cell.
 *
 * Letters: R read or use, W write, D define, O own. After a letter: `*` may be passed on, `p` everybody has it (PUBLIC),
 * `s` only after SET ROLE, `◐` limited by columns or row level security. `⚑` at the end: a security definer routine that
 * the role may execute runs as somebody who may do more. `?`: cannot be known.
 *
 * Ten thousand objects share few lists, so the cells of one list, owner and schema are made once and shared. Superusers
 * are named and have no cells, and a role that has no more than PUBLIC has none either.
 */
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import {
  NO_PRIVILEGES,
  type PrivilegeName,
  type PrivilegeSet,
  privilegeNames,
  privilegeSet,
} from "../privileges/privilege.ts";
import type { EffectiveAccess } from "./effective.ts";

export interface MatrixCell {
  /** PUBLIC is "". */
  role: string;
  text: string;
  now: readonly PrivilegeName[];
  /** Those that only SET ROLE gives. */
  afterSetRole: readonly PrivilegeName[];
}

export interface MatrixObject {
  object: CatalogObject;
  cells: readonly MatrixCell[];
}

interface Letter {
  letter: "R" | "W" | "D";
  set: PrivilegeSet;
}

const LETTERS: readonly Letter[] = [
  { letter: "R", set: privilegeSet(["select", "usage", "execute", "connect"]) },
  { letter: "W", set: privilegeSet(["insert", "update", "delete", "truncate", "set"]) },
  { letter: "D", set: privilegeSet(["references", "trigger", "maintain", "create", "temporary", "alter system"]) },
];

const FILTERED: readonly PrivilegeName[] = ["select", "insert", "update", "delete"];
const EXECUTE = privilegeSet(["execute"]);

/** The cells of `objects` for `roles`, in the order of `objects`. */
export function accessMatrix(
  access: EffectiveAccess,
  { roles, objects }: { roles: readonly string[]; objects: readonly CatalogObject[] },
): MatrixObject[] {
  const maker = new CellMaker(access, roles);
  return objects.map((object) => ({ object, cells: maker.cellsOf(object) }));
}

class CellMaker {
  readonly #access: EffectiveAccess;
  /** With their places in the order that was asked for. */
  readonly #roles: ReadonlyMap<string, number>;
  /** Roles whose cells do not depend on the object's list alone. */
  readonly #always: readonly string[];
  readonly #lent: LentRights;
  readonly #shared = new Map<unknown, Map<string, readonly MatrixCell[]>>();

  constructor(access: EffectiveAccess, roles: readonly string[]) {
    this.#access = access;
    this.#roles = new Map(roles.map((role, index) => [role, index]));
    this.#lent = new LentRights(access);
    this.#always = roles.filter((role) => role === PUBLIC || isMangled(access, role) || this.#lent.hasAny(role));
  }

  cellsOf(object: CatalogObject): readonly MatrixCell[] {
    const isOwnCase = object.columns !== undefined || object.rowSecurity?.enabled === true;
    if (isOwnCase || this.#access.holdings.isProtectedCatalog(object)) return this.#make(object);
    const alike = this.#shared.get(object.acl) ?? new Map<string, readonly MatrixCell[]>();
    this.#shared.set(object.acl, alike);
    const key = JSON.stringify([object.kind, object.owner, object.schema]);
    const cells = alike.get(key) ?? this.#make(object);
    alike.set(key, cells);
    return cells;
  }

  #make(object: CatalogObject): MatrixCell[] {
    const place = (role: string): number => this.#roles.get(role) ?? 0;
    const roles = [...this.#concerned(object)].sort((a, b) => place(a) - place(b));
    return roles.flatMap((role) => this.#cell(role, object) ?? []);
  }

  /** Everybody who can have more than PUBLIC, which is few of the roles. */
  #concerned(object: CatalogObject): ReadonlySet<string> {
    const { closures, holdings } = this.#access;
    const roles = new Set(this.#always);
    for (const holder of holdings.holders(object)) {
      for (const role of closures.acquirers(holder)) if (this.#roles.has(role)) roles.add(role);
    }
    return roles;
  }

  #cell(role: string, object: CatalogObject): MatrixCell | undefined {
    if (isMangled(this.#access, role)) {
      return { role, text: "?", now: [], afterSetRole: [] };
    }
    const rights = rightsOf(this.#access, role, object);
    const letters = LETTERS.map((letter) => letterText(letter, rights)).join("");
    const text =
      letters + ownText(this.#access, role, object) + (this.#lent.givesMore(role, object, rights) ? "⚑" : "");
    if (text === "" || (role !== PUBLIC && isPublicOnly(rights, text))) return undefined;
    return { role, text, now: privilegeNames(rights.now), afterSetRole: privilegeNames(rights.later) };
  }
}

function isMangled({ snapshot }: EffectiveAccess, role: string): boolean {
  return role !== PUBLIC && snapshot.roles.get(role)?.addressable !== true;
}

/** What one role may do with one object, by what can be said about it. */
interface Rights {
  now: PrivilegeSet;
  later: PrivilegeSet;
  everybody: PrivilegeSet;
  grantable: PrivilegeSet;
  /** On some columns and not on the whole. */
  onColumns: PrivilegeSet;
  /** Those that row level security narrows. */
  filtered: PrivilegeSet;
  /** Those that only PUBLIC gives. */
  byPublic: PrivilegeSet;
}

function rightsOf(access: EffectiveAccess, role: string, object: CatalogObject): Rights {
  const now = access.usable(role, object);
  return {
    now,
    later: access.usableAfterSetRole(role, object) & ~now,
    everybody: access.held(PUBLIC, object),
    grantable: access.holdings.grantable(role, object),
    onColumns: access.reaches(role, object) ? columnRights(access, role, object) & ~now : NO_PRIVILEGES,
    filtered: filteredRights(access, role, object),
    byPublic: role === PUBLIC ? NO_PRIVILEGES : now & ~access.holdings.heldBesidePublic(role, object),
  };
}

function columnRights({ holdings }: EffectiveAccess, role: string, object: CatalogObject): PrivilegeSet {
  let set = NO_PRIVILEGES;
  for (const column of object.columns?.keys() ?? []) set |= holdings.heldOnColumn(role, object, column);
  return set;
}

function filteredRights({ rowSecurity }: EffectiveAccess, role: string, object: CatalogObject): PrivilegeSet {
  if (object.rowSecurity?.enabled !== true) return NO_PRIVILEGES;
  return privilegeSet(FILTERED.filter((privilege) => rowSecurity.limitOf(role, privilege, object).rows !== "all"));
}

function letterText({ letter, set }: Letter, rights: Rights): string {
  const now = rights.now & set;
  const columns = rights.onColumns & set;
  if (now === 0 && columns === 0) return (rights.later & set) === 0 ? "" : `${letter}s`;
  const isLimited = now === 0 || (now & rights.filtered) !== 0;
  const marks = [
    (now & rights.grantable) !== 0 ? "*" : "",
    now !== 0 && (now & ~rights.byPublic) === 0 ? "p" : "",
    isLimited ? "◐" : "",
  ];
  return letter + marks.join("");
}

function ownText({ holdings, closures }: EffectiveAccess, role: string, object: CatalogObject): string {
  if (holdings.owns(role, object)) return "O";
  return [...closures.becomes(role)].some((as) => holdings.owns(as, object)) ? "Os" : "";
}

/** Everything in the cell is what everybody has, so it stands in PUBLIC's own. */
function isPublicOnly({ now, later, everybody, onColumns }: Rights, text: string): boolean {
  return (now & ~everybody) === 0 && later === 0 && onColumns === 0 && !/[O⚑]/.test(text);
}

/** Whose rights a role borrows by executing security definer routines that it may execute. */
class LentRights {
  readonly #access: EffectiveAccess;
  readonly #definers: readonly CatalogObject[];
  readonly #owners = new Map<string, ReadonlySet<string>>();

  constructor(access: EffectiveAccess) {
    this.#access = access;
    this.#definers = access.snapshot.objects.routine.filter(({ securityDefiner }) => securityDefiner === true);
  }

  hasAny(role: string): boolean {
    return this.#ownersFor(role).size > 0;
  }

  givesMore(role: string, object: CatalogObject, { now }: Rights): boolean {
    for (const owner of this.#ownersFor(role)) if ((this.#access.held(owner, object) & ~now) !== 0) return true;
    return false;
  }

  #ownersFor(role: string): ReadonlySet<string> {
    let owners = this.#owners.get(role);
    if (!owners) {
      const inherited = this.#access.closures.inherited(role);
      const callable = this.#definers.filter((routine) => (this.#access.usable(role, routine) & EXECUTE) !== 0);
      owners = new Set(callable.flatMap(({ owner }) => (owner === undefined || inherited.has(owner) ? [] : [owner])));
      this.#owners.set(role, owners);
    }
    return owners;
  }
}

/** Kinds of a matrix when none are named: what applications work with. */
export const USUAL_KINDS: readonly ObjectKind[] = ["schema", "table", "sequence", "routine"];
