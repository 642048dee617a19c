/** Pictures of servers for tests of planning, with only what a test is about. */
import type { Role, Snapshot } from "../../src/access/catalog/snapshot.ts";
import { AclReader } from "../../src/access/privileges/acl.ts";
import { type CatalogObject, forEachKind, type ObjectKind } from "../../src/access/privileges/catalog-object.ts";
import { ident, qualified } from "../../src/pg/identifiers.ts";

export function roleOf(name: string, changes: Partial<Role> = {}): Role {
  return {
    oid: 16_384 + name.length,
    name,
    superuser: false,
    inherit: true,
    createRole: false,
    createDatabase: false,
    login: false,
    replication: false,
    bypassRowSecurity: false,
    connectionLimit: -1,
    validUntil: undefined,
    comment: undefined,
    password: "unknown",
    settings: [],
    addressable: true,
    ...changes,
  };
}

const acls = new AclReader();

/** `acl` as the server writes it: "{app=r/own}"; null for none. */
export function objectOf(
  kind: ObjectKind,
  name: string,
  { schema, owner = "own", acl = null, ...changes }: Partial<Omit<CatalogObject, "acl">> & { acl?: string | null } = {},
): CatalogObject {
  const sql = schema === undefined ? ident(name) : qualified(schema, name);
  return { kind, oid: 20_000, schema, name, sql, owner, acl: acls.read(acl), ...changes };
}

/** PostgreSQL 18, database "shop" of `own`, looked at by the superuser. */
export function snapshotOf({
  roles = [],
  objects = [],
  ...changes
}: Partial<Omit<Snapshot, "roles" | "objects">> & {
  roles?: readonly Role[];
  objects?: readonly CatalogObject[];
} = {}): Snapshot {
  const all = [roleOf("postgres", { oid: 10, superuser: true }), roleOf("own"), ...roles];
  const of = (kind: ObjectKind): CatalogObject[] => objects.filter((object) => object.kind === kind);
  return {
    major: 18,
    version: 180_004,
    database: "shop",
    databaseOid: 5,
    executor: { sessionUser: "postgres", currentUser: "postgres", superuser: true },
    roles: new Map(all.map((role) => [role.name, role])),
    memberships: [],
    objects: { ...forEachKind(of), database: [objectOf("database", "shop", { oid: 5 })] },
    defaultAcls: [],
    policies: [],
    databaseSettings: [],
    unreadable: [],
    ...changes,
  };
}
