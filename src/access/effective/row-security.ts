/**
 * Whether row level security narrows what a role sees of a table.
 *
 * It is about who acts: superusers and roles with BYPASSRLS are never narrowed, whoever has the owner's rights only
 * where it is forced. With no permissive policy for the role and the command no row is left.
 */
import type { Policy, Snapshot } from "../catalog/snapshot.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";
import type { RoleClosures } from "./closures.ts";
import type { Holdings } from "./holdings.ts";

export interface RowLimit {
  /** all: not narrowed. some: to the rows of `policies`. none: enabled, and no policy lets a row through. */
  rows: "all" | "some" | "none";
  /** Why: "row level security is off", "the role bypasses it". */
  reason: string;
  /** Policies that let rows through or narrow them further, by name. */
  policies: readonly Policy[];
}

const FILTERED = new Set<PrivilegeName>(["select", "insert", "update", "delete"]);

export class RowSecurity {
  readonly #policies = new Map<string, Policy[]>();
  readonly #snapshot: Snapshot;
  readonly #closures: RoleClosures;
  readonly #holdings: Holdings;

  constructor(snapshot: Snapshot, closures: RoleClosures, holdings: Holdings) {
    this.#snapshot = snapshot;
    this.#closures = closures;
    this.#holdings = holdings;
    for (const policy of snapshot.policies) {
      const key = JSON.stringify([policy.schema, policy.table]);
      const known = this.#policies.get(key);
      if (known) known.push(policy);
      else this.#policies.set(key, [policy]);
    }
  }

  /** What is left of `table` for `role` acting as itself. */
  limitOf(role: string, privilege: PrivilegeName, table: CatalogObject): RowLimit {
    const free = this.#reasonToBeFree(role, privilege, table);
    if (free !== undefined) return { rows: "all", reason: free, policies: [] };
    const policies = this.#policiesFor(role, privilege, table);
    if (policies.some(({ permissive }) => permissive)) return { rows: "some", reason: "its policies decide", policies };
    return { rows: "none", reason: "no policy lets a row through", policies };
  }

  #reasonToBeFree(role: string, privilege: PrivilegeName, table: CatalogObject): string | undefined {
    if (table.kind !== "table" || !table.rowSecurity?.enabled) return "row level security is off";
    if (!FILTERED.has(privilege)) return "row level security does not apply to this privilege";
    if (this.#holdings.isSuperuser(role)) return "a superuser bypasses it";
    if (this.#snapshot.roles.get(role)?.bypassRowSecurity) return "the role bypasses it";
    if (!table.rowSecurity.forced && this.#holdings.owns(role, table))
      return "the owner's rights, and it is not forced";
    return undefined;
  }

  #policiesFor(role: string, privilege: PrivilegeName, { schema, name }: CatalogObject): Policy[] {
    const inherited = this.#closures.inherited(role);
    return (this.#policies.get(JSON.stringify([schema, name])) ?? []).filter(
      (policy) =>
        (policy.command === "all" || policy.command === privilege) &&
        policy.roles.some((named) => named === PUBLIC || inherited.has(named)),
    );
  }
}
