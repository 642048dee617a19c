/** Roles and memberships as checks outside SQL need them: who is superuser, who is in which role. */
import type { TextRow } from "../pg/session.ts";

export interface AuditedRole {
  name: string;
  isSuperuser: boolean;
  canLogin: boolean;
  isReplication: boolean;
}

/** Cluster-wide; pg_roles and pg_auth_members are readable by everybody. */
export const ROLES = `
  select r.rolname as name, r.rolsuper as superuser, r.rolcanlogin as login, r.rolreplication as replication
    from pg_catalog.pg_roles as r
   order by 1`;

export const MEMBERS = `
  select g.rolname as group, m.rolname as member
    from pg_catalog.pg_auth_members as a
    join pg_catalog.pg_roles as g on g.oid = a.roleid
    join pg_catalog.pg_roles as m on m.oid = a.member`;

export const DATABASES = `
  select d.datname as name from pg_catalog.pg_database as d order by 1`;

export class RoleFacts {
  readonly roles: ReadonlyMap<string, AuditedRole>;
  readonly databases: ReadonlySet<string>;
  readonly #groupsOf: ReadonlyMap<string, ReadonlySet<string>>;

  constructor({ roles, members, databases }: Record<"roles" | "members" | "databases", readonly TextRow[]>) {
    this.roles = new Map(roles.map((row) => [row.name ?? "", roleOf(row)]));
    this.databases = new Set(databases.map(({ name }) => name ?? ""));
    const groupsOf = new Map<string, Set<string>>();
    for (const { group, member } of members) {
      const groups = groupsOf.get(member ?? "") ?? new Set<string>();
      groupsOf.set(member ?? "", groups.add(group ?? ""));
    }
    this.#groupsOf = groupsOf;
  }

  superusers(): readonly AuditedRole[] {
    return [...this.roles.values()].filter(({ isSuperuser }) => isSuperuser);
  }

  /** Whether `role` is `group` or, directly or through others, a member of it: what `+group` in pg_hba.conf means. */
  isMember(role: string, group: string): boolean {
    const seen = new Set<string>([role]);
    const waiting = [role];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next === group) return true;
      for (const above of this.#groupsOf.get(next) ?? []) {
        if (seen.has(above)) continue;
        seen.add(above);
        waiting.push(above);
      }
    }
    return false;
  }
}

function roleOf(row: TextRow): AuditedRole {
  return {
    name: row.name ?? "",
    isSuperuser: row.superuser === "t",
    canLogin: row.login === "t",
    isReplication: row.replication === "t",
  };
}
