/**
 * Who may do what, as documents: what psql shows with \du, \drg, \dp, \ddp, \l and \dn+, in words, and beside it what
 * those leave to the reader: built-in defaults spelled out, the way by which a role is superuser, creators whose new objects nobody gets.
 *
 * Everything is sorted by name, so two reports of one state are equal text and a version control system shows what changed.
 */
import type { DefaultAcl, Policy, Role, Snapshot } from "../catalog/snapshot.ts";
import { type Acl, aclEntryText, PUBLIC } from "../privileges/acl.ts";
import { type CatalogObject, OBJECT_KINDS, type ObjectKind } from "../privileges/catalog-object.ts";
import { type PrivilegeName, privilegeNames, privilegeSet } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { type MatrixRow, schemaMatrix } from "./matrix.ts";
import { privilegeWords } from "./words.ts";

export interface AccessReport {
  roles: RoleReport[];
  databases: ObjectReport[];
  schemas: ObjectReport[];
  /** Everything else that carries privileges: tables first, then by kind. */
  objects: ObjectReport[];
  defaults: DefaultReport[];
  /** Who may create in a schema without its objects being given to anybody, though those of others are. */
  creators_not_covered: { schema: string; creator: string }[];
  matrix: MatrixRow[];
  /** What this executor may not see. */
  unreadable: string[];
}

export interface RoleReport {
  role: string;
  attributes: string[];
  connection_limit: number | null;
  valid_until: string | null;
  password: Role["password"];
  settings: { database: string | null; name: string; value: string }[];
  member_of: { role: string; inherit: boolean; set: boolean; admin: boolean; granted_by: string }[];
  /** "app -> ops (inherit) -> postgres (set)", when it is or can become one. */
  superuser_by: string | null;
  comment: string | null;
}

export interface Grant {
  /** "PUBLIC" for everybody. */
  role: string;
  privileges: PrivilegeName[];
  /** The same for people: "read", "write". */
  may: string[];
  grantable: PrivilegeName[];
  granted_by: string | null;
}

export interface ObjectReport {
  kind: string;
  schema: string | null;
  name: string;
  owner: string | null;
  grants: Grant[];
  /** True: no list is stored, the built-in defaults hold. */
  is_default: boolean;
  columns: { column: string; grants: Grant[] }[];
  row_security: { enabled: boolean; forced: boolean } | null;
  policies: {
    name: string;
    command: string;
    permissive: boolean;
    roles: string[];
    using: string | null;
    check: string | null;
  }[];
  /** Runs with its owner's rights. */
  runs_as_owner: boolean;
  extension: string | null;
  /** The stored list as psql shows it. */
  acl: string[] | null;
}

export interface DefaultReport {
  creator: string;
  schema: string | null;
  on: string;
  grants: Grant[];
  meaning: string;
}

/** The whole report. `kinds` tell what holds while no list is stored. */
export function accessReport(snapshot: Snapshot, kinds: readonly PrivilegeKind[]): AccessReport {
  const kindOf = new Map(kinds.map((kind) => [kind.name, kind]));
  const policies = policiesByTable(snapshot.policies);
  const report = (object: CatalogObject): ObjectReport => objectReport(object, { kindOf, policies });
  const { database, schema } = snapshot.objects;
  const others = OBJECT_KINDS.filter((kind) => kind !== "database" && kind !== "schema");
  return {
    roles: [...snapshot.roles.values()].map((role) => roleReport(role, snapshot)).sort(by(({ role }) => role)),
    databases: database.map(report).sort(by(({ name }) => name)),
    schemas: schema.map(report).sort(by(({ name }) => name)),
    objects: others.flatMap((kind) =>
      snapshot.objects[kind].map(report).sort(by(({ schema: of, name }) => `${of ?? ""}\0${name}`)),
    ),
    defaults: snapshot.defaultAcls
      .map(defaultReport)
      .sort(by((one) => `${one.creator}\0${one.schema ?? ""}\0${one.on}`)),
    creators_not_covered: creatorsNotCovered(snapshot),
    matrix: schemaMatrix(snapshot),
    unreadable: [...snapshot.unreadable],
  };
}

function by<Item>(key: (item: Item) => string): (first: Item, second: Item) => number {
  return (first, second) => {
    const [one, other] = [key(first), key(second)];
    return one < other ? -1 : one > other ? 1 : 0;
  };
}

function roleReport(role: Role, snapshot: Snapshot): RoleReport {
  return {
    role: role.name,
    attributes: attributesOf(role),
    connection_limit: role.connectionLimit === -1 ? null : role.connectionLimit,
    valid_until: role.validUntil ?? null,
    password: role.password,
    settings: role.settings.map(({ database, name, value }) => ({ database: database ?? null, name, value })),
    member_of: snapshot.memberships
      .filter(({ member }) => member === role.name)
      .map(({ role: of, inherit, set, admin, grantor }) => ({ role: of, inherit, set, admin, granted_by: grantor }))
      .sort(by(({ role: of, granted_by }) => `${of}\0${granted_by}`)),
    superuser_by: superuserPath(role, snapshot),
    comment: role.comment ?? null,
  };
}

/** What a role has beyond the ordinary. */
export function attributesOf(role: Role): string[] {
  const attributes: [string, boolean][] = [
    ["superuser", role.superuser],
    ["login", role.login],
    ["create role", role.createRole],
    ["create database", role.createDatabase],
    ["replication", role.replication],
    ["bypass row security", role.bypassRowSecurity],
    ["no inherit", !role.inherit],
  ];
  return attributes.filter(([, has]) => has).map(([name]) => name);
}

