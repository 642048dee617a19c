/** Roles and memberships of a model's file, and what can be wrong about them. */
import { tameLine } from "../../base/tame.ts";
import type { Located, NamedValue, Written } from "../../config/document-form.ts";
import type { Position, SourceProblems } from "../../config/yaml-source.ts";
import type { MEMBERSHIP_KEYS, ModelDocument, ROLE_KEYS } from "./grammar.ts";
import { settingsOf } from "./granting.ts";
import type { MembershipModel, RoleModel } from "./model.ts";

type WrittenRole = Written<typeof ROLE_KEYS>;
type WrittenOptions = Written<typeof MEMBERSHIP_KEYS>;

export interface BuiltRoles {
  roles: ReadonlyMap<string, RoleModel>;
  memberships: readonly MembershipModel[];
}

export function buildRoles(document: ModelDocument, problems: SourceProblems): BuiltRoles {
  const written = document.roles?.value ?? [];
  const roles = new Map<string, RoleModel>();
  const memberships: WrittenMemberships = new Map();
  for (const role of written) {
    if (isReserved(role, problems)) continue;
    roles.set(role.name, buildRole(role));
    checkRole(role, problems);
    for (const membership of membershipsOf(role)) memberships.set(pairKey(membership.given), membership);
  }
  for (const options of document.membership_options?.value ?? []) setOptions(options, memberships, problems);
  checkMemberships([...memberships.values()], problems);
  return { roles, memberships: [...memberships.values()].map(({ given }) => given) };
}

interface WrittenMembership {
  given: MembershipModel;
  at: Position;
}

type WrittenMemberships = Map<string, WrittenMembership>;

function buildRole({ name, at, value: { value: role } }: NamedValue<WrittenRole>): RoleModel {
  const isAbsent = role.state?.value === "absent";
  return {
    name,
    line: at.line,
    state: isAbsent ? "absent" : "present",
    login: role.login?.value ?? false,
    // Up to PostgreSQL 15 the attribute alone keeps a migrator from using its owner's rights without SET ROLE.
    inherit: role.inherit?.value ?? role.run_as === undefined,
    superuser: role.superuser?.value ?? false,
    createRole: role.createrole?.value ?? false,
    createDatabase: role.createdb?.value ?? false,
    replication: role.replication?.value ?? false,
    bypassRowSecurity: role.bypassrls?.value ?? false,
    connectionLimit: role.connection_limit?.value ?? -1,
    validUntil: role.valid_until?.value,
    comment: role.comment?.value,
    password: role.password?.value,
    runAs: role.run_as?.value,
    settings: settingsOf(role.settings?.value),
    databaseSettings: settingsOf(role.database_settings?.value),
    retirement: isAbsent
      ? {
          reassignTo: role.reassign_to?.value,
          dropOwned: role.drop_owned?.value ?? false,
          terminate: role.terminate?.value ?? false,
        }
      : undefined,
  };
}

/** Names that PostgreSQL keeps for itself. */
function isReserved({ name, at }: NamedValue<WrittenRole>, problems: SourceProblems): boolean {
  if (name === "public") problems.add(at, '"public" means everybody and cannot be a role');
  else if (name.startsWith("pg_"))
    problems.add(at, `"${tameLine(name)}" is a role of PostgreSQL itself and cannot be managed`);
  else if (name === "none") problems.add(at, '"none" cannot be the name of a role');
  else return false;
  return true;
}

const RETIREMENT = ["reassign_to", "drop_owned", "terminate"] as const;
const KEPT_WHEN_ABSENT = new Set<string>(["state", "comment", ...RETIREMENT]);

function checkRole({ name, value: { value: role } }: NamedValue<WrittenRole>, problems: SourceProblems): void {
  if (role.state?.value === "absent") {
    const extra = Object.keys(role).find((key) => !KEPT_WHEN_ABSENT.has(key));
    if (extra) problems.add(role.state.at, `role "${tameLine(name)}" is absent, so "${extra}" says nothing about it`);
  } else {
    for (const key of RETIREMENT) {
      const value = role[key];
      if (value) problems.add(value.at, `"${key}" needs "state: absent"`);
    }
  }
  if (role.password && role.login?.value !== true) {
    problems.add(role.password.at, `role "${tameLine(name)}" has a password and cannot log in; add "login: true"`);
  }
  if (!role.run_as) return;
  if (role.login?.value !== true) {
    problems.add(role.run_as.at, `role "${tameLine(name)}" cannot log in, so "run_as" says nothing; add "login: true"`);
  }
  if (role.settings?.value.some((setting) => setting.name.toLowerCase() === "role")) {
    problems.add(role.run_as.at, '"run_as" and the setting "role" say the same; keep one of them');
  }
}

