/**
 * What a server says about who may do what, read once in one read-only transaction.
 *
 * Everything above (plan, explain, paths, report, verify) works on this picture and asks the server nothing more, so
 * all answers of one run agree with each other. Roles are named, not numbered; PUBLIC is the empty name. What could not
 * be read stands in `unreadable`, and whoever needs it must answer "unknown".
 */
import type { Acl } from "../privileges/acl.ts";
import type { CatalogObject, DefaultAclKind, ObjectKind } from "../privileges/catalog-object.ts";

export interface RoleSetting {
  /** undefined: in every database. */
  database: string | undefined;
  name: string;
  value: string;
}

/** Oid of the role that initdb made: it can be renamed, stays a superuser, and cannot be dropped. */
export const BOOTSTRAP_OID = 10;

export interface Role {
  oid: number;
  name: string;
  superuser: boolean;
  inherit: boolean;
  createRole: boolean;
  createDatabase: boolean;
  login: boolean;
  replication: boolean;
  bypassRowSecurity: boolean;
  /** -1: no limit. */
  connectionLimit: number;
  /** As the server writes it in UTC, ISO form ("2027-06-30 00:00:00+00", "infinity"); undefined: none. */
  validUntil: string | undefined;
  comment: string | undefined;
  /** unknown: pg_authid may not be read. */
  password: "scram-sha-256" | "md5" | "none" | "unknown";
  settings: readonly RoleSetting[];
  /** False when the name's bytes are not UTF-8 here, so that no statement of ours can name it for certain. */
  addressable: boolean;
}

/** One row of pg_auth_members. */
export interface Membership {
  /** The role whose rights are got. */
  role: string;
  member: string;
  grantor: string;
  admin: boolean;
  /** Up to 15: the member's own INHERIT attribute. */
  inherit: boolean;
  /** Up to 15: always true. */
  set: boolean;
}

/** What objects that somebody will create get. */
export interface DefaultAcl {
  creator: string;
  /** undefined: in every schema of this database. */
  schema: string | undefined;
  on: DefaultAclKind;
  acl: Acl;
}

export interface Policy {
  schema: string;
  table: string;
  name: string;
  command: "all" | "select" | "insert" | "update" | "delete";
  permissive: boolean;
  /** PUBLIC is the empty name. */
  roles: readonly string[];
  using: string | undefined;
  check: string | undefined;
  /** Holds the mark of who wrote it, see plan/policy-mark.ts. */
  comment?: string | undefined;
}

/** Objects that a role owns or is named in the lists of, in another database; of the one that was read, what it owns. */
export interface RoleDependency {
  role: string;
  database: string;
  objects: number;
}

/** A function that runs by itself, and on what: the ways in which one role's code runs with another's rights. */
export interface Hook {
  kind: "event trigger" | "trigger" | "default" | "index" | "policy" | "constraint" | "view" | "rule";
  /** The trigger's, policy's, index's name. */
  name: string;
  /** oid of the table or view that it stands on; undefined for event triggers. */
  table: number | undefined;
  /** oid of the routine that runs. */
  routine: number;
}

export interface Snapshot {
  /** server_version_num / 10000. */
  major: number;
  version: number;
  /** Name of the database that was read. */
  database: string;
  databaseOid: number;
  /** Who asked. */
  executor: { sessionUser: string; currentUser: string; superuser: boolean };
  /** By name, every role of the cluster. */
  roles: ReadonlyMap<string, Role>;
  memberships: readonly Membership[];
  /** By kind. System schemas (pg_catalog, information_schema, pg_toast, temporary ones) only where `system` was asked for. */
  objects: Readonly<Record<ObjectKind, readonly CatalogObject[]>>;
  defaultAcls: readonly DefaultAcl[];
  policies: readonly Policy[];
  /** ALTER DATABASE ... SET of this database, and of roles in any database. */
  databaseSettings: readonly RoleSetting[];
  /** By schema, where there is one. */
  schemaComments?: ReadonlyMap<string, string> | undefined;
  /** What keeps roles from being dropped, by database. */
  roleDependencies?: readonly RoleDependency[] | undefined;
  /** What this executor may not see, in words: "pg_authid (passwords)". */
  unreadable: readonly string[];
}
