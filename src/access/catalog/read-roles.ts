/** Rows about roles, their settings and memberships, as the picture has them. */
import { identifierProblem } from "../../pg/identifiers.ts";
import type { TextRow } from "../../pg/session.ts";
import { arrayElements } from "../privileges/acl.ts";
import type { Membership, Role, RoleSetting } from "./snapshot.ts";

type Answers = ReadonlyMap<string, readonly TextRow[]>;

/** Names by oid, as the catalog's text has it. */
export type RoleNames = Map<string, string>;

const MANGLED = "\uFFFD";

/** Roles by name; fills `names`. Two names that decode alike are kept apart by their oids. */
export function readRoles(answers: Answers, names: RoleNames): ReadonlyMap<string, Role> {
  const passwords = new Map((answers.get("passwords") ?? []).map(({ oid, kind }) => [oid, kind]));
  const settings = settingsByRole(answers);
  const roles = new Map<string, Role>();
  for (const row of answers.get("roles") ?? []) {
    const decoded = row.name ?? "";
    const name = roles.has(decoded) ? `${decoded} (oid ${row.oid})` : decoded;
    names.set(row.oid ?? "", name);
    const password = passwordKind(passwords.get(row.oid ?? ""));
    roles.set(name, { ...attributes(row), name, password, settings: settings.get(row.oid ?? "") ?? [] });
  }
  return roles;
}

function attributes(row: TextRow): Omit<Role, "name" | "password" | "settings"> {
  return {
    oid: Number(row.oid),
    superuser: row.superuser === "t",
    inherit: row.inherit === "t",
    createRole: row.create_role === "t",
    createDatabase: row.create_database === "t",
    login: row.login === "t",
    replication: row.replication === "t",
    bypassRowSecurity: row.bypass === "t",
    connectionLimit: Number(row.connections),
    validUntil: row.until ?? undefined,
    comment: row.comment ?? undefined,
    addressable: !(row.name ?? "").includes(MANGLED) && identifierProblem(row.name ?? "") === undefined,
  };
}

function passwordKind(kind: string | null | undefined): Role["password"] {
  return kind === "scram-sha-256" || kind === "md5" || kind === "none" ? kind : "unknown";
}

function settingsByRole(answers: Answers): ReadonlyMap<string, RoleSetting[]> {
  const settings = new Map<string, RoleSetting[]>();
  for (const row of answers.get("settings") ?? []) {
    const role = row.role ?? "";
    settings.set(role, [...(settings.get(role) ?? []), ...readSettings(row)]);
  }
  return settings;
}

/** "name=value" texts; a value may hold the sign itself. Parameters are the same in any case, so theirs is lowered. */
export function readSettings(row: TextRow): RoleSetting[] {
  return arrayElements(row.settings ?? "{}").map((setting) => {
    const sign = setting.indexOf("=");
    return {
      database: row.database ?? undefined,
      name: setting.slice(0, sign).toLowerCase(),
      value: setting.slice(sign + 1),
    };
  });
}

/** Memberships between roles that exist; up to 15 their INHERIT is the member's own. */
export function readMemberships(
  answers: Answers,
  { names, roles }: { names: RoleNames; roles: ReadonlyMap<string, Role> },
): Membership[] {
  return (answers.get("memberships") ?? []).map((row) => {
    const member = names.get(row.member ?? "") ?? "";
    return {
      role: names.get(row.role ?? "") ?? "",
      member,
      grantor: names.get(row.grantor ?? "") ?? row.grantor ?? "",
      admin: row.admin === "t",
      inherit: row.inherit === null ? (roles.get(member)?.inherit ?? false) : row.inherit === "t",
      set: row.set === null || row.set === "t",
    };
  });
}