/** The shortest chain of memberships by which the role acts as a superuser. */
function superuserPath(role: Role, { roles, memberships }: Snapshot): string | null {
  if (role.superuser) return `${role.name} is superuser`;
  const reached = new Map<string, string>([[role.name, role.name]]);
  for (const [name, text] of reached) {
    if (roles.get(name)?.superuser) return text;
    for (const membership of memberships) {
      if (membership.member !== name || !membership.set || reached.has(membership.role)) continue;
      reached.set(membership.role, `${text} -> ${membership.role} (set)`);
    }
  }
  return null;
}

interface ObjectContext {
  kindOf: ReadonlyMap<ObjectKind, PrivilegeKind>;
  policies: ReadonlyMap<string, readonly Policy[]>;
}

function objectReport(object: CatalogObject, { kindOf, policies }: ObjectContext): ObjectReport {
  return {
    kind: object.subkind ?? object.kind.replaceAll("-", " "),
    schema: object.schema ?? null,
    name: object.name,
    owner: object.owner ?? null,
    grants: object.acl ? grantsOf(object.acl) : builtInGrants(object, kindOf.get(object.kind)),
    is_default: object.acl === undefined,
    columns: [...(object.columns ?? [])].map(([column, acl]) => ({ column, grants: grantsOf(acl) })),
    row_security: object.rowSecurity?.enabled || object.rowSecurity?.forced ? { ...object.rowSecurity } : null,
    policies:
      object.kind === "table" ? (policies.get(tableKey(object.schema ?? "", object.name)) ?? []).map(policyReport) : [],
    runs_as_owner: object.securityDefiner === true,
    extension: object.extension ?? null,
    acl: object.acl ? object.acl.map(aclEntryText) : null,
  };
}

function grantsOf(acl: Acl): Grant[] {
  return acl
    .map(({ grantee, grantor, privileges, grantable }) => ({
      role: nameOf(grantee),
      privileges: privilegeNames(privileges),
      may: privilegeWords(privileges),
      grantable: privilegeNames(grantable),
      granted_by: grantor,
    }))
    .sort(by(({ role, granted_by }) => `${role}\0${granted_by}`));
}

/** PUBLIC in capitals: no role shown is called so by accident, names of roles keep their case and are quoted. */
const nameOf = (grantee: string): string => (grantee === PUBLIC ? "PUBLIC" : grantee);

function builtInGrants({ owner }: CatalogObject, kind: PrivilegeKind | undefined): Grant[] {
  const grant = (role: string, privileges: readonly PrivilegeName[]): Grant => ({
    role,
    privileges: [...privileges],
    may: privilegeWords(privilegeSet(privileges)),
    grantable: [],
    granted_by: null,
  });
  const toPublic = kind?.publicByDefault ?? [];
  const toOwner = kind?.ownerByDefault ?? kind?.privileges ?? [];
  return [
    ...(toPublic.length > 0 ? [grant("PUBLIC", toPublic)] : []),
    ...(owner !== undefined && toOwner.length > 0 ? [grant(owner, toOwner)] : []),
  ];
}

const tableKey = (schema: string, table: string): string => `${schema}\0${table}`;

function policiesByTable(policies: readonly Policy[]): Map<string, Policy[]> {
  const grouped = new Map<string, Policy[]>();
  for (const policy of policies) {
    const key = tableKey(policy.schema, policy.table);
    const same = grouped.get(key) ?? [];
    same.push(policy);
    grouped.set(key, same);
  }
  return grouped;
}

function policyReport({ name, command, permissive, roles, using, check }: Policy): ObjectReport["policies"][number] {
  return { name, command, permissive, roles: roles.map(nameOf), using: using ?? null, check: check ?? null };
}

function defaultReport({ creator, schema, on, acl }: DefaultAcl): DefaultReport {
  const where = schema === undefined ? "anywhere in this database" : `in schema ${schema}`;
  return {
    creator,
    schema: schema ?? null,
    on: on.replaceAll("_", " "),
    grants: grantsOf(acl),
    meaning: `applies to ${on.replaceAll("_", " ")} that ${creator} will create ${where}`,
  };
}

/** In schemas where default privileges exist: who else may create there. */
function creatorsNotCovered({ objects, defaultAcls, roles }: Snapshot): AccessReport["creators_not_covered"] {
  const create = privilegeSet(["create"]);
  return objects.schema
    .flatMap((schema) => {
      const covered = new Set(defaultAcls.filter((one) => one.schema === schema.name).map(({ creator }) => creator));
      if (covered.size === 0) return [];
      const everywhere = defaultAcls.filter((one) => one.schema === undefined).map(({ creator }) => creator);
      const listed = (schema.acl ?? [])
        .filter(({ privileges }) => (privileges & create) !== 0)
        .map(({ grantee }) => grantee);
      const creators = new Set([...listed, ...(schema.owner === undefined ? [] : [schema.owner])]);
      return [...creators]
        .filter((role) => !covered.has(role) && !everywhere.includes(role) && roles.get(role)?.superuser !== true)
        .map((role) => ({ schema: schema.name, creator: nameOf(role) }));
    })
    .sort(by(({ schema, creator }) => `${schema}\0${creator}`));
}
