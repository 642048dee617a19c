/** Roles of a server in the words of a model's file: what differs from a role without any attribute. */

import type { Membership, Role, RoleSetting, Snapshot } from "../catalog/snapshot.ts";
import type { PlainDocument } from "../model/profiles.ts";
import { isIgnoredRole } from "../plan/ignored-roles.ts";
import { oneOrList } from "./held.ts";

/** From this version on a membership has options and grantors. */
const MEMBERSHIP_OPTIONS_SINCE = 16;

type MembershipOptions = Pick<Membership, "admin" | "inherit" | "set">;

/** By name. Roles that are never altered are left out, and those whose name is no UTF-8. */
export function describeRoles(snapshot: Snapshot): Record<string, PlainDocument> {
  const memberships = membershipsByMember(snapshot);
  const roles = [...snapshot.roles.values()]
    .filter((role) => !isIgnoredRole(role) && role.addressable)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(
    roles.map((role) => [role.name, describeRole(role, memberships.get(role.name) ?? new Map(), snapshot)]),
  );
}

function describeRole(
  role: Role,
  memberships: ReadonlyMap<string, MembershipOptions>,
  snapshot: Snapshot,
): PlainDocument {
  const runAs = runAsOf(role, memberships, snapshot);
  const inherits = runAs === undefined;
  const global = role.settings.filter(({ database }) => database === undefined);
  const here = role.settings.filter(({ database }) => database === snapshot.database);
  return {
    login: role.login,
    inherit: role.inherit === inherits ? undefined : role.inherit,
    superuser: role.superuser || undefined,
    createrole: role.createRole || undefined,
    createdb: role.createDatabase || undefined,
    replication: role.replication || undefined,
    bypassrls: role.bypassRowSecurity || undefined,
    connection_limit: role.connectionLimit < 0 ? undefined : role.connectionLimit,
    valid_until: role.validUntil,
    comment: role.comment,
    run_as: runAs,
    member_of: describeMemberships(
      [...memberships].filter(([name]) => name !== runAs),
      snapshot,
    ),
    settings: describeSettings(global.filter(({ name }) => runAs === undefined || name !== "role")),
    database_settings: describeSettings(here),
  };
}

export function describeSettings(settings: readonly RoleSetting[]): PlainDocument | undefined {
  if (settings.length === 0) return undefined;
  return Object.fromEntries(settings.map(({ name, value }) => [name, value]));
}

/**
 * The role that it becomes at login, when the server has exactly what `run_as` stands for; anything else is written
 * as what it is, a setting and a membership.
 */
function runAsOf(
  { login, settings }: Role,
  memberships: ReadonlyMap<string, MembershipOptions>,
  { roles }: Snapshot,
): string | undefined {
  const target = settings.find(({ database, name }) => database === undefined && name === "role")?.value;
  const membership = target === undefined ? undefined : memberships.get(target);
  if (!login || target === undefined || !membership || !roles.has(target)) return undefined;
  return membership.set && !membership.inherit && !membership.admin ? target : undefined;
}

/** Rows that differ in the grantor alone are one membership that can do what any of them can. */
function membershipsByMember({ memberships, roles, major }: Snapshot): Map<string, Map<string, MembershipOptions>> {
  const byMember = new Map<string, Map<string, MembershipOptions>>();
  for (const membership of memberships) {
    if (major >= MEMBERSHIP_OPTIONS_SINCE && isCreatorsOwn(membership, roles)) continue;
    const ofMember = byMember.get(membership.member) ?? new Map<string, MembershipOptions>();
    byMember.set(membership.member, ofMember);
    const before = ofMember.get(membership.role);
    ofMember.set(membership.role, {
      admin: membership.admin || (before?.admin ?? false),
      inherit: membership.inherit || (before?.inherit ?? false),
      set: membership.set || (before?.set ?? false),
    });
  }
  return byMember;
}

/** The row by which a creator keeps control of the role that it made. */
function isCreatorsOwn({ admin, inherit, set, grantor }: Membership, roles: Snapshot["roles"]): boolean {
  return admin && !inherit && !set && roles.get(grantor)?.oid === 10;
}

function describeMemberships(
  memberships: readonly (readonly [string, MembershipOptions])[],
  { major }: Snapshot,
): PlainDocument | undefined {
  if (memberships.length === 0) return undefined;
  return oneOrList(
    memberships.map(([role, { inherit, set, admin }]): PlainDocument => {
      const options = major >= MEMBERSHIP_OPTIONS_SINCE ? { inherit, set } : {};
      const isPlain = Object.keys(options).length === 0 && !admin;
      return isPlain ? role : { role, ...options, admin: admin || undefined };
    }),
  );
}