function membershipsOf({ name: member, value: { value: role } }: NamedValue<WrittenRole>): WrittenMembership[] {
  const given = (role.member_of?.value ?? []).map(({ value, at }) => {
    if (typeof value === "string") return membership({ role: value, member }, {}, at);
    return membership({ role: value.role?.value ?? "", member }, value, at);
  });
  const runAs = role.run_as;
  const isGiven = given.some((each) => each.given.role === runAs?.value);
  if (!runAs || isGiven) return given;
  const { value: target, at } = runAs;
  return [...given, { given: { role: target, member, inherit: false, set: true, admin: false, line: at.line }, at }];
}

function membership(
  { role, member }: { role: string; member: string },
  options: WrittenOptions,
  at: Position,
): WrittenMembership {
  const [inherit, set, admin] = [options.inherit?.value, options.set?.value, options.admin?.value ?? false];
  return { given: { role, member, inherit, set, admin, line: at.line }, at };
}

/** Names may hold "->" themselves, so what counts is which of the readings is a membership of the file. */
function setOptions(
  { name, at, value }: { name: string; at: Position; value: Located<WrittenOptions> },
  memberships: WrittenMemberships,
  problems: SourceProblems,
): void {
  const readings = [...name.matchAll(/->/g)].map(({ index }) => ({
    member: name.slice(0, index).trim(),
    role: name.slice(index + 2).trim(),
  }));
  const known = readings.flatMap((reading) => memberships.get(pairKey(reading)) ?? []);
  const [found] = known;
  if (!found || known.length > 1) {
    const reason = known.length > 1 ? "can be read in two ways" : "is no membership of this file";
    problems.add(at, `"membership_options" names one that ${reason}; write member->role, or options in "member_of"`);
    return;
  }
  const { inherit, set, admin } = value.value;
  const { given } = found;
  found.given = {
    ...given,
    inherit: inherit?.value ?? given.inherit,
    set: set?.value ?? given.set,
    admin: admin?.value ?? given.admin,
  };
}

function pairKey({ member, role }: { member: string; role: string }): string {
  return `${member}\0${role}`;
}

/** pg_database_owner takes part in no membership, and nobody is a member of itself, however far around. */
function checkMemberships(memberships: readonly WrittenMembership[], problems: SourceProblems): void {
  const above = new Map<string, WrittenMembership[]>();
  for (const membership of memberships) {
    const { member, role } = membership.given;
    if (role === "pg_database_owner") {
      problems.add(membership.at, '"pg_database_owner" has the database\'s owner as its only member');
    }
    above.set(member, [...(above.get(member) ?? []), membership]);
  }
  const done = new Set<string>();
  for (const { given } of memberships) findCycle(given.member, { above, done, problems });
}

interface CycleSearch {
  above: ReadonlyMap<string, readonly WrittenMembership[]>;
  /** Roles from which no new cycle can be found. */
  done: Set<string>;
  problems: SourceProblems;
}

/** Walks with a list of its own, because a chain of memberships may be longer than the stack. */
function findCycle(start: string, { above, done, problems }: CycleSearch): void {
  const path: { role: string; next: number }[] = [{ role: start, next: 0 }];
  const onPath = new Set([start]);
  while (!done.has(start)) {
    const here = path.at(-1);
    if (!here) return;
    const edge = above.get(here.role)?.[here.next++];
    if (!edge) {
      done.add(here.role);
      onPath.delete(here.role);
      path.pop();
    } else if (onPath.has(edge.given.role)) {
      const from = path.findIndex(({ role }) => role === edge.given.role);
      const names = [...path.slice(from).map(({ role }) => role), edge.given.role];
      const circle = names.map((name) => `"${tameLine(name)}"`).join(" -> ");
      problems.add(edge.at, `memberships go in a circle: ${circle}`);
    } else if (!done.has(edge.given.role)) {
      onPath.add(edge.given.role);
      path.push({ role: edge.given.role, next: 0 });
    }
  }
}
