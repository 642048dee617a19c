/** Snapshots without a server: an empty one, and the parts that a test fills in. */
import type { Role, Snapshot } from "../../src/access/catalog/snapshot.ts";
import { forEachKind } from "../../src/access/privileges/catalog-object.ts";

/** A server with nothing but database "shop"; `parts` win. */
export function snapshotOf(parts: Partial<Snapshot> = {}): Snapshot {
  return { ...EMPTY, ...parts };
}

/** A role without attributes; `changes` win. */
export function plainRole(name: string, changes: Partial<Role> = {}): Role {
  return { ...PLAIN, name, ...changes };
}

const PLAIN: Role = {
  oid: 16_384,
  name: "",
  superuser: false,
  inherit: true,
  createRole: false,
  createDatabase: false,
  login: true,
  replication: false,
  bypassRowSecurity: false,
  connectionLimit: -1,
  validUntil: undefined,
  comment: undefined,
  password: "none",
  settings: [],
  addressable: true,
};

const EMPTY: Snapshot = {
  major: 18,
  version: 180_004,
  database: "shop",
  databaseOid: 5,
  executor: { sessionUser: "postgres", currentUser: "postgres", superuser: true },
  roles: new Map(),
  memberships: [],
  objects: forEachKind(() => []),
  defaultAcls: [],
  policies: [],
  databaseSettings: [],
  unreadable: [],
};
