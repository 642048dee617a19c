/**
 * Who may do what, computed from a snapshot: the union of everything that gives a privilege.
 *
 * `held` is what the server's has_*_privilege functions answer, and tests hold it to that for every role, object and
 * privilege. `usable` adds what those leave out: without USAGE on the schema nothing in it can be reached. Both say what
 * is so now; `...AfterSetRole` what is so as any role that the asked one can become.
 */
import { privilegeKinds } from "../catalog/kinds.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { NO_PRIVILEGES, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";
import { RoleClosures } from "./closures.ts";
import { Holdings } from "./holdings.ts";
import { RowSecurity } from "./row-security.ts";

const USAGE = privilegeSet(["usage"]);

export class EffectiveAccess {
  readonly snapshot: Snapshot;
  readonly closures: RoleClosures;
  readonly holdings: Holdings;
  readonly rowSecurity: RowSecurity;
  readonly #schemas: ReadonlyMap<string, CatalogObject>;

  constructor(snapshot: Snapshot, closures: RoleClosures, holdings: Holdings) {
    this.snapshot = snapshot;
    this.closures = closures;
    this.holdings = holdings;
    this.rowSecurity = new RowSecurity(snapshot, closures, holdings);
    this.#schemas = new Map(snapshot.objects.schema.map((schema) => [schema.name, schema]));
  }

  /** As has_*_privilege: what `role` (PUBLIC is "") holds on `object` now. */
  held(role: string, object: CatalogObject): PrivilegeSet {
    return this.holdings.held(role, object);
  }

  /** What some role that `role` can become, itself included, holds. */
  heldAfterSetRole(role: string, object: CatalogObject): PrivilegeSet {
    return this.#afterSetRole(role, (as) => this.held(as, object));
  }

  /** `held`, where the object can be reached. */
  usable(role: string, object: CatalogObject): PrivilegeSet {
    return this.reaches(role, object) ? this.held(role, object) : NO_PRIVILEGES;
  }

  usableAfterSetRole(role: string, object: CatalogObject): PrivilegeSet {
    return this.#afterSetRole(role, (as) => this.usable(as, object));
  }

  /** The privileges of one column: those of the table and the column's own. */
  heldOnColumn(role: string, table: CatalogObject, column: string): PrivilegeSet {
    return this.held(role, table) | this.holdings.heldOnColumn(role, table, column);
  }

  /** Whether `role` has USAGE on the object's schema, or needs none. */
  reaches(role: string, { schema }: CatalogObject): boolean {
    if (schema === undefined || this.holdings.isSuperuser(role)) return true;
    const object = this.#schemas.get(schema);
    // Schemas that were not asked for are the server's own, and open to everybody.
    return object === undefined || (this.held(role, object) & USAGE) !== 0;
  }

  #afterSetRole(role: string, ask: (as: string) => PrivilegeSet): PrivilegeSet {
    let set = NO_PRIVILEGES;
    for (const as of this.closures.becomes(role)) set |= ask(as);
    return set;
  }
}

/** Ready to answer for every role and object of `snapshot`. */
export async function effectiveAccess(snapshot: Snapshot): Promise<EffectiveAccess> {
  const kinds = new Map((await privilegeKinds()).map((kind) => [kind.name, kind]));
  const closures = new RoleClosures(snapshot);
  return new EffectiveAccess(snapshot, closures, new Holdings(snapshot, closures, kinds));
}
