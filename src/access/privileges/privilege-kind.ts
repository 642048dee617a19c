/**
 * What a kind of object is to access control: how its privileges are read, granted and taken away.
 *
 * One definition per file of this folder. The inspector asks every kind for its query and sends them all at once, so
 * the number of statements depends on the number of kinds and never on how many objects there are.
 */
import type { TextRow } from "../../pg/session.ts";
import type { AclReader } from "./acl.ts";
import type { CatalogObject, DefaultAclKind, ObjectKind } from "./catalog-object.ts";
import type { PrivilegeName } from "./privilege.ts";

export interface PrivilegeKind {
  /** File name and public name. */
  name: ObjectKind;
  summary: string;
  /** What GRANT ... ON says before the name: "TABLE", "FOREIGN SERVER". */
  keyword: string;
  /** What ALTER ... OWNER TO says, where owners can be changed; a function where it depends on the object. */
  ownerKeyword: ((object: CatalogObject) => string) | undefined;
  /** First major version that has the kind. */
  since?: number | undefined;
  /** Everything grantable on it, newest included; what a server lacks is left out by `knownTo`. */
  privileges: readonly PrivilegeName[];
  /** What PUBLIC may do while the list is NULL. */
  publicByDefault: readonly PrivilegeName[];
  /** The owner's built-in privileges when they are not all of `privileges`. */
  ownerByDefault?: readonly PrivilegeName[] | undefined;
  /** ALTER DEFAULT PRIVILEGES ... ON what; absent when the kind has none. */
  defaults?:
    | { on: DefaultAclKind; keyword: string; objectType: string; since?: number | undefined; inSchema: boolean }
    | undefined;
  /** GRANT ... ON ALL what IN SCHEMA; absent when there is no such form. */
  allInSchema?: string | undefined;
  /** True when it belongs to the cluster and not to one database. */
  shared: boolean;
  /** Where pg_depend lists those that belong to an extension; absent for kinds that no extension brings. */
  extensionCatalog?: string | undefined;
  /** The catalog query, qualified, without parameters and in a fixed order. */
  inspect(options: { major: number; includeSystem: boolean }): string;
  /** One row of `inspect`. */
  read(row: TextRow, acl: AclReader): CatalogObject;
}

export function definePrivilegeKind(kind: PrivilegeKind): PrivilegeKind {
  return kind;
}
