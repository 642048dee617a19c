/**
 * Who holds a privilege, in terms of roles that are used: grantees, the owner, and PUBLIC.
 *
 * Two rights are often needed together (EXECUTE on a function and USAGE on its schema). A graph cannot say "and", so
 * those are worked out here over what each role inherits, and answered by the least roles that have both: everybody
 * else reaches them through membership.
 */
import type { Snapshot } from "../catalog/snapshot.ts";
import { RoleClosures } from "../effective/closures.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { type PrivilegeName, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";

export class Holders {
  readonly #schemas: ReadonlyMap<string, CatalogObject>;
  readonly #tables: ReadonlyMap<number, CatalogObject>;
  readonly #roles: readonly string[];
  readonly #closures: RoleClosures;
  readonly #inherited = new Map<string, ReadonlySet<string>>();
  readonly #pairs = new Map<string, readonly string[]>();

  constructor(snapshot: Snapshot) {
    this.#schemas = new Map(snapshot.objects.schema.map((schema) => [schema.name, schema]));
    this.#tables = new Map(snapshot.objects.table.map((table) => [table.oid, table]));
    this.#roles = [...snapshot.roles.keys()];
    this.#closures = new RoleClosures(snapshot);
  }

  /** Roles, PUBLIC among them, that have one of `names` on `object` by its list or by owning it. */
  of(object: CatalogObject, names: readonly PrivilegeName[], publicByDefault: boolean): readonly string[] {
    return listed(object, { wanted: privilegeSet(names), publicByDefault });
  }

  /**
   * Roles whose statements reach the rows of `table`: by rights on it, or on a table that it is a partition or a child
   * of, whose statements need no right on the child itself.
   */
  users(table: CatalogObject, names: readonly PrivilegeName[]): readonly string[] {
    const found = new Set<string>();
    const seen = new Set<number>();
    for (let at: CatalogObject | undefined = table; at && !seen.has(at.oid); at = this.#parentOf(at)) {
      seen.add(at.oid);
      for (const role of this.of(at, names, false)) found.add(role);
    }
    return [...found];
  }

  #parentOf({ parent }: CatalogObject): CatalogObject | undefined {
    return parent && parent.relation !== "owned" ? this.#tables.get(parent.oid) : undefined;
  }

  /**
   * The least roles that have one of `names` on `object` and USAGE on its schema. Superusers are not listed: they need
   * neither.
   */
  reaching(object: CatalogObject, names: readonly PrivilegeName[], publicByDefault: boolean): readonly string[] {
    const onObject = this.of(object, names, publicByDefault);
    const schema = object.schema === undefined ? undefined : this.#schemas.get(object.schema);
    if (!schema) return onObject;
    const onSchema = this.of(schema, ["usage"], false);
    const key = JSON.stringify([onObject, onSchema]);
    let both = this.#pairs.get(key);
    if (!both) {
      both = this.#leastWithBoth(new Set(onObject), new Set(onSchema));
      this.#pairs.set(key, both);
    }
    return both;
  }

  /** Every role that `role` has the privileges of: itself first, what it inherits, PUBLIC. */
  inherited(role: string): ReadonlySet<string> {
    let roles = this.#inherited.get(role);
    if (!roles) {
      roles = new Set([role, ...this.#closures.inherited(role), PUBLIC]);
      this.#inherited.set(role, roles);
    }
    return roles;
  }

  #leastWithBoth(first: ReadonlySet<string>, second: ReadonlySet<string>): readonly string[] {
    if (first.has(PUBLIC) && second.has(PUBLIC)) return [PUBLIC];
    const inherited = this.#roles.map((role) => [role, this.inherited(role)] as const);
    const having = inherited.filter(([, roles]) => meets(roles, first) && meets(roles, second));
    const names = new Set(having.map(([role]) => role));
    return having
      .filter(([role, roles]) => ![...roles].some((other) => other !== role && names.has(other)))
      .map(([role]) => role);
  }
}

function meets(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const one of some) if (others.has(one)) return true;
  return false;
}

/** `publicByDefault`: whether PUBLIC holds it on objects that nothing was granted on. */
function listed(
  { owner, acl }: CatalogObject,
  { wanted, publicByDefault }: { wanted: PrivilegeSet; publicByDefault: boolean },
): string[] {
  const roles = new Set<string>();
  if (owner !== undefined) roles.add(owner);
  if (acl === undefined && publicByDefault) roles.add(PUBLIC);
  for (const { grantee, privileges } of acl ?? []) if ((privileges & wanted) !== 0) roles.add(grantee);
  return [...roles];
}
