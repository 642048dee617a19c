/**
 * Which roles can act as which others, and what they have by inheritance. Pure, from the rows of pg_auth_members.
 *
 * A session may set its role to any that its login can become, and then has what that role owns, was granted, and
 * inherits. So what one session reaches is the sum over all roles that it can become.
 */
import type { TextRow } from "../../pg/session.ts";

/** Options per membership came with 16; before it every membership could be used, and inherited unless the member said no. */
export function membershipQuery(major: number): string {
  const [inherits, sets] = major >= 16 ? ["a.inherit_option", "a.set_option"] : ["m.rolinherit", "true"];
  return `
  select a.member::text as member, a.roleid::text as role,
         pg_catalog.bool_or(${inherits}) as inherits, pg_catalog.bool_or(${sets}) as sets
    from pg_catalog.pg_auth_members as a
    join pg_catalog.pg_roles as m on m.oid = a.member
   group by a.member, a.roleid`;
}

/** Memberships by oid as text. */
export class Reach {
  readonly #inherited: ReadonlyMap<string, readonly string[]>;
  readonly #settable: ReadonlyMap<string, readonly string[]>;
  readonly #privileges = new Map<string, ReadonlySet<string>>();
  readonly #identities = new Map<string, ReadonlySet<string>>();

  constructor(rows: readonly TextRow[]) {
    this.#inherited = edges(rows.filter(({ inherits }) => inherits === "t"));
    this.#settable = edges(rows.filter(({ sets }) => sets === "t"));
  }

  /** Roles whose privileges `role` has without doing anything, itself among them. */
  privilegesOf(role: string): ReadonlySet<string> {
    return remembered(this.#privileges, role, () => closure(role, this.#inherited));
  }

  /** Roles that a session of `role` can become, itself among them. */
  identitiesOf(role: string): ReadonlySet<string> {
    return remembered(this.#identities, role, () => closure(role, this.#settable));
  }

  canBecome(role: string, others: ReadonlySet<string>): boolean {
    return [...this.identitiesOf(role)].some((identity) => others.has(identity));
  }

  /** Whether a session of `role` has, in one of its identities, one of each list. */
  hasOneOfEach(role: string, lists: readonly ReadonlySet<string>[]): boolean {
    for (const identity of this.identitiesOf(role)) {
      const held = this.privilegesOf(identity);
      if (lists.every((list) => [...held].some((each) => list.has(each)))) return true;
    }
    return false;
  }
}

/** A thousand logins ask for the same few thousand sets. */
function remembered<Value>(known: Map<string, Value>, key: string, find: () => Value): Value {
  const value = known.get(key) ?? find();
  known.set(key, value);
  return value;
}

function edges(rows: readonly TextRow[]): Map<string, string[]> {
  const byMember = new Map<string, string[]>();
  for (const { member, role } of rows) {
    const roles = byMember.get(member ?? "") ?? [];
    roles.push(role ?? "");
    byMember.set(member ?? "", roles);
  }
  return byMember;
}

function closure(start: string, edgesOf: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const seen = new Set([start]);
  for (const role of seen) for (const next of edgesOf.get(role) ?? []) seen.add(next);
  return seen;
}
