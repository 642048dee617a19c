/**
 * Which roles a role has the rights of, and which it can become.
 *
 * Two ways lead along memberships. Inheriting gives the rights of the other role now: up to PostgreSQL 15 the member's
 * own INHERIT decides, from 16 each membership's. SET ROLE changes who one is: up to 15 any chain of memberships allows
 * it, from 16 each hop must. The database's owner is a member of pg_database_owner without a row that says so.
 * Superusers stand outside of this: they have every right whatever the memberships are.
 */
import type { Membership, Snapshot } from "../catalog/snapshot.ts";

/** All memberships of one role in one other, whoever granted them. */
export interface MembershipEdge {
  role: string;
  member: string;
  inherit: boolean;
  set: boolean;
  admin: boolean;
  /** Empty: the owner of the database, implicitly. */
  rows: readonly Membership[];
}

export const DATABASE_OWNER_ROLE = "pg_database_owner";

export class RoleClosures {
  readonly #byMember = new Map<string, MembershipEdge[]>();
  readonly #byRole = new Map<string, MembershipEdge[]>();
  readonly #inherited = new Map<string, ReadonlySet<string>>();
  readonly #becomes = new Map<string, ReadonlySet<string>>();
  readonly #inheritors = new Map<string, ReadonlySet<string>>();
  readonly #acquirers = new Map<string, ReadonlySet<string>>();

  constructor(snapshot: Snapshot) {
    for (const edge of edgesOf(snapshot)) {
      push(this.#byMember, edge.member, edge);
      push(this.#byRole, edge.role, edge);
    }
  }

  /** Memberships that `member` has itself. */
  edgesFrom(member: string): readonly MembershipEdge[] {
    return this.#byMember.get(member) ?? [];
  }

  /** Memberships that others have in `role`. */
  edgesTo(role: string): readonly MembershipEdge[] {
    return this.#byRole.get(role) ?? [];
  }

  /** Roles whose rights `role` has now, itself included. What pg_has_role(role, x, 'usage') says, superusers apart. */
  inherited(role: string): ReadonlySet<string> {
    return remembered(this.#inherited, role, () =>
      reach(role, (at) =>
        this.edgesFrom(at)
          .filter((edge) => edge.inherit)
          .map((edge) => edge.role),
      ),
    );
  }

  /** Roles that `role` can SET ROLE to, itself included, superusers apart. */
  becomes(role: string): ReadonlySet<string> {
    return remembered(this.#becomes, role, () =>
      reach(role, (at) =>
        this.edgesFrom(at)
          .filter((edge) => edge.set)
          .map((edge) => edge.role),
      ),
    );
  }

  /** Roles that have the rights of `role` now, itself included: the other direction of `inherited`. */
  inheritors(role: string): ReadonlySet<string> {
    return remembered(this.#inheritors, role, () =>
      reach(role, (at) =>
        this.edgesTo(at)
          .filter((edge) => edge.inherit)
          .map((edge) => edge.member),
      ),
    );
  }

  /** Roles that have the rights of `role` now or as somebody they can become, itself included. */
  acquirers(role: string): ReadonlySet<string> {
    return remembered(this.#acquirers, role, () => {
      const found = new Set(this.inheritors(role));
      for (const at of found) for (const { set, member } of this.edgesTo(at)) if (set) found.add(member);
      return found;
    });
  }
}

function edgesOf(snapshot: Snapshot): Iterable<MembershipEdge> {
  const edges = new Map<string, MembershipEdge>();
  for (const row of snapshot.memberships) {
    const key = JSON.stringify([row.role, row.member]);
    const known = edges.get(key);
    edges.set(key, {
      role: row.role,
      member: row.member,
      inherit: row.inherit || known?.inherit === true,
      set: row.set || known?.set === true,
      admin: row.admin || known?.admin === true,
      rows: [...(known?.rows ?? []), row],
    });
  }
  return [...edges.values(), ...databaseOwner(snapshot)];
}

function databaseOwner({ major, objects, databaseOid, roles }: Snapshot): MembershipEdge[] {
  const owner = objects.database.find(({ oid }) => oid === databaseOid)?.owner;
  if (owner === undefined || !roles.has(DATABASE_OWNER_ROLE)) return [];
  const inherit = major >= 16 || roles.get(owner)?.inherit === true;
  return [{ role: DATABASE_OWNER_ROLE, member: owner, inherit, set: true, admin: false, rows: [] }];
}

function reach(start: string, next: (at: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set([start]);
  // A set iterates over what is added meanwhile, so this visits every role once.
  for (const at of found) for (const role of next(at)) found.add(role);
  return found;
}

function remembered<V>(memory: Map<string, V>, key: string, compute: () => V): V {
  let value = memory.get(key);
  if (value === undefined) {
    value = compute();
    memory.set(key, value);
  }
  return value;
}

function push<V>(lists: Map<string, V[]>, key: string, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
