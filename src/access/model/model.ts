/**
 * What an access model asks for, after reading: roles, and rules about objects.
 *
 * The file has many convenient forms (profiles, grants per schema, exceptions). Reading turns all of them into the few
 * below, so that planning knows rules only. A rule names objects by pattern, because which objects exist is known
 * only when a server is looked at: rules are resolved against a snapshot, grants first, then revokes, then columns.
 */
import type { DefaultAclKind, ObjectKind, ObjectSubkind } from "../privileges/catalog-object.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";

/**
 * additive: never takes anything away nor changes an existing role. adopt: the roles of the file within the schemas of
 * the file are as written, all else is left alone. authoritative: within those schemas nobody else has anything.
 */
export type AccessMode = "additive" | "adopt" | "authoritative";

export interface AccessModel {
  /** Where it was read, for messages. */
  file: string;
  /** SHA-256 of the file's bytes, hex. */
  hash: string;
  database: string;
  mode: AccessMode;
  /** The profile that it was written with; risks of that profile are named in plans. */
  profile: "guide-001" | "three-tier" | undefined;
  /** Whether a deploy beside this file verifies it before it commits. */
  gate: boolean;
  roles: ReadonlyMap<string, RoleModel>;
  memberships: readonly MembershipModel[];
  /** Databases, schemas and objects whose owner is set. */
  owners: readonly OwnerRule[];
  rules: readonly AccessRule[];
  defaults: readonly DefaultRule[];
  rowSecurity: readonly RowSecurityModel[];
  /** ALTER DATABASE ... SET. */
  databaseSettings: ReadonlyMap<string, string>;
  /** Schemas that the file governs, with whether each is to be made when missing. */
  schemas: ReadonlyMap<string, { create: boolean; comment: string | undefined; line: number }>;
  /** Whether the database's own list is governed. */
  governsDatabase: boolean;
  /**
   * Objects that are governed one by one, by kind and pattern: what lives in no schema (languages, servers, parameters),
   * and what lives in one that is not governed (pg_catalog). Of the latter only the file's roles have exact lists.
   */
  governed: readonly ObjectTarget[];
  verify: VerifyModel;
}

export interface RoleModel {
  name: string;
  /** 1-based line of the file. */
  line: number;
  state: "present" | "absent";
  login: boolean;
  inherit: boolean;
  superuser: boolean;
  createRole: boolean;
  createDatabase: boolean;
  replication: boolean;
  bypassRowSecurity: boolean;
  /** -1: no limit. */
  connectionLimit: number;
  /** ISO date or timestamp, "infinity"; undefined: none. */
  validUntil: string | undefined;
  /** undefined: not governed. */
  comment: string | undefined;
  /** The reference as written ("${env:APP_PASSWORD}"), never the secret; undefined: not governed. */
  password: string | undefined;
  /** The role that it becomes at login (three-tier's migrator). */
  runAs: string | undefined;
  /** In every database. Names of parameters are in lower case, here and in snapshots. */
  settings: ReadonlyMap<string, string>;
  /** In the model's database: ALTER ROLE ... IN DATABASE ... SET. Those of other databases are not governed. */
  databaseSettings: ReadonlyMap<string, string>;
  /** Only for state "absent". */
  retirement: { reassignTo: string | undefined; dropOwned: boolean; terminate: boolean } | undefined;
}

export interface MembershipModel {
  role: string;
  member: string;
  /** undefined: as the server's version has it by itself. */
  inherit: boolean | undefined;
  set: boolean | undefined;
  admin: boolean;
  line: number;
}

/** Some objects of one kind. */
export interface ObjectTarget {
  kind: ObjectKind;
  /** undefined: all forms of the kind. */
  subkinds?: readonly ObjectSubkind[] | undefined;
  /** undefined where the kind lives in no schema. */
  schema: string | undefined;
  /** "*", globs over the name, exact names, signatures of routines. Large objects by oid. See object-pattern.ts. */
  patterns: readonly string[];
}

/**
 * One rule. For a role of the file the rules that match an object say exactly what it has there. For PUBLIC in mode
 * adopt that holds where a grant matches, or a revoke of no privileges at all ([]), which only says that the list is
 * exact; a revoke that names privileges takes those and leaves PUBLIC's others (the guide takes CREATE on
 * schema public and keeps USAGE).
 */
export interface AccessRule {
  effect: "grant" | "revoke";
  target: ObjectTarget;
  /** Column privileges; undefined: the object as a whole. */
  columns: readonly string[] | undefined;
  /** PUBLIC is the empty name. */
  role: string;
  /** "all": whatever the connected server has for the kind. */
  privileges: readonly PrivilegeName[] | "all";
  grantable: boolean;
  /** Of a revoke: only the right to pass the privileges on. */
  optionOnly?: boolean | undefined;
  line: number;
}

/** Of several that match an object the last counts. */
export interface OwnerRule {
  target: ObjectTarget;
  owner: string;
  line: number;
}

/** What `creator`'s future objects give. */
export interface DefaultRule {
  effect: "grant" | "revoke";
  creator: string;
  /** undefined: in every schema of the database. */
  schema: string | undefined;
  on: DefaultAclKind;
  role: string;
  privileges: readonly PrivilegeName[] | "all";
  grantable: boolean;
  line: number;
}

export interface RowSecurityModel {
  schema: string;
  table: string;
  enable: boolean;
  force: boolean;
  /** Policies that the file does not name are dropped from a governed table, except in mode additive. */
  policies: readonly PolicyModel[];
  line: number;
}

export interface PolicyModel {
  name: string;
  to: readonly string[];
  command: "all" | "select" | "insert" | "update" | "delete";
  permissive: boolean;
  using: string | undefined;
  check: string | undefined;
}

/** "django: select app.orders", taken apart. */
export interface Expectation {
  role: string;
  /** A privilege's name, or an action: "create in", "nextval", "set role". */
  action: string;
  /** As written: "app.orders", "app.orders_id_seq". */
  object: string;
  expected: "allowed" | "refused";
  line: number;
}

export interface VerifyModel {
  /** Role to connection string reference ("${env:DJANGO_URL}"). */
  logins: ReadonlyMap<string, string>;
  expectations: readonly Expectation[];
  /** Signatures of routines that --call may execute. */
  callable: readonly string[];
}
